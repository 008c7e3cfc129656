/**
 * LiveLog: the rows that a page has, the newest first. While they are held, because somebody reads, new ones wait and
 * are counted. Bounded by rows and by characters; what is dropped is counted. Owns the rows.
 */
import { isShown, NO_FILTER, type Filter } from './filter'
import type { LiveRow } from './row'

export const MAX_ROWS = 5000
/** Of all rows together, as JSON. */
export const MAX_CHARS = 16_000_000

export class LiveLog {
  #rows: readonly LiveRow[] = []
  #waiting: LiveRow[] = []
  #waitingCount = 0
  #chars = 0
  #filter: Filter = NO_FILTER
  #visible: readonly LiveRow[] = []
  isHeld = false
  /** How many rows were left out by the server, by kind, since the log was cleared. */
  skipped: Readonly<Record<string, number>> = {}
  /** How many were given up here, since there is room for so many only. */
  dropped = 0

  /** Those that are shown, the newest first; the same list until it changes. */
  get visible(): readonly LiveRow[] {
    return this.#visible
  }

  get size(): number {
    return this.#rows.length
  }

  /** How many came since the rows are held, of those that would be shown. */
  get waitingCount(): number {
    return this.#waitingCount
  }

  /** Adds rows, the oldest first. */
  add(rows: readonly LiveRow[]): void {
    this.#waiting.push(...rows)
    this.#waitingCount += this.#countShown(rows)
    if (this.isHeld) this.#bound()
    else this.release()
  }

  /** Shows what waits. */
  release(): void {
    if (this.#waiting.length === 0) return
    const added = this.#waiting.toReversed()
    this.#waiting = []
    this.#waitingCount = 0
    this.#rows = this.#keep([...added, ...this.#rows])
    const oldest = this.#rows.at(-1)?.id ?? 0
    const before = this.#visible.filter(({ id }) => id >= oldest)
    const fresh = added.filter((row) => row.id >= oldest && this.#isShown(row))
    this.#visible = [...fresh, ...before]
  }

  show(filter: Filter): void {
    this.#filter = filter
    this.#visible = this.#rows.filter((row) => this.#isShown(row))
    this.#waitingCount = this.#countShown(this.#waiting)
  }

  skip(counts: Readonly<Record<string, number>>): void {
    const sums = { ...this.skipped }
    for (const [kind, count] of Object.entries(counts)) sums[kind] = (sums[kind] ?? 0) + count
    this.skipped = sums
  }

  clear(): void {
    this.#rows = []
    this.#waiting = []
    this.#waitingCount = 0
    this.#chars = 0
    this.#visible = []
    this.skipped = {}
    this.dropped = 0
  }

  #countShown(rows: readonly LiveRow[]): number {
    return rows.reduce((count, row) => count + (this.#isShown(row) ? 1 : 0), 0)
  }

  #isShown(row: LiveRow): boolean {
    return isShown(this.#filter, row)
  }

  /** The newest rows that there is room for. */
  #keep(rows: readonly LiveRow[]): readonly LiveRow[] {
    let [chars, count] = [0, 0]
    while (count < Math.min(rows.length, MAX_ROWS) && chars <= MAX_CHARS)
      chars += rows[count++]!.json.length
    this.#chars = chars
    this.dropped += rows.length - count
    return rows.slice(0, count)
  }

  /** Of those that wait the oldest are given up. */
  #bound(): void {
    let chars = this.#chars
    let from = this.#waiting.length
    while (from > Math.max(0, this.#waiting.length - MAX_ROWS) && chars <= 2 * MAX_CHARS)
      chars += this.#waiting[--from]!.json.length
    this.dropped += from
    this.#waiting = this.#waiting.slice(from)
  }
}
