/**
 * Who may push by PushEx's API: an app by Basic `key:secret` or Bearer `secret`, whom a plugin vouches
 * for, and with nothing but the published development credentials everybody on this machine (`local.ts`).
 * Spec: phoenix contract 3.1, 3.2.
 */
import type { App } from '../../core/app'
import type { Core } from '../../core/core'
import { raise, RealtimeError, type ErrorCode } from '../../core/errors'
import type { SecretVerdict } from '../../http/app-secrets'
import { basicCredentials } from '../../http/basic'
import type { DialectAccess } from '../../http/api'
import type { ReceivedRequest } from '../../http/hooks'
import { isForeignPage } from '../../http/admin-origins'
import { queryOf } from '../../http/url'

/** Somebody may push to the app; `params` is what a plugin put in the place of the body, if anything. */
export type Grant = { readonly app: App; readonly params: unknown }

export class PushAccess {
  readonly #core: Core
  readonly #door: DialectAccess

  constructor(core: Core, door: DialectAccess) {
    this.#core = core
    this.#door = door
  }

  /** The app that a request is for: whose key it says, or that of those who name none. */
  appOf({ headers, url }: Request): App | undefined {
    const { isBasic, user } = basicCredentials(headers.get('authorization'))
    const key = isBasic ? user : new URLSearchParams(queryOf(url)).get('app_key')
    const { apps } = this.#core
    return key === null ? apps.defaultApp() : apps.byKey(key)
  }

  /**
   * Undefined where the request is forbidden. `body` is asked for only where a plugin wants to see it.
   * @throws RealtimeError where it was too often, a plugin fails, or published credentials are not enough
   */
  async granted(
    received: ReceivedRequest,
    body: () => Promise<unknown>,
  ): Promise<Grant | undefined> {
    const { request, app } = received
    if (!app?.record.active || isForeignPage(request.headers, [])) return undefined
    const { hooks, secrets } = this.#door
    const core = this.#core
    const shown = this.#shown(request, app)
    const vouched = !shown.isValid && (await unlessRefused(hooks.authenticate(received))) === true
    if (vouched) secrets.forgive(shown)
    const isKnown = shown.isValid || vouched
    if (!isKnown && shown.refusal && core.hooks.authorizePush.length === 0) raise(shown.refusal)
    if (core.hooks.authorizePush.length === 0)
      return isKnown ? { app, params: undefined } : undefined
    const params = await body()
    const verdict = await unlessRefused(hooks.authorizePush(received, params))
    if (verdict === undefined) return undefined
    if (!isKnown && !verdict.isAllowed) return shown.refusal ? raise(shown.refusal) : undefined
    return { app, params: verdict.params }
  }

  #shown(request: Request, app: App): SecretVerdict {
    const { secrets, openAppId } = this.#door
    const isOpen = app.id === openAppId && !request.headers.has('authorization')
    return isOpen
      ? secrets.verifyPublished(request)
      : secrets.verify(request, app, { bearer: true })
  }
}

const REFUSALS: readonly ErrorCode[] = ['request_unauthorized', 'request_refused']

/** Undefined where a plugin said no, which this API tells in its own words. */
async function unlessRefused<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking
  } catch (cause) {
    if (cause instanceof RealtimeError && REFUSALS.includes(cause.code)) return undefined
    throw cause // too often, or a fault
  }
}
