/**
 * LiveFeed: who watches what happens in which app, on this node. While nobody does, nobody listens to facts, and none
 * is built. What a watcher gets is bounded, by rows and characters per tenth of a second; of what is left out it is
 * told how much, so a busy app is sampled and nobody waits for its watchers.
 */
import type { App } from '../core/app'
import type { Core } from '../core/core'
import { RealtimeError } from '../core/errors'
import type { Fact } from '../core/messages'
import type { Cancel } from '../core/types'
import { kindOf, LIVE_FACTS, rowOf, type LiveKind } from './live-rows'

/** What is shown: all kinds, all channels where absent. */
export type LiveFilter = {
  readonly kinds: ReadonlySet<LiveKind> | undefined
  readonly channelPrefix: string | undefined
  /** The stream ends after so many rows. */
  readonly limit: number
}

export type WatchRequest = {
  readonly app: App
  readonly filter: LiveFilter
  /** Whose it is; undefined for the admin. */
  readonly tokenId: string | undefined
  /** Asked again with every beat; throws where the credentials hold no longer. */
  readonly authorize: () => void
}

/** How long rows are gathered for one write. */
const GATHER_MS = 100
/** Of one write. */
const MAX_ROWS = 50
const MAX_CHARS = 65_536
/** Keeps proxies from ending a quiet stream. */
const BEAT_MS = 20_000
/** How long a client waits before it comes back. */
const RETRY_MS = 2000

/** Before one that found no place tries again. */
const RETRY_AFTER_SECONDS = 10

export class LiveFeed {
  readonly #watchers = new Map<App, Set<Watcher>>()
  #count = 0
  #endListening: (() => void) | undefined
  #endBeats: Cancel | undefined

  constructor(readonly core: Core) {}

  get size(): number {
    return this.#count
  }

  /** @throws RealtimeError('too_many_watchers') */
  watch(request: WatchRequest): Watcher {
    this.#requirePlace(request)
    const watcher = new Watcher(this.core, request)
    this.#watchers.getOrInsertComputed(request.app, () => new Set()).add(watcher)
    if (this.#count++ === 0) this.#begin()
    return watcher
  }

  /** Safe for one that has ended. */
  end(watcher: Watcher): void {
    const { app } = watcher.request
    const watchers = this.#watchers.get(app)
    if (!watchers?.delete(watcher)) return
    watcher.finish()
    if (watchers.size === 0) this.#watchers.delete(app)
    if (--this.#count > 0) return
    this.#endListening?.()
    this.#endBeats?.()
  }

  /** Ends all of them, as the server leaves. */
  finish(): void {
    for (const watcher of this.#all()) this.end(watcher)
  }

  /** A token has half of the places at most: one that opens streams without end shuts nobody else out. */
  #requirePlace({ tokenId }: WatchRequest): void {
    const most = this.core.limits.maxLiveStreams
    const mostOfToken = Math.ceil(most / 2)
    const isOfToken = ({ request }: Watcher): boolean => request.tokenId === tokenId
    const isOneTooMany =
      tokenId !== undefined && this.#all().filter(isOfToken).length >= mostOfToken
    if (this.#count < most && !isOneTooMany) return
    const message = isOneTooMany
      ? `Too many live streams of one token: the limit is ${mostOfToken}, half of maxLiveStreams`
      : `Too many live streams: the limit is ${most} (maxLiveStreams)`
    throw new RealtimeError('too_many_watchers', message, {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    })
  }

  #all(): Watcher[] {
    return Array.from(this.#watchers.values(), (watchers) => Array.from(watchers)).flat()
  }

  #begin(): void {
    const { facts, clock } = this.core
    this.#endListening = facts.listen({
      types: LIVE_FACTS,
      wants: (_type, app) => app !== undefined && this.#watchers.has(app),
      receive: (fact) => this.#receive(fact),
    })
    this.#endBeats = clock.every(BEAT_MS, () => this.#beat())
  }

