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
import { Watcher, type WatchRequest } from './live-watcher'
import { kindOf, LIVE_FACTS, rowOf } from './live-rows'

/** Keeps proxies from ending a quiet stream. */
const BEAT_MS = 20_000
/** Socket ids that are remembered of each app, and as many of those that are connected: one may have signed for another. */
const MAX_SOCKET_IDS = 64

/** Before one that found no place tries again. */
const RETRY_AFTER_SECONDS = 10

/** Who watches an app. */
type Audience = {
  readonly watchers: Set<Watcher>
  /** Of the last connections that came or went. */
  readonly socketIds: Set<string>
}

export class LiveFeed {
  readonly #audiences = new Map<App, Audience>()
  #count = 0
  #endListening: (() => void) | undefined
  #endBeats: Cancel | undefined

  constructor(readonly core: Core) {}

  get size(): number {
    return this.#count
  }

  /** Resumes the stream of a client that comes back, if that is known. @throws RealtimeError('too_many_watchers') */
  watch(request: WatchRequest): Watcher {
    const former = this.#formerOf(request)
    if (former) this.end(former)
    else this.#requirePlace(request)
    const watcher = new Watcher(this.core, request, former)
    const { watchers } = this.#audiences.getOrInsertComputed(request.app, newAudience)
    watchers.add(watcher)
    if (this.#count++ === 0) this.#begin()
    return watcher
  }

  /** Its client has gone. Safe for one that has ended. */
  leave(watcher: Watcher): void {
    if (watcher.isLingering) return
    const { app, filter } = watcher.request
    const isOpen = this.#audiences.get(app)?.watchers.has(watcher)
    if (isOpen && filter.lingerSeconds > 0) watcher.linger(() => this.end(watcher))
    else this.end(watcher)
  }

  /** Safe for one that has ended. */
  end(watcher: Watcher): void {
    const { app } = watcher.request
    const watchers = this.#audiences.get(app)?.watchers
    if (!watchers?.delete(watcher)) return
    watcher.finish()
    if (watchers.size === 0) this.#audiences.delete(app)
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
    const gone = this.#all().find(
      (watcher) => watcher.isLingering && (!isOneTooMany || isOfToken(watcher)),
    )
    if (gone) return this.end(gone)
    const message = isOneTooMany
      ? `Too many live streams of one token: the limit is ${mostOfToken}, half of maxLiveStreams`
      : `Too many live streams: the limit is ${most} (maxLiveStreams)`
    throw new RealtimeError('too_many_watchers', message, {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    })
  }

  /** The stream that a client had before it was cut off, of the same caller and about the same. */
  #formerOf({ app, tokenId, last, filter }: WatchRequest): Watcher | undefined {
    for (const watcher of this.#audiences.get(app)?.watchers ?? []) {
      const { request } = watcher
      if (watcher.id === last?.stream && request.tokenId === tokenId)
        return Bun.deepEquals(request.filter, filter) ? watcher : undefined
    }
    return undefined
  }

  #all(): Watcher[] {
    return Array.from(this.#audiences.values(), ({ watchers }) => [...watchers]).flat()
  }

  #begin(): void {
    const { facts, clock } = this.core
    this.#endListening = facts.listen({
      types: LIVE_FACTS,
      wants: (_type, app) => app === undefined || this.#audiences.has(app),
      receive: (fact) => this.#receive(fact),
    })
    this.#endBeats = clock.every(BEAT_MS, () => this.#beat())
  }

  #receive(fact: Fact): void {
    const audience = fact.app && this.#audiences.get(fact.app)
    const watchers = fact.app
      ? audience?.watchers
      : this.#all().filter(({ request }) => request.seesAllApps)
    const kind = watchers && kindOf(fact)
    if (!kind) return
    if (audience && (kind === 'connected' || kind === 'disconnected'))
      rememberSocket(audience, fact)
    let row: string | undefined
    // One for all who watch.
    const makeRow = (): string =>
      (row ??= rowOf(this.core, kind, fact, this.#socketIdsOf(fact.app)))
    for (const watcher of watchers) watcher.offer(kind, fact, makeRow)
    if (fact.type === 'app_changed' && this.core.apps.byId(fact.app.id) !== fact.app)
      for (const watcher of watchers) {
        watcher.flush() // what has ended it is its last row
        this.end(watcher)
      }
  }

  *#socketIdsOf(app: App | undefined): Iterable<string> {
    if (!app) return
    yield* this.#audiences.get(app)?.socketIds ?? []
    let looked = 0
    for (const socketId of this.core.hub.socketIdsOf(app)) {
      if (looked++ === MAX_SOCKET_IDS) return
      yield socketId
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

const newAudience = (): Audience => ({ watchers: new Set(), socketIds: new Set() })

function rememberSocket({ socketIds }: Audience, fact: Fact): void {
  if (!('socketId' in fact) || fact.socketId === undefined) return
  socketIds.add(fact.socketId)
  for (const oldest of socketIds) {
    if (socketIds.size <= MAX_SOCKET_IDS) return
    socketIds.delete(oldest)
  }
}
