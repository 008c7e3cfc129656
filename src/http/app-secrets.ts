/**
 * AppSecrets: verifies an app's secret by Basic or Bearer, as ExPusherLite's and PushEx's APIs take it.
 * It may be right, wrong, tried too often, or published and not from this machine.
 */
import type { App } from '../core/app'
import type { Refusal } from '../core/errors'
import { isPublished } from '../core/published-credentials'
import { timingSafeEqual, sha256 } from '../core/signature'
import type { Addresses } from './address'
import { bearerToken, basicCredentials } from './headers'
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

  /** Takes key and secret by Basic, or `any` of that and the secret alone. A request without is no attempt. */
  verify(request: Request, app: App | undefined, scheme: 'basic' | 'any'): SecretVerdict {
    const header = request.headers.get('authorization')
    const { isBasic, user, password } = basicCredentials(header)
    const key = isBasic ? user : undefined
    const secret = isBasic ? password : scheme === 'any' ? bearerToken(header) : ''
    if (!isBasic && secret === '') return NO_SECRET
    const attempt = { to: `app:${app?.id ?? ''}`, address: this.addresses.of(request) }
    const refusal = this.logins.check(attempt)
    if (refusal) return { ...NO_SECRET, refusal }
    const isValid = isPairOf(app, key, secret)
    if (!isValid) {
      this.logins.recordFailure(attempt)
      return { ...NO_SECRET, failedAttempt: attempt }
    }
    const unencrypted = app && this.addresses.checkEncrypted(app, request)
    if (unencrypted) return { ...NO_SECRET, refusal: unencrypted }
    return isPublished(secret) ? this.verifyPublished(request) : { ...NO_SECRET, isValid }
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

const NOBODY = [{ key: '', secret: crypto.randomUUID() }]

/** True for the secret of a live pair, and its key where one is given. Takes as long for an app that does not exist. */
function isPairOf(app: App | undefined, key: string | undefined, secret: string): boolean {
  const given = { key: sha256(key ?? ''), secret: sha256(secret) }
  let isRight = false
  for (const pair of app?.record.keys ?? NOBODY) {
    const isKey = timingSafeEqual(sha256(pair.key), given.key)
    const isSecret = timingSafeEqual(sha256(pair.secret), given.secret)
    isRight = (isSecret && (isKey || key === undefined)) || isRight
  }
  return isRight && app !== undefined
}
