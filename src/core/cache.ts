/**
 * Cache: the last event that a backend published to each cache channel, with or without subscribers. Bounded
 * per app, in channels and bytes; an event is dropped after its time, or when too many are newer.
 * Claims: who was the first.
 * Spec: contract 3.7, 7.3.
 */
import type { App } from './app'
import type { BackendPublication, Encoder } from './messages'
import { bytesOf, NOT_KEPT } from './stream'
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

type Tenant = {
  /** In the order of publishing, so that what expires first comes first. */
  readonly channels: Map<ChannelName, CachedEvent & { readonly bytes: number }>
  bytes: number
}

export class Cache {
  readonly #apps = new Map<App, Tenant>()

  constructor(readonly ttlMs: number) {}

  put(publication: BackendPublication, now: number, position = NOT_KEPT): void {
    const { app, channel } = publication
    const tenant = this.#apps.getOrInsertComputed(app, () => ({ channels: new Map(), bytes: 0 }))
    const { channels } = tenant
    drop(tenant, channel)
    const [expiresAt, bytes] = [now + this.ttlMs, bytesOf(publication)]
    channels.set(channel, { publication, position, expiresAt, frames: new Map(), bytes })
    tenant.bytes += bytes
    const { maxCachedChannels, maxCachedBytes } = app.limits
    if (channels.size > maxCachedChannels || tenant.bytes > maxCachedBytes)
      dropOldest(tenant, maxCachedChannels, maxCachedBytes)
  }

  get(app: App, channel: ChannelName, now: number): CachedEvent | undefined {
    const cached = this.#apps.get(app)?.channels.get(channel)
    return cached && cached.expiresAt > now ? cached : undefined
  }

  forget(app: App, channel: ChannelName): void {
    const tenant = this.#apps.get(app)
    if (tenant) drop(tenant, channel)
  }

  /** What has not expired, of each app the oldest first. */
  *all(now: number): IterableIterator<CachedEvent> {
    for (const { channels } of this.#apps.values())
      for (const cached of channels.values()) if (cached.expiresAt > now) yield cached
  }

  /** Drops what has expired: an event with each item, or an app that has none left. */
  *dropExpired(now: number): IterableIterator<App> {
    for (const [app, tenant] of this.#apps) {
      for (const [channel, { expiresAt }] of tenant.channels) {
        if (expiresAt > now) break
        drop(tenant, channel)
        yield app
      }
      if (tenant.channels.size === 0) this.#apps.delete(app)
      yield app
    }
  }
}

function drop(tenant: Tenant, channel: ChannelName): void {
  tenant.bytes -= tenant.channels.get(channel)?.bytes ?? 0
  tenant.channels.delete(channel)
}

/** A hundredth at once: a Map walks over all entries deleted at its front, 30 µs for 10 000. */
function dropOldest(tenant: Tenant, most: number, mostBytes: number): void {
  const { channels } = tenant
  const kept = most - Math.floor(most / 100)
  const keptBytes = mostBytes - Math.floor(mostBytes / 100)
  for (const oldest of channels.keys()) {
    if (channels.size <= kept && tenant.bytes <= keptBytes) return
    drop(tenant, oldest)
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
