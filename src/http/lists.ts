/**
 * Lists: answers that may be long. They are written down in slices, entry by entry, so that nobody waits
 * for who asks for a hundred thousand channels; what is listed is what there was when it was asked.
 */
import type { Core } from '../core/core'
import type { Work } from '../core/slices'
import { CONTENT_TYPES } from './headers'

export type List<T> = {
  /** All of them as they are now, or what gives some more each time it is called, until it gives none. */
  readonly items: Iterable<T> | (() => readonly T[])
  /** JSON before, between which the entries come, and after. */
  readonly around: readonly [before: string, after: string]
  /** An entry as JSON; undefined for what is not told. */
  readonly textOf: (item: T) => string | undefined
}

const HEADERS = { 'content-type': CONTENT_TYPES.frameworkJson }
/** Entries of a step: some microseconds. */
const ENTRIES = 32
/** Characters of a part of an answer. What is longer is sent part by part, as fast as it is read: 4 MB in one piece take 5 ms. */
const PART_CHARS = 65_536

/** Rejects with what `textOf` throws for the first part; a later one cuts the answer off. */
export async function listed<T>(
  { slices }: Pick<Core, 'slices'>,
  list: List<T>,
): Promise<Response> {
  const writing = new Writing(slices, list)
  const first = await writing.write()
  return new Response(writing.done ? first : streamOf(first, writing), { headers: HEADERS })
}

function streamOf(
  first: string,
  writing: Pick<Writing<unknown>, 'done' | 'write'>,
): ReadableStream {
  const encoder = new TextEncoder()
  return new ReadableStream({
    start: (answer) => answer.enqueue(encoder.encode(first)),
    async pull(answer) {
      answer.enqueue(encoder.encode(await writing.write()))
      if (writing.done) answer.close()
    },
  })
}

/** One list on its way into text. */
class Writing<T> implements Work {
  readonly part = 'a list'
  done = false
  #items: readonly T[] = []
  readonly #more: () => readonly T[]
  #begun = false
  #next = 0
  #text: string
  /** No entry was told yet. */
  #bare = true
  #written = Promise.withResolvers<string>()

  constructor(
    readonly slices: Core['slices'],
    readonly list: List<T>,
  ) {
    this.#text = list.around[0]
    this.#more = typeof list.items === 'function' ? list.items : allOf(list.items)
  }

  /**
   * Resolves with the next part, the first one in this turn where it has time, others in the next ones: to
   * send a part takes the system 100 µs, which are on nobody's account. Only where it is not done, one at a time.
   */
  write(): Promise<string> {
    this.#written = Promise.withResolvers()
    if (this.#begun) setImmediate(() => this.slices.add(this))
    else this.slices.add(this)
    return this.#written.promise
  }

  step(): boolean {
    try {
      if (this.#next === this.#items.length && this.#goOn()) return true
      this.#write(this.#items)
    } catch (cause) {
      this.#written.reject(cause)
      return false
    }
    if (this.done) this.#text += this.list.around[1]
    else if (this.#text.length < PART_CHARS) return true
    this.#written.resolve(this.#text)
    this.#text = ''
    return false
  }

  /** True where there are more, which are written from the next step on. */
  #goOn(): boolean {
    this.#begun = true
    this.#items = this.#more()
    this.#next = 0
    this.done = this.#items.length === 0
    return !this.done
  }

  #write(items: readonly T[]): void {
    const end = Math.min(this.#next + ENTRIES, items.length)
    while (this.#next < end) {
      const entry = this.list.textOf(items[this.#next++]!)
      if (entry === undefined) continue
      this.#text += this.#bare ? entry : `,${entry}`
      this.#bare = false
    }
  }
}

/** Not as an iterator: what leaves and comes again meanwhile would be listed twice. */
function allOf<T>(items: Iterable<T>): () => readonly T[] {
  let left = true
  return () => {
    const now = left ? Array.from(items) : []
    left = false
    return now
  }
}
