/**
 * Sessions: who is signed in to the console, by cookie. Owns them, in memory: bounded in all and per caller, swept,
 * gone at a restart. Nobody knows the secret of one but its browser; here it is a SHA-256, which is enough for what is
 * random. The session of a token ends with the token, and so with its app.
 */
import { RealtimeError } from '../core/errors'
import { sha256 } from '../core/signature'
import { isLive as isTokenLive, type TokenRecord } from '../core/tokens'
import type { Clock } from '../core/types'

export type Session = {
  /** Names it in lists; no credential. */
  readonly id: string
  /** SHA-256 of the secret, in hexadecimal digits. */
  readonly hash: string
  /** What a page sends with its changes: only pages of this server can read it. */
  readonly csrf: string
  /** The admin's, or the token's. */
  readonly name: string
  /** Undefined for the admin. */
  readonly token: TokenRecord | undefined
  readonly address: string
  readonly userAgent: string
  /** The path of its cookie. */
  readonly path: string
  /** Epoch milliseconds, here and below. */
  readonly createdAt: number
  readonly expiresAt: number
}

/** Of the admin, and of one token; past it the one that was used longest ago ends. */
export const MAX_OF_CALLER = 20
/** Of all tokens; the admin is always let in. */
export const MAX_OF_TOKENS = 2000

const RANDOM_BYTES = 32
const randomText = (): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))).toString('base64url')

/** What a secret looks like. */
const SECRET = /^[\w-]{43}$/

type Terms = Omit<Session, 'id' | 'hash' | 'csrf'>

/** A new session, and the secret by which it is found; `owns` says which secrets lead to this process. */
export function newSession(
  terms: Terms,
  owns: (secret: string) => boolean = () => true,
): { readonly session: Session; readonly secret: string } {
  let secret = randomText()
  while (!owns(secret)) secret = randomText()
  const random = { id: crypto.randomUUID(), hash: sha256(secret), csrf: randomText() }
  return { session: { ...terms, ...random }, secret }
}

type Entry = { readonly session: Session; usedAt: number }

export class Sessions {
  readonly #byHash = new Map<string, Entry>()
  /** By the id of a token; undefined is the admin. */
  readonly #byCaller = new Map<string | undefined, Set<Entry>>()

  constructor(
    readonly clock: Clock,
    /** False for secrets of sessions that another worker has. */
    readonly owns: (secret: string) => boolean = () => true,
  ) {}

  get size(): number {
    return this.#byHash.size
  }

  /** @throws RealtimeError('too_many_sessions') */
  add(session: Session): void {
    const caller = session.token?.id
    const own = this.#byCaller.get(caller)
    if (own && own.size >= MAX_OF_CALLER) this.end(leastUsed(own).session)
    else if (caller !== undefined && this.#countOfTokens() >= MAX_OF_TOKENS)
      throw new RealtimeError(
        'too_many_sessions',
        `Too many sessions of tokens: the limit is ${MAX_OF_TOKENS}`,
      )
    const entry = { session, usedAt: this.clock.now() }
    this.#byHash.set(session.hash, entry)
    this.#byCaller.getOrInsertComputed(caller, () => new Set()).add(entry)
  }

  /**
   * The session of a browser that sends these secrets, which is used now. Another site of the same host may plant a
   * cookie: where two lead to a session each, neither is taken.
   */
  find(secrets: readonly string[]): Session | undefined {
    const [entry, another] = this.#findEntries(secrets)
    if (!entry || another) return undefined
    entry.usedAt = this.clock.now()
    return entry.session
  }

  /** All sessions that these secrets lead to. */
  findAll(secrets: readonly string[]): readonly Session[] {
    return Array.from(this.#findEntries(secrets), ({ session }) => session)
  }

  byId(id: string): Session | undefined {
    return this.live().find((session) => session.id === id)
  }

  /** In the order of their sign-ins. */
  live(): IteratorObject<Session> {
    return this.#byHash
      .values()
      .map(({ session }) => session)
      .filter((session) => this.isLive(session))
  }

  /** When it was last used; undefined for one that has ended. */
  usedAt({ hash }: Session): number | undefined {
    return this.#byHash.get(hash)?.usedAt
  }

  /** False once it was ended, too. */
  isLive(session: Session): boolean {
    const now = this.clock.now()
    if (this.#byHash.get(session.hash)?.session !== session || session.expiresAt <= now)
      return false
    return session.token === undefined || isTokenLive(session.token, now)
  }

  /** Safe for one that has ended. */
  end({ hash, token }: Session): void {
    const entry = this.#byHash.get(hash)
    if (!entry) return
    this.#byHash.delete(hash)
    const own = this.#byCaller.get(token?.id)
    own?.delete(entry)
    if (own?.size === 0) this.#byCaller.delete(token?.id)
  }

  /** Forgets those that have ended by themselves. */
  sweep(): void {
    for (const { session } of this.#byHash.values()) if (!this.isLive(session)) this.end(session)
  }

  #findEntries(secrets: readonly string[]): ReadonlySet<Entry> {
    const found = new Set<Entry>()
    for (const secret of secrets) {
      const entry = SECRET.test(secret) ? this.#byHash.get(sha256(secret)) : undefined
      if (entry && this.isLive(entry.session)) found.add(entry)
    }
    return found
  }

  #countOfTokens(): number {
    return this.#byHash.size - (this.#byCaller.get(undefined)?.size ?? 0)
  }
}

function leastUsed(entries: Iterable<Entry>): Entry {
  return Array.from(entries).reduce((least, entry) => (entry.usedAt < least.usedAt ? entry : least))
}
