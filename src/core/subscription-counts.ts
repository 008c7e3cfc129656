/**
 * Subscription counts: how many connections are in a channel, sent to all of them after each change; at most
 * every five seconds where there are many, or the channel is crowded. Spec: contract 3.6.
 */
import type { App } from './app'
import type { Channel } from './connection'
import type { Facts } from './facts'
import type { Hub } from './hub'
import type { Presence } from './presence'
import type { Cancel, ChannelName, Clock } from './types'

/** Channels with more subscribers are notified seldom. */
const MANY = 100
const SELDOM_MS = 5000

type Nouns = {
  readonly clock: Clock
  readonly hub: Hub
  readonly presence: Presence
  readonly facts: Facts
}

export class SubscriptionCounts {
  /** When a channel was last notified, and whether a timer is set for it. Dies with the channel. */
  readonly #lastNotices = new WeakMap<Channel, { at: number; due: boolean }>()
  readonly #timers = new Set<Cancel>()
  #stopped = false

  /** Cancels all pending notices. */
  stop(): void {
    this.#stopped = true
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
  }

  /** Called after a connection has joined or left. */
  notifyChange(nouns: Nouns, app: App, name: ChannelName): void {
    if (!app.record.subscriptionCounts) return
    const channel = nouns.hub.channel(app, name)
    const isMany = nouns.presence.subscriptionCount(app, name) > MANY
    if (channel && (isMany || nouns.hub.crowdedAudiences(app, name).length > 0))
      this.#notifySeldom(nouns, channel)
    else notify(nouns, app, name)
  }

  #notifySeldom(nouns: Nouns, channel: Channel): void {
    const last = this.#lastNotices.getOrInsertComputed(channel, () => ({
      at: -Infinity,
      due: false,
    }))
    if (last.due || this.#stopped) return
    const { clock } = nouns
    const notifyNow = (): void => {
      Object.assign(last, { at: clock.mono(), due: false })
      notify(nouns, channel.app, channel.name)
    }
    const waitMs = last.at + SELDOM_MS - clock.mono()
    if (waitMs <= 0) return notifyNow()
    last.due = true
    const cancel = clock.after(waitMs, () => {
      this.#timers.delete(cancel)
      notifyNow()
    })
    this.#timers.add(cancel)
  }
}

function notify({ hub, presence, facts }: Nouns, app: App, channel: ChannelName): void {
  const count = presence.subscriptionCount(app, channel)
  hub.announce(app, { type: 'subscription_count', channel, count })
  facts.emit({ type: 'subscription_count', app, channel, count })
}
