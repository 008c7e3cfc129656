/**
 * ApiHooks: runs the plugins' hooks for requests to the HTTP API, and shows them a view of each. Without
 * plugins it is two length checks.
 */
import type { App } from '../core/app'
import type { Core } from '../core/core'
import { isRefusal, raise } from '../core/errors'
import { runGates, runGatesNow, collectHeaders, notify, type Verdict } from '../core/hooks'
import { andThen, type MaybePromise } from '../core/maybe-promise'
import type { AppView, RequestView } from '../core/plugin'
import type { Allowed } from '../core/plugin-answers'
import { freezeDeep, readOnlyHeaders } from '../core/read-only'
import { appView, signalOf } from '../core/views'
import type { Addresses } from './address'
import { sentUrl } from './place'

export type ReceivedRequest = {
  readonly request: Request
  readonly area: RequestView['area']
  readonly app: App | undefined
  /** Empty until the request is authenticated. */
  body: Uint8Array
}

export type PushVerdict = { readonly isAllowed: boolean; readonly params: unknown }

export class ApiHooks {
  readonly #views = new WeakMap<Request, RequestView>()

  constructor(
    readonly core: Core,
    readonly addresses: Addresses,
  ) {}

  /**
   * True where a plugin vouches for the backend. Makes no promise where no gate waits.
   * @throws RealtimeError where one refuses
   */
  authenticate(received: ReceivedRequest): MaybePromise<boolean> {
    const gates = this.core.hooks.authenticate
    return andThen(runGates(this.core, gates, this.#viewOf(received)), isAllowed)
  }

  /**
   * Whether a plugin allows a push without credentials, and what it puts in the place of `params`. Makes no promise
   * where no gate waits.
   * @throws RealtimeError where one refuses
   */
  authorizePush(received: ReceivedRequest, params: unknown): MaybePromise<PushVerdict> {
    const gates = this.core.hooks.authorizePush
    const verdict = runGates(this.core, gates, this.#viewOf(received), freezeDeep(params))
    return andThen(verdict, pushVerdictOf)
  }

  notify(name: 'apiRequested' | 'apiProcessed', received: ReceivedRequest): void {
    const taps = this.core.hooks[name]
    if (taps.length > 0) notify(this.core, taps, this.#viewOf(received))
  }

  /** @throws RealtimeError where a plugin refuses */
  authorize(received: ReceivedRequest): void {
    const { request, response } = this.core.hooks
    if (request.length === 0 && response.length === 0) return
    const refused = runGatesNow(this.core, request, this.#viewOf(received))
    if (refused) raise(refused)
  }

  /** The same for a request to the admin API. */
  readonly authorizeAdmin = (request: Request): void =>
    this.authorize({ request, area: 'admin', app: undefined, body: NO_BODY })

  /** Adds the plugins' headers to the answer of a request that they have authorized. */
  addHeaders(request: Request, status: number, headers: Record<string, unknown>): void {
    const { response } = this.core.hooks
    const view = response.length > 0 && this.#views.get(request)
    if (view)
      Object.assign(headers, collectHeaders(this.core, response, view, Object.freeze({ status })))
  }

  #viewOf(received: ReceivedRequest): RequestView {
    let view = this.#views.get(received.request)
    if (view?.area !== received.area)
      this.#views.set(received.request, (view = new LazyRequestView(received, this.addresses)))
    return view
  }
}

function isAllowed(verdict: Verdict): boolean {
  if (isRefusal(verdict)) raise(verdict)
  return verdict !== undefined
}

function pushVerdictOf(verdict: Verdict): PushVerdict {
  return { isAllowed: isAllowed(verdict), params: (verdict as Allowed | undefined)?.params }
}

/** For requests whose body is read later, by their route. */
export const NO_BODY = new Uint8Array()

class LazyRequestView implements RequestView {
  readonly #received: ReceivedRequest
  readonly #addresses: Addresses
  #headers: Headers | undefined

  constructor(received: ReceivedRequest, addresses: Addresses) {
    this.#received = received
    this.#addresses = addresses
    Object.freeze(this)
  }

  get method(): string {
    return this.#received.request.method
  }
  get url(): string {
    return sentUrl(this.#received.request)
  }
  get headers(): Headers {
    return (this.#headers ??= readOnlyHeaders(this.#received.request.headers))
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
    return new Uint8Array(this.#received.body)
  }
  get signal(): AbortSignal {
    return signalOf(this, this.#received.request.signal)
  }

  static {
    Object.freeze(this.prototype)
  }
}
