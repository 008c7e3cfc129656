/**
 * Turns: workers begin to listen one after the other, so that it is known in which order the system has their sockets.
 * It puts a new one last, and the last in the place of one that is closed. Source: `net/core/sock_reuseport.c` of Linux.
 */
import type { Rank } from '../takeover/steering'
import type { WorkerProcess } from './worker-process'

type Process = Pick<WorkerProcess, 'send'>

export class Turns {
  /** Those that listen. */
  readonly #order: Process[] = []
  readonly #waiting: Process[] = []
  #current: Process | undefined

  /** Has it listen when its turn comes. */
  ask(process: Process): void {
    this.#waiting.push(process)
    this.#next()
  }

  /** It listens. */
  note(process: Process): void {
    this.#order.push(process)
    this.#finish(process)
  }

  /** It has ended. */
  remove(process: Process): void {
    const index = this.#order.indexOf(process)
    const last = index === -1 ? undefined : this.#order.pop()
    if (last && last !== process) this.#order[index] = last
    const place = this.#waiting.indexOf(process)
    if (place !== -1) this.#waiting.splice(place, 1)
    this.#finish(process)
  }

  /** Undefined where it does not listen. */
  placeOf(process: Process): number | undefined {
    const index = this.#order.indexOf(process)
    return index === -1 ? undefined : index
  }

  /** `heir` is to get new connections, where it listens. Undefined where no other one listens. */
  rankOf(process: Process, heir?: Process): Rank | undefined {
    const [index, count] = [this.placeOf(process), this.#order.length]
    if (index === undefined || count < 2) return undefined
    return { index, count, to: heir && this.placeOf(heir) }
  }

  #finish(process: Process): void {
    if (this.#current !== process) return
    this.#current = undefined
    this.#next()
  }

  #next(): void {
    if (this.#current) return
    this.#current = this.#waiting.shift()
    this.#current?.send({ type: 'listen', isShared: this.#order.length > 0 })
  }
}
