/**
 * Repeats: requests that a backend may send again, since it does not know whether the first one arrived. Each carries
 * a key; a repeat within ten minutes is answered as the first was, and publishes nothing more. Only answers to what
 * succeeded are kept. No key is forgotten before its time: an app that has too many gets no new ones.
 */
import type { App } from './app'
import { isEncrypted } from './channel'
import { EarlierRepeats } from './earlier-repeats'
import { quote, raise, RealtimeError, refusal, type Refusal } from './errors'
import { copyText, jsonOf } from './json'
import { allOf, andThen, orUndo, type MaybePromise } from './maybe-promise'
import type { Claim } from './messages'
import { Pass, type Slices } from './slices'
import type { Clock } from './types'
import { WideMap } from './wide-map'

/** How long an answer is kept, from when it was given. */
export const KEPT_MS = 600_000
/** An answer counts as one more key for each time that it has so many characters. */
export const CHARS_PER_KEY = 256
/** Expired entries that one claim drops where the app has no room; more of them than it may add. */
const DROPPED_PER_CLAIM = 16

/** What an engine remembers of keys, together with the other nodes. */
export interface Repeats {
  /**
   * Asks for a key on behalf of a request, whose `fingerprint` is its content. Undefined for the first: the key is
   * its own until it calls `keep` or `release`. A repeat gets the answer that was kept, or the refusal
   * `key_reused` (for another fingerprint), `key_in_use` or `too_many_keys`. Never rejects.
   */
  claim(app: App, key: string, fingerprint: string): MaybePromise<string | Refusal | undefined>
  /** Keeps the answer to the request that has the key. */
  keep(app: App, key: string, answer: string): void
  /** Forgets the key of a request that did not succeed. */
  release(app: App, key: string): void
}

/** An answer, and for how long it is kept still. */
export type KeptAnswer = Claim & {
  readonly app: App
  readonly answer: string
  readonly leftMs: number
}

type Entry = {
  readonly key: string
  readonly fingerprint: string
  /** Undefined while the request is under way. */
  answer: string | undefined
  /** Milliseconds of the clock's `mono`. */
  expiresAt: number
  /** The one that was kept after it. */
  next: Entry | undefined
}

/** The keys of one app. Those with answers are a list, too: what expires first comes first. */
class Tenant {
  readonly #entries = new WideMap<string, Entry>()
  #oldest: Entry | undefined = undefined
  #newest: Entry | undefined = undefined
  /** Keys, and what their answers count. */
  size = 0

  /** The milliseconds after which the oldest answer expires; undefined where none is kept. */
  waitMs(now: number): number | undefined {
    return this.#oldest && this.#oldest.expiresAt - now
  }

