/**
 * What a page of the trial of cuts hears: each number of each publisher once and in order, on each of its channels,
 * but for what it was told that it is not kept any more.
 */
export type CutEvent = { readonly publisher: number; readonly number: number }

/** What the helper says after a cut. */
type Recovery = { readonly recovered: boolean; readonly missed: number | null }

/** Where a page stands in one channel. */
class Place {
  /** Highest numbers, by publisher. */
  readonly last = new Map<number, number>()
  /** Publishers of whom something may be missing, since the page was told so. */
  readonly mayJump = new Set<number>()
  /** It was away for so long that something is given up by now. */
  isTooLate = false
}

export class Hearing {
  heard = 0
  replayed = 0
  recovered = 0
  tooLate = 0
  readonly faults: string[] = []
  readonly #places = new Map<string, Place>()

  constructor(
    /** For messages. */
    readonly name: string,
    readonly publishers: number,
  ) {}

  begin(channel: string): void {
    this.#places.set(channel, new Place())
  }

  /** The page stays away for longer than anything is kept. */
  leave(): void {
    for (const place of this.#places.values()) place.isTooLate = true
  }

  /** It knows of each channel that something is given up. */
  get isBack(): boolean {
    return [...this.#places.values()].every(({ isTooLate }) => !isTooLate)
  }

  /** True where it has heard every publisher's last number, or does not listen. */
  hasAll(channel: string, numbers: ReadonlyMap<number, number>): boolean {
    const place = this.#places.get(channel)
    return (
      !place || [...numbers].every(([publisher, number]) => place.last.get(publisher) === number)
    )
  }

  note(channel: string, { recovered, missed }: Recovery): void {
    const place = this.#places.get(channel)!
    if (recovered) {
      this.recovered++
      this.replayed += missed ?? 0
      return
    }
    if (place.isTooLate) this.tooLate++
    else this.#fault(channel, 'something was given up that should be kept')
    place.isTooLate = false
    for (let publisher = 0; publisher < this.publishers; publisher++) place.mayJump.add(publisher)
  }

  hear(channel: string, { publisher, number }: CutEvent): void {
    this.heard++
    const { last, mayJump } = this.#places.get(channel)!
    const before = last.get(publisher) ?? 0
    const isNext = number === before + 1 || (number > before && mayJump.has(publisher))
    if (!isNext) this.#fault(channel, `${number} of ${publisher} after ${before}`)
    mayJump.delete(publisher)
    last.set(publisher, Math.max(before, number))
  }

  #fault(channel: string, about: string): void {
    this.faults.push(`${this.name}, ${channel}: ${about}`)
  }
}
