/**
 * AppSecrets: verifies an app's secret by Basic or Bearer, as ExPusherLite's and PushEx's APIs take it.
 * It may be right, wrong, tried too often, or published and not from this machine.
 */
import type { App } from '../core/app'
import { isPublished } from '../core/published'
import type { Refusal } from '../core/errors'
import type { Addresses } from './address'
import { bearerToken, basicCredentials, isKeyPairOf, isSecretOf } from './basic'
import type { Locality } from './local'
import type { Attempt, Logins } from './logins'

/** The result of verifying a request's secret. */
export type SecretVerdict = {
  readonly isValid: boolean
  /** The reason, where it is another than a wrong secret. */
  readonly refusal: Refusal | undefined
  /** Set where the attempt was counted as failed. */
  readonly failedAttempt: Attempt | undefined
}

export class AppSecrets {
  constructor(
    readonly addresses: Addresses,
    readonly logins: Logins,
    readonly locality: Locality,
  ) {}

  /** Takes key and secret by Basic, with `bearer` also the secret alone. A request without is no attempt. */
  verify(
    request: Request,
    app: App | undefined,
    { bearer }: { readonly bearer: boolean },
  ): SecretVerdict {
    const header = request.headers.get('authorization')
    const { isBasic, password } = basicCredentials(header)
    const token = bearer ? bearerToken(header) : ''
    if (!isBasic && token === '') return NO_SECRET
    const attempt = { to: `app:${app?.id ?? ''}`, address: this.addresses.of(request) }
    const refusal = this.logins.check(attempt)
    if (refusal) return { ...NO_SECRET, refusal }
    const isValid =
      isKeyPairOf(app, header) || (app !== undefined && bearer && isSecretOf(app, header))
    if (!isValid) {
      this.logins.recordFailure(attempt)
      return { ...NO_SECRET, failedAttempt: attempt }
    }
    return isPublished(isBasic ? password : token)
      ? this.verifyPublished(request)
      : { ...NO_SECRET, isValid }
  }

  /** Published credentials, or none, are enough for a local request. */
  verifyPublished(request: Request): SecretVerdict {
    const refusal = this.locality.checkRequest(request)
    return { ...NO_SECRET, isValid: refusal === undefined, refusal }
  }

  /** Takes back the failed attempt of a request that a plugin vouches for. */
  forgive({ failedAttempt }: SecretVerdict): void {
    if (failedAttempt) this.logins.forgive(failedAttempt)
  }
}

const NO_SECRET: SecretVerdict = { isValid: false, refusal: undefined, failedAttempt: undefined }
