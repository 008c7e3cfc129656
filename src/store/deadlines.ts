/**
 * Deadlines: names with a time each, the earliest first. A binary heap; a time that was changed or deleted
 * stays in it, stale, until more are stale than not.
 */
type Entry = { readonly name: string; readonly at: number }

/** Stale times that are not worth building the heap anew. */
const MAX_STALE = 64

export class Deadlines {
  readonly #times = new Map<string, number>()
  #heap: Entry[] = []

  /** Times in the heap, stale ones too. */
  get length(): number {
    return this.#heap.length
  }

  has(name: string): boolean {
    return this.#times.has(name)
  }

  /** Replaces an earlier time. */
  set(name: string, at: number): void {
    this.#times.set(name, at)
    this.#heap.push({ name, at })
    if (this.#heap.length > 2 * this.#times.size + MAX_STALE) this.#build()
    else this.#siftUp(this.#heap.length - 1)
  }

  delete(name: string): void {
    this.#times.delete(name)
  }

  /** The earliest time. */
  get first(): number | undefined {
    this.#dropStale()
    return this.#heap[0]?.at
  }

  /** Removes and returns the earliest name, if its time is over. */
  shift(now: number): string | undefined {
    this.#dropStale()
    const first = this.#heap[0]
    if (!first || first.at > now) return undefined
    this.#pop()
    this.#times.delete(first.name)
    return first.name
  }

  #dropStale(): void {
    for (let top = this.#heap[0]; top; top = this.#heap[0]) {
      if (this.#times.get(top.name) === top.at) return
      this.#pop()
    }
  }

  #build(): void {
    this.#heap = Array.from(this.#times, ([name, at]) => ({ name, at }))
    for (let index = this.#heap.length >> 1; index >= 0; index--) this.#siftDown(index)
  }

  #pop(): void {
    const last = this.#heap.pop()!
    if (this.#heap.length === 0) return
    this.#heap[0] = last
    this.#siftDown(0)
  }

  #siftUp(index: number): void {
    const parent = (index - 1) >> 1
    if (index === 0 || this.#at(parent) <= this.#at(index)) return
    this.#swap(index, parent)
    this.#siftUp(parent)
  }

  #siftDown(index: number): void {
    const [left, right] = [2 * index + 1, 2 * index + 2]
    const lesser = this.#at(right) < this.#at(left) ? right : left
    if (this.#at(lesser) >= this.#at(index)) return
    this.#swap(index, lesser)
    this.#siftDown(lesser)
  }

  #at(index: number): number {
    return this.#heap[index]?.at ?? Infinity
  }

  #swap(one: number, other: number): void {
    const heap = this.#heap
    ;[heap[one], heap[other]] = [heap[other]!, heap[one]!]
  }
}
