/**
 * Lists: answers that may be long. They are written down in slices, entry by entry, so that nobody waits
 * for who asks for a hundred thousand channels; what is listed is what there was when it was asked.
 */
import type { Core } from '../core/core'
import type { Work } from '../core/slices'

export type List<T> = {
  readonly items: Iterable<T>
  /** JSON before, between which the entries come, and after. */
  readonly around: readonly [before: string, after: string]
  /** An entry as JSON; undefined for what is not told. */
  readonly textOf: (item: T) => string | undefined
}

/** As the framework says of objects. */
const HEADERS = { 'content-type': 'application/json;charset=utf-8' }

/** Rejects with what `textOf` throws. */
export function listed<T>({ slices }: Core, list: List<T>): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  slices.add(new Writing(list, resolve, reject))
  return promise.then((text) => new Response(text, { headers: HEADERS }))
}

/** Entries of a step: some microseconds. */
const ENTRIES = 32

class Writing<T> implements Work {
  readonly part = 'a list'
  readonly #items: readonly T[]
  readonly #texts: string[] = []
  #next = 0

  constructor(
    readonly list: List<T>,
    readonly done: (text: string) => void,
    readonly failed: (cause: unknown) => void,
  ) {
    // Not as an iterator: what leaves and comes again meanwhile would be listed twice.
    this.#items = Array.from(list.items)
  }

  step(): boolean {
    try {
      this.#write(Math.min(this.#next + ENTRIES, this.#items.length))
    } catch (cause) {
      this.failed(cause)
      return false
    }
    if (this.#next < this.#items.length) return true
    const [before, after] = this.list.around
    this.done(`${before}${this.#texts.join(',')}${after}`)
    return false
  }

  #write(end: number): void {
    let entries = ''
    while (this.#next < end) {
      const entry = this.list.textOf(this.#items[this.#next++]!)
      if (entry !== undefined) entries += entries === '' ? entry : `,${entry}`
    }
    if (entries !== '') this.#texts.push(entries)
  }
}
