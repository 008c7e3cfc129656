/**
 * Queue: what a client that fetches has not fetched yet, in order and bounded. When it overflows
 * its client is to be given up: a gap would be a lie.
 */
export class Queue {
  readonly #texts: string[] = []
  #chars = 0

  constructor(readonly maxChars: number) {}

  get chars(): number {
    return this.#chars
  }

  /** False when the text is one too many; it is not kept. */
  push(text: string): boolean {
    if (this.#chars + text.length > this.maxChars) return false
    this.#texts.push(text)
    this.#chars += text.length
    return true
  }

  /** The oldest texts, until they are as long as that or longer. */
  take(chars: number): readonly string[] {
    let count = 0
    let taken = 0
    while (count < this.#texts.length && taken < chars) taken += this.#texts[count++]!.length
    this.#chars -= taken
    return this.#texts.splice(0, count)
  }
}
