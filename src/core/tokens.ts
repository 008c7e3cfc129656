/**
 * Tokens: named credentials for the admin API. Owns the maps by id and by hash: a look-up is a map read, never a
 * query, and how long it takes tells nothing of the token. Nobody knows a token but its holder: the store has its
 * SHA-256, which is enough for what is random.
 */
import type { Deed } from './audit'

/** What a token may: see everything, make apps and change those, change one app, or everything. */
export type Grant = 'read' | 'create' | 'all' | `app:${string}`

export type TokenRecord = {
  readonly id: string
  readonly name: string
  readonly grant: Grant
  /** SHA-256 of the token, in hexadecimal digits. */
  readonly hash: string
  /** Epoch milliseconds, here and below. */
  readonly createdAt: number
  /** The name of who made it. */
  readonly createdBy: string
  readonly expiresAt: number | undefined
  readonly revokedAt: number | undefined
  /** Rounded down to USE_RESOLUTION_MS, but never before it was made. */
  readonly lastUsedAt: number | undefined
}

/** A change of the tokens, the same on every node. */
export type TokenChange = (
  | { readonly type: 'create'; readonly record: TokenRecord }
  /** `at` is when, in epoch milliseconds; now where it is absent. */
  | { readonly type: 'revoke'; readonly id: string; readonly at?: number | undefined }
) & {
  /** Undefined where it is in the audit already. */
  readonly deed: Deed | undefined
}

/** Storage of tokens. Its methods throw where the database does. */
export interface TokenStore {
  /** In the order of their creation. */
  all(): readonly TokenRecord[]
  /** Also deletes the tokens of these ids, which have ended. */
  insert(record: TokenRecord, ended: readonly string[], deed: Deed | undefined): void
  revoke(record: TokenRecord, now: number, deed: Deed | undefined): void
  noteUses(uses: readonly { readonly id: string; readonly at: number }[]): void
}

/** Live ones. */
export const MAX_TOKENS = 1000
/** Those that have expired or were revoked, and are told so; past it the oldest are forgotten. */
const MAX_ENDED = 1000
/** How exactly it is known when a token was last used: a write per token and five minutes. */
const USE_RESOLUTION_MS = 5 * 60_000
/** Uses that one sweep writes. */
const USES_PER_SWEEP = 100

type TokenState = { -readonly [Field in keyof TokenRecord]: TokenRecord[Field] }

export class Tokens {
  readonly #byId = new Map<string, TokenState>()
  readonly #byHash = new Map<string, TokenState>()
  /** Used since the last sweep. */
  readonly #used = new Set<TokenState>()

  constructor(readonly store: TokenStore) {
    for (const record of store.all()) this.#add(record)
  }

  byId(id: string): TokenRecord | undefined {
    return this.#byId.get(id)
  }

  /** By the SHA-256 of the token; also one that has ended. */
  byHash(hash: string): TokenRecord | undefined {
    return this.#byHash.get(hash)
  }

  liveByName(name: string, now: number): TokenRecord | undefined {
    return this.#byId.values().find((token) => token.name === name && isLive(token, now))
  }

  all(): Iterable<TokenRecord> {
    return this.#byId.values()
  }

  countLive(now: number): number {
    return this.#byId.values().reduce((count, token) => count + Number(isLive(token, now)), 0)
  }

  /** Nothing happens to a token that is revoked already. @throws StoreError; then nothing has changed */
  apply(change: TokenChange, now: number): void {
    if (change.type === 'create') return this.#create(change.record, now, change.deed)
    const token = this.#byId.get(change.id)
    if (!token || token.revokedAt !== undefined) return
    const at = change.at ?? now
    this.store.revoke(token, at, change.deed)
    token.revokedAt = at
  }

  /** The store has revoked the tokens of an app with the app itself. */
  endOf(appId: string, now: number): void {
    for (const token of this.#byId.values())
      if (token.grant === `app:${appId}`) token.revokedAt ??= now
  }

  /** Called for each request: notes the time, and writes nothing. */
  use({ id }: TokenRecord, now: number): void {
    const token = this.#byId.get(id)
    if (!token) return
    const at = Math.max(token.createdAt, now - (now % USE_RESOLUTION_MS))
    if (token.lastUsedAt === at) return
    token.lastUsedAt = at
    this.#used.add(token)
  }

  /** Writes which tokens were used, some of them where there are many. Called by the sweep. */
  sweep(): void {
    if (this.#used.size === 0) return
    const used = this.#used.values().take(USES_PER_SWEEP).toArray()
    this.store.noteUses(used.map(({ id, lastUsedAt = 0 }) => ({ id, at: lastUsedAt })))
    for (const token of used) this.#used.delete(token)
  }

  /** Those that the next new one makes be forgotten. */
  forgottenAt(now: number): readonly TokenRecord[] {
    const ended = Array.from(this.#byId.values().filter((token) => !isLive(token, now)))
    return ended.slice(0, Math.max(0, ended.length - MAX_ENDED))
  }

  #create(record: TokenRecord, now: number, deed: Deed | undefined): void {
    const forgotten = this.forgottenAt(now)
    this.store.insert(
      record,
      forgotten.map(({ id }) => id),
      deed,
    )
    for (const token of forgotten) {
      this.#byId.delete(token.id)
      this.#byHash.delete(token.hash)
      this.#used.delete(token)
    }
    this.#add(record)
  }

  #add(record: TokenRecord): void {
    const token = { ...record }
    this.#byId.set(token.id, token)
    this.#byHash.set(token.hash, token)
  }
}

/** True for a token that is good now. */
export const isLive = ({ revokedAt, expiresAt }: TokenRecord, now: number): boolean =>
  revokedAt === undefined && (expiresAt === undefined || expiresAt > now)
