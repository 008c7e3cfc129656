/**
 * Usage: the apps of which this node has other numbers than it has told the other nodes: how many connections, and how
 * much of the rates of publications was used since. Where there are no other nodes there is none of it.
 */
import type { App } from './app'

export class Usage {
  /** Apps with another number of connections. */
  readonly connections = new Set<App>()
  /** Events that were charged since. */
  readonly events = new Map<App, number>()

  /** `wake` is called with the first change after `take`. */
  constructor(readonly wake: () => void) {}

  noteConnections(app: App): void {
    if (this.#isEmpty) this.wake()
    this.connections.add(app)
  }

  noteEvents(app: App, count: number): void {
    if (this.#isEmpty) this.wake()
    this.events.set(app, (this.events.get(app) ?? 0) + count)
  }

  get #isEmpty(): boolean {
    return this.connections.size === 0 && this.events.size === 0
  }
}
