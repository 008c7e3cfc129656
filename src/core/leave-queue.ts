/**
 * LeaveQueue: connections that have closed and still count in the channels they were in. One of them
 * leaves one channel per step, who closed first comes first, so that neither the end of a socket with
 * thousands of channels nor that of thousands of sockets holds up anybody. Until its turn has come a
 * connection is a subscriber, a member and online; it hears nothing, and nobody finds it.
 */
import type { Connection, Subscription } from './connection'
import type { Slices } from './slices'

/** What is done as a connection goes. */
type Steps<Core> = {
  readonly leave: (core: Core, subscription: Subscription) => void
  /** The connection is in no channel any more. */
  readonly end: (core: Core, conn: Connection) => void
}

export class LeaveQueue {
  #closed: Connection[] = []
  #next = 0
  /** Of the next one: what it was in when its turn came, and how much of that it has left. */
  #subscriptions: readonly Subscription[] = []
  #left = 0
  #busy = false

  /** Ended once it has left everything: at once where the turn has time and nobody waits. */
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
