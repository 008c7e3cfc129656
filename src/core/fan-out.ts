/**
 * FanOut: the audiences that have shards to serve, and the one chain of event-loop turns that serves
 * them: one shard per turn, audiences in rotation. Between two turns the loop reads sockets and
 * requests, so nobody waits for longer than one shard takes.
 */
import type { Audience } from './audience'

export class FanOut {
  readonly #busy: Audience[] = []

  add(audience: Audience): void {
    if (this.#busy.push(audience) === 1) setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    const audience = this.#busy.shift()
    if (audience?.serveNext()) this.#busy.push(audience)
    if (this.#busy.length > 0) setImmediate(this.#turn)
  }
}