  #receive(fact: Fact): void {
    const watchers = fact.app && this.#watchers.get(fact.app)
    const kind = watchers && kindOf(fact)
    if (!kind) return
    let row: string | undefined
    const makeRow = (): string => (row ??= rowOf(this.core, kind, fact)) // one for all who watch
    for (const watcher of watchers) watcher.offer(kind, fact, makeRow)
    if (fact.type === 'app_changed' && this.core.apps.byId(fact.app.id) !== fact.app)
      for (const watcher of watchers) {
        watcher.flush() // what has ended it is its last row
        this.end(watcher)
      }
  }

  #beat(): void {
    for (const watcher of this.#all()) {
      try {
        watcher.request.authorize()
      } catch {
        this.end(watcher) // its token was revoked, its app is not its own any more
        continue
      }
      watcher.beat()
    }
  }
}

/** One stream. Holds at most one write; its reader fetches that, or what comes meanwhile is counted and dropped. */
export class Watcher {
  #text: string
  #rows = 0
  #skipped = new Map<LiveKind, number>()
  #lastId = 0
  #isDue = true
  #isEnded = false
  #timer: Cancel | undefined
  #reader: PromiseWithResolvers<string | undefined> | undefined

  constructor(
    readonly core: Core,
    readonly request: WatchRequest,
  ) {
    const { app } = request
    const hello = { app: app.record.slug, at: core.clock.now() }
    this.#text = `retry: ${RETRY_MS}\nevent: hello\ndata: ${JSON.stringify(hello)}\n\n`
  }

  /** The next write, when there is something to write; undefined at the end, or when it has had its limit. One call at a time. */
  next(): Promise<string | undefined> {
    this.#reader = Promise.withResolvers()
    const { promise } = this.#reader
    this.#write()
    return promise
  }

  /** `makeRow` is called where there is room for the row. */
  offer(kind: LiveKind, fact: Fact, makeRow: () => string): void {
    const { kinds, channelPrefix } = this.request.filter
    if (kinds && !kinds.has(kind)) return
    if (channelPrefix !== undefined && !this.#isIn(fact, channelPrefix)) return
    if (this.#lastId >= this.request.filter.limit) return
    if (this.#rows >= MAX_ROWS || this.#text.length >= MAX_CHARS) {
      this.#skipped.set(kind, (this.#skipped.get(kind) ?? 0) + 1)
      return
    }
    this.#rows++
    this.#text += `id: ${++this.#lastId}\nevent: ${kind}\ndata: ${makeRow()}\n\n`
    this.#timer ??= this.core.clock.after(GATHER_MS, () => {
      this.#timer = undefined
      this.flush()
    })
  }

  /** Writes what was gathered, if its reader has fetched the write before. */
  flush(): void {
    this.#isDue = true
    this.#write()
  }

  beat(): void {
    if (this.#text !== '') return
    this.#text = ': beat\n\n'
    this.flush()
  }

  finish(): void {
    this.#isEnded = true
    this.#timer?.()
    this.#reader?.resolve(undefined)
  }

  get #isComplete(): boolean {
    return this.#text === '' && this.#lastId >= this.request.filter.limit
  }

  #isIn(fact: Fact, prefix: string): boolean {
    if (!('channel' in fact) || fact.channel === undefined) return false
    const { groups } = this.core
    const name = fact.type === 'refused' ? fact.channel : groups.nameOf(fact.channel)
    return name.startsWith(prefix)
  }

  #write(): void {
    if (this.#isEnded || this.#isComplete) return this.#reader?.resolve(undefined)
    if (!this.#reader || !this.#isDue) return
    if (this.#skipped.size > 0)
      this.#text += `event: skipped\ndata: ${JSON.stringify(Object.fromEntries(this.#skipped))}\n\n`
    this.#reader.resolve(this.#text)
    this.#reader = undefined
    this.#skipped = new Map()
    this.#text = ''
    this.#rows = 0
    this.#isDue = false
  }
}
