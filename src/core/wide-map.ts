/**
 * WideMap: a map by text that may have hundreds of thousands of entries. A map of the runtime moves all of them
 * whenever its table grows or shrinks: 5 ms for a hundred thousand, 11 for two (Bun 1.4.5), in a turn that clients
 * choose. Here many entries are spread over parts with small tables.
 */

/** How many parts there are, where there is more than one; a power of two. */
const PARTS = 64
/** Bits of a hash besides those that choose the part. */
const OTHER_BITS = 32 - Math.log2(PARTS)
/** Entries from which on they are spread, and below which they are together again; moving them takes half a millisecond. */
export const SPREAD = { from: 4 * 1024, below: 1024 } as const

export class WideMap<Key extends string, Value> {
  #size = 0
  /** One, or `PARTS`. Replaced, never changed: a walk goes on in the ones that it began with. */
  #parts: readonly Map<Key, Value>[] = [new Map()]
  /** Odd, and unknown to clients: nobody can choose texts that are all in one part. */
  #multiplier = 1

  get size(): number {
    return this.#size
  }

  get(key: Key): Value | undefined {
    return this.#partOf(key).get(key)
  }

  has(key: Key): boolean {
    return this.#partOf(key).has(key)
  }

  set(key: Key, value: Value): void {
    const part = this.#partOf(key)
    const before = part.size
    part.set(key, value)
    this.#size += part.size - before
    if (this.#size >= SPREAD.from && this.#parts.length === 1) this.#move(PARTS)
  }

  getOrInsertComputed(key: Key, make: () => Value): Value {
    const known = this.get(key)
    if (known !== undefined) return known
    const value = make()
    this.set(key, value)
    return value
  }

  delete(key: Key): boolean {
    if (!this.#partOf(key).delete(key)) return false
    this.#size--
    if (this.#size < SPREAD.below && this.#parts.length > 1) this.#move(1)
    return true
  }

  /** A copy of the current ones, in no order. 200 000 take a millisecond, where arrays of the parts are joined 4 (Bun 1.4.5). */
  keys(): Key[] {
    const keys = Array<Key>(this.#size)
    let count = 0
    for (const part of this.#parts) for (const key of part.keys()) keys[count++] = key
    return keys
  }

  /** Live: those that go meanwhile are skipped, those that come may be. */
  *values(): IterableIterator<Value> {
    const parts = this.#parts
    for (const part of parts)
      for (const [key, value] of part) if (parts === this.#parts || this.has(key)) yield value
  }

  #partOf(key: Key): Map<Key, Value> {
    if (this.#parts.length === 1) return this.#parts[0]!
    return this.#parts[hash(key, this.#multiplier) >>> OTHER_BITS]!
  }

  #move(count: number): void {
    const before = this.#parts
    this.#multiplier = crypto.getRandomValues(new Uint32Array(1))[0]! | 1
    this.#parts = Array.from({ length: count }, () => new Map<Key, Value>())
    for (const part of before) for (const [key, value] of part) this.#partOf(key).set(key, value)
  }
}

/** About a nanosecond a character. */
function hash(text: string, multiplier: number): number {
  const { length } = text
  let sum = length
  for (let at = 0; at < length; at++) sum = Math.imul(sum ^ text.charCodeAt(at), multiplier)
  return sum
}
