/** A plain list of all events of a channel: what its stream has to answer, said in the simplest way. */
import fc from 'fast-check'
import type { HistoryQuery } from '../../src/core/stream'
import type { Position } from '../../src/core/types'

type Listed = {
  readonly offset: number
  readonly name: string
  readonly at: number
  readonly bytes: number
}

type ListBounds = { readonly size: number; readonly ttlMs: number; readonly bytes: number }

const sumOf = (events: readonly Listed[]): number =>
  events.reduce((sum, { bytes }) => sum + bytes, 0)

export const offsetsOf = (events: readonly { readonly offset: number }[]): number[] =>
  events.map(({ offset }) => offset)

/** A position as a walk names it: of this epoch or an earlier one, somewhere up to two past the end. */
export type Somewhere = { readonly epochsAgo: number; readonly share: number }

export const somewhere: fc.Arbitrary<Somewhere> = fc.record({
  epochsAgo: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.constantFrom(1, 9)),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
})

/** A page as a walk asks for it. */
export type Question = {
  readonly since: Somewhere | undefined
  readonly before: Somewhere | undefined
  readonly direction: 'forward' | 'backward'
  readonly limit: number
}

export const question: fc.Arbitrary<Question> = fc.record({
  since: fc.option(somewhere, { nil: undefined }),
  before: fc.option(somewhere, { nil: undefined }),
  direction: fc.constantFrom('forward' as const, 'backward' as const),
  limit: fc.integer({ min: 1, max: 12 }),
})

export class EventList {
  readonly #epochs: string[] = []
  #all: Listed[] = []
  #events: Listed[] = []
  offset = 0

  /** Where it does not delete what a rule gives up, a rule that has grown finds that again. */
  constructor(readonly deletes = true) {}

  /** Begins anew. */
  begin(epoch: string): void {
    this.#epochs.unshift(epoch)
    this.#all = []
    this.#events = []
    this.offset = 0
  }

  get epoch(): string {
    return this.#epochs[0]!
  }

  get size(): number {
    return this.#events.length
  }

  get bytes(): number {
    return sumOf(this.#events)
  }

  append(name: string, at: number, bytes: number): void {
    const event = { offset: ++this.offset, name, at, bytes }
    this.#all.push(event)
    this.#events.push(event)
  }

  dropOldest(): void {
    this.#events.shift()
  }

  /** Each rule cuts the list at its front. */
  trim(now: number, { size, ttlMs, bytes }: ListBounds): void {
    const events = this.deletes ? this.#events : this.#all
    this.#events = events.filter(({ at }) => at > now - ttlMs).slice(-size)
    while (this.bytes > bytes) this.#events.shift()
  }

  positionOf({ epochsAgo, share }: Somewhere): Position {
    const epoch = this.#epochs[epochsAgo] ?? 'never'
    return { epoch, offset: Math.round(share * (this.offset + 2)) }
  }

  /** All events after a position; undefined where one of them is not there any more, or the position never was. */
  since({ epoch, offset }: Position): readonly Listed[] | undefined {
    if (epoch !== this.epoch || offset > this.offset) return undefined
    const missed = this.#events.filter((event) => event.offset > offset)
    return missed.length === this.offset - offset ? missed : undefined
  }

  last(count: number): readonly Listed[] {
    return count === 0 ? [] : this.#events.slice(-count)
  }

  /** The page that answers a question, as offsets. */
  page({ since, before, direction, limit }: Omit<HistoryQuery, 'maxBytes'>) {
    const position = { epoch: this.epoch, offset: this.offset }
    const isOther = [since, before].some((given) => given && given.epoch !== this.epoch)
    const isAhead =
      (since && since.offset > this.offset) || (before && before.offset > this.offset + 1)
    if (isOther || isAhead) return { position, events: [], hasMore: false, recovered: false }
    const [from, to] = [since?.offset ?? 0, before?.offset ?? Infinity]
    const found = this.#events.filter(({ offset }) => offset > from && offset < to)
    if (direction === 'backward') found.reverse()
    return {
      position,
      events: offsetsOf(found.slice(0, limit)),
      hasMore: found.length > limit,
      recovered: this.since({ epoch: this.epoch, offset: from }) !== undefined,
    }
  }
}
