/**
 * Subscription counts: how many connections are in a channel, told to all of them after each change;
 * for many, or where they are behind, at most every five seconds: a channel that fills would speak of
 * nothing else.
 * Spec: contract 3.6.
 */
import type { App } from './app'
import type { Channel } from './connection'
import type { Facts } from './facts'
import type { Hub } from './hub'
import type { Presence } from './presence'
import type { Cancel, ChannelName, Clock } from './types'

/** With more subscribers than these, news come seldom. */
const MANY = 100
const SELDOM_MS = 5000

type Nouns = {
  readonly clock: Clock
  readonly hub: Hub
  readonly presence: Presence
  readonly facts: Facts
}

export class SubscriptionCounts {
  /** When a channel with many was told last, and whether it is about to be. Dies with the channel. */
  readonly #lastNotices = new WeakMap<Channel, { at: number; due: boolean }>()

  /** One for each channel that is about to be told. */
  readonly #timers = new Set<Cancel>()

  #stopped = false

  /** Nobody is told later any more. */
  stop(): void {
    this.#stopped = true
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
  }

  /** Somebody came or went. */
  notifyChange(nouns: Nouns, app: App, name: ChannelName): void {
    if (!app.record.subscriptionCounts) return
    const channel = nouns.hub.channel(app, name)
    const isMany = nouns.presence.subscriptionCount(app, name) > MANY
    if (channel && (isMany || nouns.hub.crowdedAudiences(app, name).length > 0))
      this.#notifySeldom(nouns, channel)
    else notify(nouns, app, name)
  }

  #notifySeldom(nouns: Nouns, channel: Channel): void {
    let told = this.#lastNotices.get(channel)
    if (!told) this.#lastNotices.set(channel, (told = { at: -Infinity, due: false }))
    if (told.due || this.#stopped) return
    const { clock } = nouns
    const notifyNow = (): void => {
      Object.assign(told, { at: clock.mono(), due: false })
      notify(nouns, channel.app, channel.name)
    }
    const waitMs = told.at + SELDOM_MS - clock.mono()
    if (waitMs <= 0) return notifyNow()
    told.due = true
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
