/**
 * Arrivals: which of the events that the pane hears are those that this page has sent, and how long they took.
 * Owns those that are under way: bounded, and forgotten when they arrive or their request is refused.
 */
import type { Received } from './client'
import { userChannel, type Target } from './form'

export type Heard = {
  /** Unique in the page. */
  readonly id: number
  /** Epoch milliseconds. */
  readonly time: number
  /** Undefined for events to the pane's user. */
  readonly channel: string | undefined
  readonly event: string
  readonly data: string
  readonly userId: string | undefined
  /** The sending that it belongs to, and milliseconds since; undefined for events of others. */
  readonly sent: Arrival | undefined
}

/** An event that was sent here: by which sending, and how long ago. */
export type Arrival = { readonly id: string; readonly ms: number }

export const MAX_UNDER_WAY = 200

type UnderWay = { readonly sentId: string; readonly at: number; readonly key: string }

export class Arrivals {
  #underWay: readonly UnderWay[] = []
  #count = 0

  /** Notes events that are about to be sent; `at` is the time by `performance.now()`. */
  expect(sentId: string, targets: readonly Target[], at: number): void {
    const added = targets.map(({ channel, event, data }) => ({
      sentId,
      at,
      key: keyOf(channel, event, data),
    }))
    this.#underWay = [...this.#underWay, ...added].slice(-MAX_UNDER_WAY)
  }

  /** Forgets a sending that was refused. */
  forget(sentId: string): void {
    this.#underWay = this.#underWay.filter((each) => each.sentId !== sentId)
  }

  /** Recognizes an event by its channel, name and data: the oldest under way that has the same. */
  recognize({ at, channel, event, data, userId }: Received, user: string | undefined): Heard {
    const key = keyOf(channel ?? userChannel(user ?? ''), event, data)
    const found = this.#underWay.find((each) => each.key === key)
    if (found) this.#underWay = this.#underWay.filter((each) => each !== found)
    const sent = found && { id: found.sentId, ms: at - found.at }
    return { id: this.#count++, time: Date.now(), channel, event, data, userId, sent }
  }
}

const keyOf = (...parts: readonly string[]): string => JSON.stringify(parts)
