/**
 * An app's secret by Basic or Bearer, as ExPusherLite's and PushEx's APIs take it: right or wrong,
 * tried too often, or published and not from here.
 */
import type { App } from '../core/app'
import { isPublished } from '../core/published'
import type { Refusal } from '../core/errors'
import type { Addresses } from './address'
import { bearerToken, basicCredentials, isKeyPairOf, isSecretOf } from './basic'
import type { Locality } from './local'
import type { Attempt, Logins } from './logins'

/** What a request's secret is worth. */
export type Shown = {
  readonly isRight: boolean
  /** Why it is worth nothing, where that is more than that it is wrong. */
  readonly refused: Refusal | undefined
  /** An attempt that has been counted as failed. */
  readonly failed: Attempt | undefined
}

export class AppSecrets {
  constructor(
    readonly addresses: Addresses,
    readonly logins: Logins,
    readonly locality: Locality,
  ) {}

  /** Key and secret by Basic; the secret alone where `bearer` is so. Who shows nothing has tried nothing. Never waits. */
  shown(request: Request, app: App | undefined, { bearer }: { readonly bearer: boolean }): Shown {
    const header = request.headers.get('authorization')
    const { isBasic, password } = basicCredentials(header)
    const token = bearer ? bearerToken(header) : ''
    if (!isBasic && token === '') return NOTHING
    const attempt = { to: `app:${app?.id ?? ''}`, address: this.addresses.of(request) }
    const refused = this.logins.refusalOf(attempt)
    if (refused) return { ...NOTHING, refused }
    const isRight =
      isKeyPairOf(app, header) || (app !== undefined && bearer && isSecretOf(app, header))
    if (!isRight) {
      this.logins.failed(attempt)
      return { ...NOTHING, failed: attempt }
    }
    return isPublished(isBasic ? password : token)
      ? this.published(request)
      : { ...NOTHING, isRight }
  }

  /** What everybody knows, or nothing at all, is enough for a local request. */
  published(request: Request): Shown {
    const refused = this.locality.refusalOf(request)
    return { ...NOTHING, isRight: refused === undefined, refused }
  }

  /** A plugin knows who it was. */
  vouched({ failed }: Shown): void {
    if (failed) this.logins.forgive(failed)
  }
}

const NOTHING: Shown = { isRight: false, refused: undefined, failed: undefined }
