/**
 * Deadlines: names, each with a time, and whose time comes first. A binary heap; a time that was changed
 * or taken back stays in it and means nothing, until there are more of those than of others.
 */
type Entry = { readonly name: string; readonly at: number }

/** A few are not worth building anew. */
const SPARE = 64

export class Deadlines {
  readonly #times = new Map<string, number>()
  #heap: Entry[] = []

  /** Times that are held, those that mean nothing too. */
  get length(): number {
    return this.#heap.length
  }

  has(name: string): boolean {
    return this.#times.has(name)
  }

  /** In place of an earlier time. */
  set(name: string, at: number): void {
    this.#times.set(name, at)
    this.#heap.push({ name, at })
    if (this.#heap.length > 2 * this.#times.size + SPARE) this.#build()
    else this.#rise(this.#heap.length - 1)
  }

  delete(name: string): void {
    this.#times.delete(name)
  }

  /** The first time of all. */
  get first(): number | undefined {
    this.#dropMeaningless()
    return this.#heap[0]?.at
  }

  /** Takes out the first whose time has come. */
  shift(now: number): string | undefined {
    this.#dropMeaningless()
    const first = this.#heap[0]
    if (!first || first.at > now) return undefined
    this.#pop()
    this.#times.delete(first.name)
    return first.name
  }

  #dropMeaningless(): void {
    for (let top = this.#heap[0]; top; top = this.#heap[0]) {
      if (this.#times.get(top.name) === top.at) return
      this.#pop()
    }
  }

  #build(): void {
    this.#heap = Array.from(this.#times, ([name, at]) => ({ name, at }))
    for (let index = this.#heap.length >> 1; index >= 0; index--) this.#sink(index)
  }

  #pop(): void {
    const last = this.#heap.pop()!
    if (this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink(0)
  }

  #rise(index: number): void {
    const parent = (index - 1) >> 1
    if (index === 0 || this.#at(parent) <= this.#at(index)) return
    this.#swap(index, parent)
    this.#rise(parent)
  }

  #sink(index: number): void {
    const [left, right] = [2 * index + 1, 2 * index + 2]
    const lesser = this.#at(right) < this.#at(left) ? right : left
    if (this.#at(lesser) >= this.#at(index)) return
    this.#swap(index, lesser)
    this.#sink(lesser)
  }

  #at(index: number): number {
    return this.#heap[index]?.at ?? Infinity
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#heap[one]!, this.#heap[other]!]
    this.#heap[one] = b
    this.#heap[other] = a
  }
}
