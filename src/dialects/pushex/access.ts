/**
 * PushAccess: authorizes pushes by PushEx's API. An app shows its secret, by Basic or Bearer, or a plugin
 * vouches for it; with the published credentials every request of this machine may push (`local.ts`).
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

/** A permission to push; `params` is what a plugin put in the place of the body, if anything. */
export type Grant = { readonly app: App; readonly params: unknown }

export class PushAccess {
  constructor(
    readonly core: Core,
    readonly access: DialectAccess,
  ) {}

  /** The app whose key a request names, or the default app. */
  appOf({ headers, url }: Request): App | undefined {
    const { isBasic, user } = basicCredentials(headers.get('authorization'))
    const key = isBasic ? user : new URLSearchParams(queryOf(url)).get('app_key')
    const { apps } = this.core
    return key === null ? apps.defaultApp() : apps.byKey(key)
  }

  /**
   * Undefined where the request is forbidden. Calls `body` only for plugins.
   * @throws RealtimeError past a rate, for a fault of a plugin, or where published credentials are not enough
   */
  async authorize(
    received: ReceivedRequest,
    body: () => Promise<unknown>,
  ): Promise<Grant | undefined> {
    const { request, app } = received
    if (!app?.record.active || isForeignPage(request.headers, [])) return undefined
    const { hooks, secrets } = this.access
    const { core } = this
    const secret = this.#verifySecret(request, app)
    const isVouchedFor =
      !secret.isValid && (await undefinedIfRefused(hooks.authenticate(received))) === true
    if (isVouchedFor) secrets.forgive(secret)
    const isKnown = secret.isValid || isVouchedFor
    if (!isKnown && secret.refusal && core.hooks.authorizePush.length === 0) raise(secret.refusal)
    if (core.hooks.authorizePush.length === 0)
      return isKnown ? { app, params: undefined } : undefined
    const params = await body()
    const verdict = await undefinedIfRefused(hooks.authorizePush(received, params))
    if (verdict === undefined) return undefined
    if (!isKnown && !verdict.isAllowed) return secret.refusal ? raise(secret.refusal) : undefined
    return { app, params: verdict.params }
  }

  #verifySecret(request: Request, app: App): SecretVerdict {
    const { secrets, openAppId } = this.access
    const isOpen = app.id === openAppId && !request.headers.has('authorization')
    return isOpen
      ? secrets.verifyPublished(request)
      : secrets.verify(request, app, { bearer: true })
  }
}

const PLUGIN_REFUSALS: readonly ErrorCode[] = ['request_unauthorized', 'request_refused']

/** Undefined where a plugin refuses, for which this API has an answer of its own. */
async function undefinedIfRefused<T>(verdict: Promise<T>): Promise<T | undefined> {
  try {
    return await verdict
  } catch (cause) {
    if (cause instanceof RealtimeError && PLUGIN_REFUSALS.includes(cause.code)) return undefined
    throw cause // too often, or a fault
  }
}
