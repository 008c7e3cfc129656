/**
 * Entrance: where requests of the API come in. While another process takes the place of this one they wait for the
 * outcome, and afterwards they are passed on: clients keep their HTTP connections, and none of their requests fails.
 */
import { resolve } from 'node:path'
import type { ListenAddress } from './core/addresses'
import type { MaybePromise } from './core/maybe-promise'

/** The listener that a request came to. */
export type Way = 'public' | 'plain' | 'admin' | 'metrics'

/** Sends a request to the process that serves now. */
export type Forward = (request: Request, way: Way) => Promise<Response>

/** The number of a port, or the path of a socket. */
export type Spot = number | string

export const spotOf = (address: ListenAddress): Spot =>
  'path' in address ? resolve(address.path) : address.port

/** Requests that may wait for the outcome; some kilobytes each. */
const MAX_HELD = 16_384

export class Entrance {
  /** False where `answer` has to be asked. */
  isOpen = true
  /** Requests since `count` that are not answered yet. */
  underWay = 0
  /** Requests that wait or are passed on. */
  #held = 0
  #outcome: PromiseWithResolvers<void> | undefined
  #forward: Forward | undefined
  /** Requests that come now are the last ones of their connections. */
  #isRetiring = false
  /** Other processes listen wherever this one does. */
  isAmongOthers = false

  constructor(
    /** Where the process listens whose place this one is to take: nobody is let in before `reopen`. */
    readonly before: readonly Spot[] | undefined,
  ) {
    if (before) this.shut()
  }

  /** True where another process listens: one that is about to stop, or a worker. */
  shares(address: ListenAddress): boolean {
    return this.isAmongOthers || this.before?.includes(spotOf(address)) === true
  }

  /** True where requests are passed on to another process. */
  get hasMoved(): boolean {
    return this.#forward !== undefined
  }

  /** Has the client open its next connection to the process that serves, where that is another one. */
  markLast(response: Response): Response {
    if (this.#forward || this.#isRetiring) response.headers.set('connection', 'close')
    return response
  }

  /** Counts requests from now on. Each would pay a thirtieth of a trigger for being counted all the time. */
  count(): void {
    this.isOpen = false
  }

  /** Has clients open their next connection to another process. */
  retire(): void {
    this.isOpen = false
    this.#isRetiring = true
  }

  /** Has requests wait. */
  shut(): void {
    this.isOpen = false
    this.#outcome ??= Promise.withResolvers()
  }

  /** Answers all that waits here, and whatever comes. */
  reopen(): void {
    this.isOpen = true
    this.#settle()
  }

  /** Passes on all that waits, and whatever comes. */
  move(forward: Forward): void {
    this.#forward = forward
    this.#settle()
  }

  #settle(): void {
    this.#outcome?.resolve()
    this.#outcome = undefined
  }

  /** Runs once it is known which process serves. */
  whenSettled<T>(run: () => MaybePromise<T>): MaybePromise<T> {
    return this.#outcome ? this.#outcome.promise.then(run) : run()
  }

  /** Called where it is not open. */
  answer(
    request: Request,
    way: Way,
    respond: () => MaybePromise<Response>,
  ): MaybePromise<Response> {
    if (this.#outcome || this.#forward) return this.#answerLater(request, way, respond)
    return this.#isRetiring ? this.#answerLast(respond) : this.#count(respond())
  }

  async #answerLast(respond: () => MaybePromise<Response>): Promise<Response> {
    return this.markLast(await respond())
  }

  async #count(response: MaybePromise<Response>): Promise<Response> {
    this.underWay++
    try {
      return await response
    } finally {
      this.underWay--
    }
  }

  async #answerLater(
    request: Request,
    way: Way,
    respond: () => MaybePromise<Response>,
  ): Promise<Response> {
    if (this.#held >= MAX_HELD)
      return new Response(null, { status: 503, headers: { 'retry-after': '1' } })
    this.#held++
    try {
      await this.#outcome?.promise
      return await (this.#forward ? this.#forward(request, way) : this.#count(respond()))
    } finally {
      this.#held--
    }
  }
}