  get(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key)
    return entry && entry.expiresAt > now ? entry : undefined
  }

  add(key: string, fingerprint: string): void {
    const own = copyText(key)
    const rest = { answer: undefined, expiresAt: Infinity, next: undefined }
    this.#entries.set(own, { key: own, fingerprint, ...rest })
    this.size++
  }

  keep(key: string, answer: string, now: number): void {
    const entry = this.#entries.get(key)
    if (!entry || entry.answer !== undefined) return
    entry.answer = answer
    entry.expiresAt = now + KEPT_MS
    this.size += countExtra(answer)
    if (this.#newest) this.#newest.next = entry
    else this.#oldest = entry
    this.#newest = entry
  }

  release(key: string): void {
    if (this.#entries.get(key)?.answer !== undefined) return
    if (this.#entries.delete(key)) this.size--
  }

  /** Those with answers, the oldest first. */
  *answered(): IterableIterator<Entry> {
    for (let entry = this.#oldest; entry; entry = entry.next) yield entry
  }

  dropOldest(): void {
    const entry = this.#oldest
    if (!entry) return
    this.#oldest = entry.next
    if (!entry.next) this.#newest = undefined
    this.size -= 1 + countExtra(entry.answer ?? '')
    // Since it expired another request may have claimed its key.
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key)
  }
}

const countExtra = (answer: string): number => Math.floor(answer.length / CHARS_PER_KEY)

/** The keys of requests to this node, in memory: a restart forgets those that no stored event has. */
export class KeptRepeats implements Repeats {
  readonly earlier: EarlierRepeats
  readonly #tenants = new Map<App, Tenant>()
  readonly #clock: Clock
  readonly #pass: Pass<Tenant>

  constructor({ clock, slices }: { readonly clock: Clock; readonly slices: Slices }) {
    this.#clock = clock
    this.earlier = new EarlierRepeats(clock)
    this.#pass = new Pass(
      slices,
      'repeats',
      () => this.#overdue(clock.mono()),
      (tenant) => tenant.dropOldest(),
    )
  }

  claim(app: App, key: string, fingerprint: string): string | Refusal | undefined {
    const now = this.#clock.mono()
    const tenant = this.#tenants.getOrInsertComputed(app, () => new Tenant())
    const known = tenant.get(key, now)
    if (known) return known.fingerprint === fingerprint ? answerOf(known) : keyReused(key)
    const earlier = this.earlier.fingerprintOf(app, key)
    if (earlier !== undefined && earlier !== fingerprint) return keyReused(key)
    const refused = makeRoom(app, tenant, now)
    if (!refused) tenant.add(key, fingerprint)
    return refused
  }

  keep(app: App, key: string, answer: string): void {
    this.#tenants.get(app)?.keep(key, answer, this.#clock.mono())
  }

  release(app: App, key: string): void {
    this.#tenants.get(app)?.release(key)
  }

  /** What is kept, of each app the oldest first. */
  *answers(): IterableIterator<KeptAnswer> {
    const now = this.#clock.mono()
    for (const [app, tenant] of this.#tenants)
      for (const { key, fingerprint, answer, expiresAt } of tenant.answered())
        if (answer !== undefined && expiresAt > now)
          yield { app, key, fingerprint, answer, leftMs: expiresAt - now }
  }

  /** Keeps what another process has kept; the oldest first. */
  adopt({ app, key, fingerprint, answer, leftMs }: KeptAnswer): void {
    const tenant = this.#tenants.getOrInsertComputed(app, () => new Tenant())
    const now = this.#clock.mono()
    if (tenant.get(key, now)) return
    tenant.add(key, fingerprint)
    tenant.keep(key, answer, now + leftMs - KEPT_MS)
  }

  /** Drops what has expired, in slices. */
  sweep(): void {
    this.earlier.sweep()
    if (this.#tenants.size > 0) this.#pass.begin()
  }

  /** Each app once for each of its expired answers. */
  *#overdue(now: number): Iterable<Tenant> {
    for (const [app, tenant] of this.#tenants) {
      while (isOverdue(tenant, now)) yield tenant
      if (tenant.size === 0) this.#tenants.delete(app)
    }
  }

  /** How many keys an app has. */
  sizeOf(app: App): number {
    return this.#tenants.get(app)?.size ?? 0
  }
}

const isOverdue = (tenant: Tenant, now: number): boolean => (tenant.waitMs(now) ?? Infinity) <= 0

const answerOf = ({ answer, key }: Entry): string | Refusal => answer ?? keyInUse(key)

/** Drops some of what has expired, where there is no room for another key. */
function makeRoom({ limits }: App, tenant: Tenant, now: number): Refusal | undefined {
  const { maxIdempotencyKeys: most } = limits
  for (let left = DROPPED_PER_CLAIM; left > 0 && tenant.size >= most; left--)
    if (isOverdue(tenant, now)) tenant.dropOldest()
  return tenant.size < most ? undefined : tooManyKeys(most, tenant.waitMs(now) ?? 0)
}

/** The app has no room for another key for so many milliseconds. */
export const tooManyKeys = (most: number, waitMs: number): Refusal => ({
  code: 'too_many_keys',
  message: `The app has its ${most} idempotency keys of the last ten minutes (maxIdempotencyKeys); try again later`,
  retryAfterSeconds: Math.max(1, waitMs / 1000),
})

export const keyReused = (key: string): Refusal =>
  refusal('key_reused', `Idempotency key '${quote(key)}' belongs to another request`)

export const keyInUse = (key: string): Refusal => ({
  code: 'key_in_use',
  message: `The first request with idempotency key '${quote(key)}' is under way; try again`,
  retryAfterSeconds: 1,
})

// ---------------------------------------------------------------- requests with keys

/** What makes two events the same. */
type Content = {
  readonly name: string
  readonly data: string
  readonly channels: readonly string[]
  readonly socketId: string | undefined
}

/** The claim of an event. Encrypted data counts for nothing: libraries encrypt it anew for each request. */
export function claimOf(key: string, { name, data, channels, socketId }: Content): Claim {
  const hash = new Bun.CryptoHasher('sha256').update(jsonOf([name, channels, socketId ?? ''])!)
  if (!channels.some(isEncrypted)) hash.update(data)
  return { key, fingerprint: hash.digest('base64') }
}

/** The claim of the event at a place of a request that has a key for all; no key of a caller has a line break. */
export const claimOfPlace = ({ key, fingerprint }: Claim, place: number): Claim => ({
  key: `${key}\n${place}`,
  fingerprint,
})

/** The claim of several events in one request. */
export function claimOfAll(key: string, events: readonly Content[]): Claim {
  const hash = new Bun.CryptoHasher('sha256')
  for (const event of events) hash.update(claimOf(key, event).fingerprint)
  return { key, fingerprint: `${events.length} ${hash.digest('base64')}` }
}

/** Any HTTP header can carry it. */
const KEY = /^[\x20-\x7e]+$/

/** @throws RealtimeError('request_invalid') */
export function checkKey({ limits: { maxIdempotencyKeyChars: most } }: App, key: string): void {
  if (key.length > most)
    throw new RealtimeError(
      'request_invalid',
      `Idempotency key of ${key.length} characters exceeds the limit of ${most} (maxIdempotencyKeyChars)`,
    )
  if (!KEY.test(key))
    throw new RealtimeError(
      'request_invalid',
      'Expected the idempotency key to be of printable ASCII characters',
    )
}

/**
 * The answers to requests that come together, of which some have keys: what is kept of them, and for the others what
 * `act` makes of their places, which is kept then. Of equal ones with one key the first stands for all. Nothing is
 * done where one of them is refused.
 * @throws RealtimeError('key_reused' | 'key_in_use' | 'too_many_keys'), and (or rejects with) what `act` fails at
 */
export function answerOnce(
  { repeats }: { readonly repeats: Repeats },
  app: App,
  claims: readonly (Claim | undefined)[],
  act: (places: readonly number[]) => MaybePromise<readonly string[]>,
): MaybePromise<readonly string[]> {
  const firsts = findFirsts(claims)
  const isFirst = (place: number): boolean => firsts[place] === place
  const asked = claims.map((claim, place) =>
    claim && isFirst(place) ? repeats.claim(app, claim.key, claim.fingerprint) : undefined,
  )
  return andThen(allOf(asked), (known) => {
    const open = claims.map((_, place) => place).filter((at) => isFirst(at) && !isKnown(known[at]))
    const releaseAll = (): void => {
      for (const place of open) if (claims[place]) repeats.release(app, claims[place].key)
    }
    const refused = known.find(isRefused)
    if (refused) {
      releaseAll()
      raise(refused)
    }
    app.counters.repeatsAnswered += claims.length - open.length
    const made = open.length === 0 ? [] : orUndo(() => act(open), releaseAll)
    return andThen(made, (answers) => {
      const byPlace = known.map((answer) => answer as string)
      open.forEach((place, index) => {
        const answer = (byPlace[place] = answers[index]!)
        if (claims[place]) repeats.keep(app, claims[place].key, answer)
      })
      return firsts.map((place) => byPlace[place]!)
    })
  })
}

/** The same for one request. */
export const answerOneOnce = (
  engine: { readonly repeats: Repeats },
  app: App,
  claim: Claim,
  act: () => MaybePromise<string>,
): MaybePromise<string> =>
  andThen(
    answerOnce(engine, app, [claim], () => andThen(act(), (answer) => [answer])),
    ([answer]) => answer!,
  )

type Asked = string | Refusal | undefined
const isKnown = (answer: Asked): boolean => answer !== undefined
const isRefused = (answer: Asked): answer is Refusal => typeof answer === 'object'

/** For each place that of the first claim with its key, or its own. @throws RealtimeError('key_reused') */
function findFirsts(claims: readonly (Claim | undefined)[]): readonly number[] {
  const places = new Map<string, number>()
  return claims.map((claim, place) => {
    if (!claim) return place
    const first = places.getOrInsert(claim.key, place)
    if (claims[first]!.fingerprint !== claim.fingerprint) raise(keyReused(claim.key))
    return first
  })
}
