/**
 * Lists: answers that may be long. They are written in slices, entry by entry, so that a request for a
 * hundred thousand channels delays nobody; listed is what there was when it was received.
 */
import type { Core } from '../core/core'
import type { MaybePromise } from '../core/maybe-promise'
import type { Work } from '../core/slices'
import { CONTENT_TYPES } from './headers'

/** JSON before and after the entries. */
export type Envelope = readonly [before: string, after: string]

export type List<T> = {
  /** All items as they are now, in a list that nobody changes or a live collection; or a function that returns the next ones each time, at last none. */
  readonly items: Iterable<T> | (() => MaybePromise<readonly T[]>)
  readonly envelope: Envelope
  /** An entry as JSON; undefined for an item that is left out. */
  readonly jsonOf: (item: T) => string | undefined
}

const HEADERS = { 'content-type': CONTENT_TYPES.frameworkJson }
/** `{ data: [...] }`, as most lists are. */
export const DATA_ENVELOPE = ['{"data":[', ']}'] as const

/** Entries of a step: some microseconds. */
const ENTRIES = 32
/** Longer answers are sent in parts of so many characters, as fast as they are read: 4 MB in one piece take 5 ms. */
const PART_CHARS = 65_536

/** Rejects with what `jsonOf` throws in the first part; a later error cuts the answer off. */
export const respondWithList = <T>(core: Pick<Core, 'slices'>, list: List<T>): Promise<Response> =>
  respondWithLists(core, [list as List<unknown>])

/** One answer of several lists, one after the other. */
export async function respondWithLists(
  { slices }: Pick<Core, 'slices'>,
  lists: readonly List<unknown>[],
): Promise<Response> {
  const writing = new ListWriter(slices, lists)
  const first = await writing.write()
  return new Response(writing.done ? first : streamOf(first, writing), { headers: HEADERS })
}

function streamOf(first: string, writing: ListWriter): ReadableStream {
  const encoder = new TextEncoder()
  return new ReadableStream({
    start: (answer) => answer.enqueue(encoder.encode(first)),
    async pull(answer) {
      answer.enqueue(encoder.encode(await writing.write()))
      if (writing.done) answer.close()
    },
  })
}

/** Writes lists. */
class ListWriter implements Work {
  readonly part = 'a list'
  /** All of them are written. */
  done = false
  #list!: List<unknown>
  /** How many are begun. */
  #lists = 0
  #isListDone = true
  #items: readonly unknown[] = []
  #isBegun = false
  #isFetched = false
  #next = 0
  #text = ''
  /** No entry was written yet. */
  #isEmpty = true
  #written = Promise.withResolvers<string>()

  constructor(
    readonly slices: Core['slices'],
    readonly lists: readonly List<unknown>[],
  ) {
    this.#beginNext()
  }

  /**
   * Resolves with the next part. Call it only while not `done`, one call at a time. The first part is written
   * in this turn where that has time, later ones in the next: sending a part takes the system 100 µs.
   */
  write(): Promise<string> {
    this.#written = Promise.withResolvers()
    if (this.#isBegun) setImmediate(() => this.slices.add(this))
    else this.slices.add(this)
    this.#isBegun = true
    return this.#written.promise
  }

  step(): boolean {
    try {
      if (!this.#isListDone && this.#next === this.#items.length) {
        const more = this.#fetchMore()
        if (more instanceof Promise) return this.#waitFor(more)
        this.#take(more)
        if (!this.#isListDone) return true
      }
      this.#write(this.#items)
    } catch (cause) {
      this.#written.reject(cause)
      return false
    }
    if (this.#isListDone) this.#endList()
    if (!this.done && this.#text.length < PART_CHARS) return true
    this.#written.resolve(this.#text)
    this.#text = ''
    return false
  }

  #beginNext(): void {
    this.#list = this.lists[this.#lists++]!
    this.#text += this.#list.envelope[0]
    this.#items = []
    this.#next = 0
    this.#isFetched = false
    this.#isListDone = false
    this.#isEmpty = true
  }

  #endList(): void {
    this.#text += this.#list.envelope[1]
    if (this.#lists === this.lists.length) this.done = true
    else this.#beginNext()
  }

  /** False: the step that writes the items is added when they are there. */
  #waitFor(more: Promise<readonly unknown[]>): false {
    more.then(
      (items) => {
        this.#take(items)
        this.slices.add(this)
      },
      (cause: unknown) => this.#written.reject(cause),
    )
    return false
  }

  /**
   * A collection is copied whole: with an iterator, an item that leaves and comes back meanwhile would be listed twice.
   * Lists are copies already; 200 000 channels take 2 ms.
   */
  #fetchMore(): MaybePromise<readonly unknown[]> {
    const { items } = this.#list
    const isFirst = !this.#isFetched
    this.#isFetched = true
    if (typeof items === 'function') return items()
    if (!isFirst) return []
    return Array.isArray(items) ? items : Array.from(items)
  }

  /** They are written from the next step on. */
  #take(items: readonly unknown[]): void {
    this.#items = items
    this.#next = 0
    this.#isListDone = items.length === 0
  }

  #write(items: readonly unknown[]): void {
    const end = Math.min(this.#next + ENTRIES, items.length)
    while (this.#next < end) {
      const entry = this.#list.jsonOf(items[this.#next++]!)
      if (entry === undefined) continue
      this.#text += this.#isEmpty ? entry : `,${entry}`
      this.#isEmpty = false
    }
  }
}
