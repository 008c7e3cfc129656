/**
 * LeaveQueue: closed connections that still count in their channels. Each step leaves one channel, in the
 * order in which the connections closed, so that neither the end of a socket with thousands of channels nor
 * that of thousands of sockets delays others. Until then such a connection is a subscriber, a member and
 * online; it receives nothing, and lookups do not find it.
 */
import type { Connection, Subscription } from './connection'
import type { Slices } from './slices'

type Steps<Core> = {
  readonly leave: (core: Core, subscription: Subscription) => void
  /** Called once the connection is in no channel any more. */
  readonly end: (core: Core, conn: Connection) => void
}

export class LeaveQueue {
  #closed: Connection[] = []
  #next = 0
  /** Subscriptions of the next connection, and how many of them it has left. */
  #subscriptions: readonly Subscription[] = []
  #left = 0
  #busy = false

  /** Leaves the connection's channels, then ends it: at once where the turn has time and no other waits. */
  add<Core extends { readonly slices: Slices }>(
    core: Core,
    conn: Connection,
    steps: Steps<Core>,
  ): void {
    this.#closed.push(conn)
    if (this.#busy) return
    this.#busy = true
    core.slices.add({ part: 'leave', step: () => this.#step(core, steps) })
  }

  #step<Core>(core: Core, { leave, end }: Steps<Core>): boolean {
    const conn = this.#closed[this.#next]
    this.#busy = conn !== undefined
    if (!conn) return false
    if (this.#left === 0) this.#subscriptions = conn.subscriptions?.all() ?? []
    const subscription = this.#subscriptions[this.#left++]
    const isLast = this.#left >= this.#subscriptions.length
    if (isLast) this.#forget()
    try {
      if (subscription) leave(core, subscription)
    } finally {
      if (isLast) end(core, conn)
    }
    return true
  }

  #forget(): void {
    this.#subscriptions = []
    this.#left = 0
    if (++this.#next < this.#closed.length) return
    this.#closed = []
    this.#next = 0
  }
}
