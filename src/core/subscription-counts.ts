/**
 * Subscription counts: how many connections are in a channel, sent to all of them after each change; at most
 * every five seconds where there are many, or the channel is crowded. Spec: contract 3.6.
 */
import type { App } from './app'
import type { Channel } from './connection'
import type { Node } from './engine'
import type { Facts } from './facts'
import type { Hub } from './hub'
import type { Cancel, ChannelName, Clock } from './types'

/** Channels with more subscribers are notified seldom. */
const MANY = 100
const SELDOM_MS = 5000

type Nouns = { readonly clock: Clock; readonly hub: Hub; readonly facts: Facts }

/** A connection has entered or left a channel. */
type Change = {
  readonly app: App
  readonly channel: ChannelName
  /** Subscriptions since then. */
  readonly count: number
  /** It was one of this node. */
  readonly isOwn: boolean
}

/** When a channel was last notified, whether a timer is set for it, and the latest change that waits for that. */
type LastNotice = { at: number; due: boolean; pending: Change | undefined }

export class SubscriptionCounts {
  /** Dies with the channel. */
  readonly #lastNotices = new WeakMap<Channel, LastNotice>()
  readonly #timers = new Set<Cancel>()
  #stopped = false

  /** Cancels all pending notices. */
  stop(): void {
    this.#stopped = true
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
  }

  notifyChange(nouns: Nouns, node: Node, change: Change): void {
    const { app, channel: name, count } = change
    if (!app.record.subscriptionCounts) return
    const channel = nouns.hub.channel(app, name)
    if (channel && (count > MANY || nouns.hub.crowdedAudiences(app, name).length > 0))
      return this.#notifySeldom(nouns, node, channel, change)
    const last = channel && this.#lastNotices.get(channel)
    if (last) last.pending = undefined
    notify(nouns, node, change)
  }

  #notifySeldom(nouns: Nouns, node: Node, channel: Channel, change: Change): void {
    if (this.#stopped) return
    const { clock, hub } = nouns
    const { app, channel: name, count } = change
    const last = this.#lastNotices.getOrInsertComputed(channel, () => ({
      at: -Infinity,
      due: false,
      pending: undefined,
    }))
    const isOwn = change.isOwn || last.pending?.isOwn === true
    last.pending = { app, channel: name, count, isOwn } // a copy, which keeps no connection in memory
    if (last.due) return
    const notifyPending = (): void => {
      const { pending } = last
      Object.assign(last, { at: clock.mono(), due: false, pending: undefined })
      if (pending && hub.channel(app, name) === channel) notify(nouns, node, pending)
    }
    const waitMs = last.at + SELDOM_MS - clock.mono()
    if (waitMs <= 0) return notifyPending()
    last.due = true
    const cancel = clock.after(waitMs, () => {
      this.#timers.delete(cancel)
      notifyPending()
    })
    this.#timers.add(cancel)
  }
}

function notify({ facts }: Nouns, node: Node, { app, channel, count, isOwn }: Change): void {
  node.announce(app, { type: 'subscription_count', channel, count })
  if (isOwn && facts.wants('subscription_count', app, channel))
    facts.emit({ type: 'subscription_count', app, channel, count })
}
