/** Inbox: what has arrived, in its order, and who waits for the next. */
import { Mismatch } from '../mismatch'

/** Waits for something, at most until the time of the case is over; `got` says what came instead. */
export type Wait = <T>(expected: string, promise: Promise<T>, got?: () => string) => Promise<T>

/** More than any case makes a server send: what has no end fills no memory. */
export const MAX_RECEIVED_BYTES = 4 * 1024 * 1024
export const FLOOD = `more than ${MAX_RECEIVED_BYTES} bytes`

export class Inbox<T> {
  readonly #items: T[] = []
  #waiting: PromiseWithResolvers<void> | undefined
  #end: string | undefined

  constructor(
    readonly wait: Wait,
    /** What came instead, where nothing comes in time. */
    readonly saw: () => string = () => 'nothing',
  ) {}

  push(item: T): void {
    this.#items.push(item)
    this.#waiting?.resolve()
  }

  /** Nothing comes any more; who waits is told what there was instead. */
  end(instead: string): void {
    this.#end ??= instead
    this.#waiting?.resolve()
  }

  /** What has come and was not taken. */
  get unread(): readonly T[] {
    return this.#items
  }

  /** Takes the first one, once there is one. @throws Mismatch */
  async next(expected: string): Promise<T> {
    while (this.#items.length === 0) {
      if (this.#end !== undefined) throw new Mismatch(expected, this.#end)
      this.#waiting = Promise.withResolvers()
      await this.wait(expected, this.#waiting.promise, this.saw)
    }
    return this.#items.shift()!
  }
}
