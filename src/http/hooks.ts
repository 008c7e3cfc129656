/**
 * The HTTP API's side of the hooks: what plugins are shown of a request, what they are asked, which
 * headers they add. Without plugins it is two length checks.
 */
import type { App } from '../core/app'
import type { Core } from '../core/core'
import { isRefusal, raise } from '../core/errors'
import { runGates, runGatesNow, collectHeaders, notify } from '../core/hooks'
import type { AppView, RequestView } from '../core/plugin'
import { appView } from '../core/views'
import type { Addresses } from './address'
import { sentUrl } from './place'

export type Received = {
  readonly request: Request
  readonly area: RequestView['area']
  readonly app: App | undefined
  /** Empty until it is known who asks. */
  body: Uint8Array
}

export type PushVerdict = { readonly isAllowed: boolean; readonly params: unknown }

export class ApiHooks {
  readonly #views = new WeakMap<Request, RequestView>()

  constructor(
    readonly core: Core,
    readonly addresses: Addresses,
  ) {}

  /** True where a plugin vouches for the backend. May wait. @throws RealtimeError where one refuses */
  async authenticate(received: Received): Promise<boolean> {
    const { core } = this
    const verdict = await runGates(core, core.hooks.authenticate, this.#viewOf(received))
    if (isRefusal(verdict)) raise(verdict)
    return verdict !== undefined
  }

  /**
   * Whether a plugin lets it be pushed, though nobody else would, and what in place of `params`. May wait.
   * @throws RealtimeError where one refuses
   */
  async authorizePush(received: Received, params: unknown): Promise<PushVerdict> {
    const { core } = this
    const verdict = await runGates(core, core.hooks.authorizePush, this.#viewOf(received), params)
    if (isRefusal(verdict)) raise(verdict)
    return { isAllowed: verdict !== undefined, params: verdict?.params }
  }

  /** Tells plugins of a request. */
  tell(name: 'apiRequested' | 'apiProcessed', received: Received): void {
    const taps = this.core.hooks[name]
    if (taps.length > 0) notify(this.core, taps, this.#viewOf(received))
  }

  /** @throws RealtimeError where a plugin refuses */
  check(received: Received): void {
    const { request, response } = this.core.hooks
    if (request.length === 0 && response.length === 0) return
    const refused = runGatesNow(this.core, request, this.#viewOf(received))
    if (refused) raise(refused)
  }

  /** The same for whoever wants to use the admin API. */
  readonly checkAdmin = (request: Request): void =>
    this.check({ request, area: 'admin', app: undefined, body: NO_BODY })

  /** What plugins add to the answer of a request that they were asked about. */
  addHeaders(request: Request, status: number, headers: Record<string, unknown>): void {
    const { response } = this.core.hooks
    const view = response.length > 0 && this.#views.get(request)
    if (view) Object.assign(headers, collectHeaders(this.core, response, view, { status }))
  }

  #viewOf(received: Received): RequestView {
    let view = this.#views.get(received.request)
    if (!view)
      this.#views.set(received.request, (view = new RequestReader(received, this.addresses)))
    return view
  }
}

/** Bodies of admin requests are read by their routes. */
export const NO_BODY = new Uint8Array()

class RequestReader implements RequestView {
  readonly #received: Received
  readonly #addresses: Addresses

  constructor(received: Received, addresses: Addresses) {
    this.#received = received
    this.#addresses = addresses
  }

  get method(): string {
    return this.#received.request.method
  }
  get url(): string {
    return sentUrl(this.#received.request)
  }
  get headers(): Headers {
    return this.#received.request.headers
  }
  get remoteAddress(): string {
    return this.#addresses.of(this.#received.request)
  }
  get area(): RequestView['area'] {
    return this.#received.area
  }
  get app(): AppView | undefined {
    return this.#received.app && appView(this.#received.app)
  }
  get body(): Uint8Array {
    return this.#received.body
  }
}
