/**
 * EarlierRepeats: keys that stood with events of durable streams when the server started. Whether their requests were
 * answered nobody knows any more, but a channel that has the event does not take it again.
 */
import type { App } from './app'
import type { BackendPublication, Claim } from './messages'
import type { ChannelName, Clock } from './types'

type Earlier = {
  readonly fingerprint: string
  /** Keys and channels of the events that are stored. */
  readonly taken: Set<string>
  /** Milliseconds of the clock's `mono`. */
  expiresAt: number
}

export class EarlierRepeats {
  readonly #requests = new Map<App, Map<string, Earlier>>()
  /** When the last of them expires. */
  #endsAt = -Infinity

  constructor(readonly clock: Pick<Clock, 'mono'>) {}

  /** Notes that a channel has the event with this key, until then. */
  add(app: App, { key, fingerprint }: Claim, channel: ChannelName, expiresAt: number): void {
    if (expiresAt <= this.clock.mono()) return
    const requests = this.#requests.getOrInsertComputed(app, () => new Map<string, Earlier>())
    const fresh = (): Earlier => ({ fingerprint, taken: new Set(), expiresAt })
    const earlier = requests.getOrInsertComputed(requestKeyOf(key), fresh)
    earlier.taken.add(nameOf(key, channel))
    earlier.expiresAt = Math.max(earlier.expiresAt, expiresAt)
    this.#endsAt = Math.max(this.#endsAt, expiresAt)
  }

  /** What the first request with the key was; undefined where there was none. */
  fingerprintOf(app: App, key: string): string | undefined {
    return this.#find(app, key)?.fingerprint
  }

  isTaken({ app, channel, once }: Pick<BackendPublication, 'app' | 'channel' | 'once'>): boolean {
    if (!once) return false
    const earlier = this.#find(app, requestKeyOf(once.key))
    return earlier?.taken.has(nameOf(once.key, channel)) ?? false
  }

  #find(app: App, key: string): Earlier | undefined {
    if (this.#requests.size === 0) return undefined
    const earlier = this.#requests.get(app)?.get(key)
    return earlier && earlier.expiresAt > this.clock.mono() ? earlier : undefined
  }

  /** Forgets all once the last has expired. */
  sweep(): void {
    if (this.clock.mono() >= this.#endsAt) this.#requests.clear()
  }
}

/** A key of a whole batch stands with each event with its place after a line break. */
function requestKeyOf(key: string): string {
  const end = key.indexOf('\n')
  return end < 0 ? key : key.slice(0, end)
}

/** No key has a tab. */
const nameOf = (key: string, channel: ChannelName): string => `${key}\t${channel}`
