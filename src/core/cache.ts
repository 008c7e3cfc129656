/**
 * Cache: the last event that a backend published to each cache channel, with or without subscribers. Bounded
 * per app; an event is dropped after its time, or when too many channels are newer. Claims: who was the first.
 * Spec: contract 3.7, 7.3.
 */
import type { App } from './app'
import type { BackendPublication, Encoder } from './messages'
import { NOT_KEPT } from './stream'
import type { ChannelName, Clock, Frame, Position } from './types'

export type CachedEvent = {
  readonly publication: BackendPublication
  /** Where it stands in the channel's stream, if it has one. */
  readonly position: Position
  /** Milliseconds of the clock's `mono`. */
  readonly expiresAt: number
  /** One per codec, encoded at first use. */
  readonly frames: Map<Encoder, Frame | undefined>
}

export class Cache {
  /** Per app in the order of publishing, so that what expires first comes first. */
  readonly #apps = new Map<App, Map<ChannelName, CachedEvent>>()

  constructor(readonly ttlMs: number) {}

  put(publication: BackendPublication, now: number, position = NOT_KEPT): void {
    const { app, channel } = publication
    const channels = this.#apps.getOrInsertComputed(app, () => new Map())
    channels.delete(channel)
    const expiresAt = now + this.ttlMs
    channels.set(channel, { publication, position, expiresAt, frames: new Map() })
    const { maxCachedChannels } = app.limits
    if (channels.size > maxCachedChannels) dropOldest(channels, maxCachedChannels)
  }

  get(app: App, channel: ChannelName, now: number): CachedEvent | undefined {
    const cached = this.#apps.get(app)?.get(channel)
    return cached && cached.expiresAt > now ? cached : undefined
  }

  forget(app: App, channel: ChannelName): void {
    this.#apps.get(app)?.delete(channel)
  }

  /** What has not expired, of each app the oldest first. */
  *all(now: number): IterableIterator<CachedEvent> {
    for (const channels of this.#apps.values())
      for (const cached of channels.values()) if (cached.expiresAt > now) yield cached
  }

  /** Drops what has expired: an event with each item, or an app that has none left. */
  *dropExpired(now: number): IterableIterator<App> {
    for (const [app, channels] of this.#apps) {
      for (const [channel, { expiresAt }] of channels) {
        if (expiresAt > now) break
        channels.delete(channel)
        yield app
      }
      if (channels.size === 0) this.#apps.delete(app)
      yield app
    }
  }
}

/** A hundredth at once: a Map walks over all entries deleted at its front, 30 µs for 10 000. */
function dropOldest(channels: Map<ChannelName, CachedEvent>, most: number): void {
  const kept = most - Math.floor(most / 100)
  for (const oldest of channels.keys()) {
    if (channels.size <= kept) return
    channels.delete(oldest)
  }
}

export function frameOf(
  { publication, position, frames }: CachedEvent,
  encoder: Encoder,
): Frame | undefined {
  return frames.getOrInsertComputed(encoder, () => encoder.broadcast(publication, position))
}

/** How long a claim holds, unless the channel is vacated before. */
const CLAIM_MS = 10_000

/** What somebody was the first to claim of a channel, for a while. */
export class Claims {
  /** When each was made, the oldest first. */
  readonly #madeAt = new Map<string, number>()

  constructor(readonly clock: Clock) {}

  /** True for the first. */
  claim(app: App, channel: ChannelName, key: string): boolean {
    this.sweep()
    const name = nameOf(app, channel, key)
    if (this.#madeAt.has(name)) return false
    this.#madeAt.set(name, this.clock.mono())
    return true
  }

  /** Drops what has expired, in O(that). */
  sweep(): void {
    const now = this.clock.mono()
    for (const [name, at] of this.#madeAt) {
      if (now - at < CLAIM_MS) break
      this.#madeAt.delete(name)
    }
  }

  get size(): number {
    return this.#madeAt.size
  }

  forget(app: App, channel: ChannelName, key: string): void {
    if (this.#madeAt.size > 0) this.#madeAt.delete(nameOf(app, channel, key))
  }
}

/** No part has a space but the last. */
const nameOf = (app: App, channel: ChannelName, key: string): string =>
  `${app.id} ${channel} ${key}`
