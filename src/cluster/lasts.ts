/**
 * Lasts: the last event of each cache channel. Redis has it; the replicas of nodes that hear the channel have it, too, so
 * that a subscriber gets exactly what stands before its first live event.
 */
import type { App } from '../core/app'
import type { CachedEvent } from '../core/cache'
import type { EngineParts } from '../core/engine'
import type { BackendPublication } from '../core/messages'
import type { ChannelName, Position } from '../core/types'
import { runOn, type Context } from './context'
import { RedisAway } from './link/link'
import { fullNameOf, splitName } from './names'
import type { Queries } from './queries'
import type { Replica } from './replica'
import { SCRIPTS } from './scripts'
import { readKept, splitText } from './wire'

/** The claim of the first subscriber that finds a cache channel empty; it ends when the channel is vacated. */
const CACHE_MISS = 'cache_miss'

export class Lasts {
  constructor(
    readonly context: Context,
    readonly parts: Pick<EngineParts, 'clock' | 'facts' | 'cacheTtlMs'>,
    readonly queries: Queries,
  ) {}

  /** What a subscriber gets that joins now. Where that is nothing, `cache_miss` is told once over all nodes. */
  find(app: App, replica: Replica): CachedEvent | undefined {
    const { last } = replica
    if (last && last.expiresAt > this.parts.clock.mono()) return last
    replica.last = undefined
    const { channel } = splitName(replica.name)
    if (this.parts.facts.wants(CACHE_MISS, app, channel)) void this.#emitMiss(app, channel)
    return undefined
  }

  /** Where Redis is away nobody knows whether it was the first. */
  async #emitMiss(app: App, channel: ChannelName): Promise<void> {
    try {
      if (await this.queries.claim(app, channel, CACHE_MISS))
        this.parts.facts.emit({ type: CACHE_MISS, app, channel })
    } catch (cause) {
      if (!(cause instanceof RedisAway)) throw cause
    }
  }

  /** Keeps an event that has just come. */
  keep(replica: Replica, publication: BackendPublication, position: Position): void {
    const { clock, cacheTtlMs } = this.parts
    const expiresAt = clock.mono() + cacheTtlMs
    replica.last = { publication, position, expiresAt, frames: new Map() }
  }

  /** Takes what a snapshot has. */
  adopt(replica: Replica, text: string, leftMs: number): void {
    const { appId, channel } = splitName(replica.name)
    const app = this.context.node.app(appId)
    replica.last = app && this.#read(app, channel, text, leftMs)
  }

  /** Asks Redis. Rejects with RedisAway. */
  async ask(app: App, channel: ChannelName): Promise<CachedEvent | undefined> {
    const answer = await runOn(this.context, SCRIPTS.last, fullNameOf(app, channel))
    const [text, leftMs] = answer as [string, number]
    return this.#read(app, channel, text, leftMs)
  }

  #read(app: App, channel: ChannelName, text: string, leftMs: number): CachedEvent | undefined {
    if (leftMs <= 0) return undefined
    const [fields, data] = splitText(text)
    const kept = Array.isArray(fields) ? readKept(fields, data) : undefined
    if (!kept) return undefined
    const { sent, position } = kept
    const expiresAt = this.parts.clock.mono() + leftMs
    return { publication: { ...sent, app, channel }, position, expiresAt, frames: new Map() }
  }
}
