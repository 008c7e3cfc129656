/**
 * KeySet: the public keys at one address, for one app. Fetched when first needed, and again when they are
 * old or a token names a key that is not among them, but never more often than the cooldown allows: not
 * for unknown keys, not while the address is down.
 *
 * jose's own remote set reads the wall clock, and fetches from an address that is down for every token.
 */
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose'
import type { Clock, Log } from 'carillon/plugin'

/** Keys of this age are fetched again. */
const FRESH_MS = 10 * 60_000
/** Keys of this age verify nothing any more, even where the address is down. */
const STALE_MS = 60 * 60_000
/** Time between two requests, at least. */
const COOLDOWN_MS = 10_000
const TIMEOUT_MS = 5000

/** The keys are not available; the token may be right. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable'
}

export type KeySetContext = {
  readonly clock: Clock
  readonly log: Log
  /** Aborted when the server stops. */
  readonly signal: AbortSignal
}

export class KeySet {
  #keys: JWTVerifyGetKey | undefined
  #fetchedAt = -Infinity
  #triedAt = -Infinity
  #fetching: Promise<void> | undefined

  constructor(
    readonly url: string,
    readonly context: KeySetContext,
  ) {}

  /**
   * The key that a token's header names.
   * @throws KeysUnavailable, or jose's errors where no key fits
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    if (this.#ageMs() >= FRESH_MS) await this.#refresh()
    try {
      return await this.#current()(header, token)
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== 'ERR_JWKS_NO_MATCHING_KEY') throw error
      await this.#refresh()
      return this.#current()(header, token)
    }
  }

  #ageMs(): number {
    return this.context.clock.mono() - this.#fetchedAt
  }

  #current(): JWTVerifyGetKey {
    if (!this.#keys || this.#ageMs() >= STALE_MS) throw new KeysUnavailable(this.url)
    return this.#keys
  }

  /** Waits for the request under way, or begins one where the cooldown allows. Never throws. */
  async #refresh(): Promise<void> {
    const now = this.context.clock.mono()
    if (!this.#fetching && now - this.#triedAt >= COOLDOWN_MS) {
      this.#triedAt = now
      this.#fetching = this.#fetch().finally(() => (this.#fetching = undefined))
    }
    await this.#fetching
  }

  async #fetch(): Promise<void> {
    const { clock, log, signal } = this.context
    const timeout = new AbortController()
    const cancel = clock.after(TIMEOUT_MS, () => timeout.abort(new Error('no answer in time')))
    try {
      const response = await fetch(this.url, {
        headers: { accept: 'application/jwk-set+json, application/json' },
        redirect: 'error', // the address is the operator's choice and nobody else's
        signal: AbortSignal.any([timeout.signal, signal]),
      })
      if (!response.ok) throw new Error(`status ${response.status}`)
      const { createLocalJWKSet } = await import('jose')
      this.#keys = createLocalJWKSet((await response.json()) as JSONWebKeySet)
      this.#fetchedAt = clock.mono()
    } catch (cause) {
      log.warn({ url: this.url, err: cause }, 'key set not fetched')
    } finally {
      cancel()
    }
  }
}
