/**
 * Who may push by PushEx's API: an app by Basic `key:secret` or Bearer `secret`, whom a plugin vouches
 * for, and with nothing but the published development credentials everybody on this machine.
 * Spec: phoenix contract 3.1, 3.2.
 */
import type { App } from '../core/apps'
import type { Core } from '../core/core'
import { RealtimeError, type ErrorCode } from '../core/errors'
import { basicCredentials, isKeyPairOf, isSecretOf } from './basic'
import type { ApiHooks, Received } from './hooks'
import { isForeignPage } from './identity'
import { queryOf } from './url'

/** Somebody may push to the app; `params` is what a plugin put in the place of the body, if anything. */
export type Grant = { readonly app: App; readonly params: unknown }

export class PushAccess {
  constructor(
    readonly core: Core,
    readonly hooks: ApiHooks,
    /** The app that needs no credentials, if there is one. */
    readonly openAppId: string | undefined,
  ) {}

  /** The app that a request is for: whose key it says, or that of those who name none. */
  appOf({ headers, url }: Request): App | undefined {
    const { isBasic, user } = basicCredentials(headers.get('authorization'))
    const key = isBasic ? user : new URLSearchParams(queryOf(url)).get('app_key')
    const { apps } = this.core
    return key === null ? apps.unnamed() : apps.byKey(key)
  }

  /**
   * Undefined where the request is forbidden. `body` is asked for only where a plugin wants to see it.
   * @throws RealtimeError where a plugin says that it was too often, or fails
   */
  async granted(received: Received, body: () => Promise<unknown>): Promise<Grant | undefined> {
    const { request, app } = received
    if (!app?.record.active || isForeignPage(request.headers, [])) return undefined
    const { hooks, core } = this
    const isKnown =
      this.#knows(request, app) || (await unlessRefused(hooks.authenticate(received))) === true
    if (core.hooks.authorizePush.length === 0)
      return isKnown ? { app, params: undefined } : undefined
    const params = await body()
    const verdict = await unlessRefused(hooks.authorizePush(received, params))
    if (verdict === undefined || !(isKnown || verdict.isAllowed)) return undefined
    return { app, params: verdict.params }
  }

  #knows({ headers }: Request, app: App): boolean {
    const authorization = headers.get('authorization')
    if (authorization === null) return app.id === this.openAppId && isLocal(headers)
    return isKeyPairOf(app, authorization) || isSecretOf(app, authorization)
  }
}

const LOCAL = /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/i

/** Neither through a proxy nor by a name that somebody has pointed here. */
const isLocal = (headers: Headers): boolean =>
  LOCAL.test(headers.get('host') ?? '') && !headers.has('x-forwarded-for')

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
