/**
 * Progress: one line that replaces itself on a terminal; silent where nobody watches.
 * By hand: cli-progress saves seven lines, begins each question with `0s left`, and a bench that is
 * ended in the middle leaves a terminal that no longer wraps.
 */
import { groupDigits } from './crowds'
import type { Planned } from './rounds'

export class Progress {
  readonly #began = performance.now()
  #done = 0
  #line = ''

  constructor(
    readonly plays: number,
    readonly terminal: NodeJS.WriteStream,
  ) {}

  get isWatched(): boolean {
    return this.terminal.isTTY === true
  }

  begin({ question, row, side, round, rounds }: Planned): void {
    this.#line = `${question.name} ${round}/${rounds}  ${row.label}  ${side}`
    this.rate(undefined)
  }

  /** What the load has counted in the last moment. */
  rate(perSecond: number | undefined): void {
    const rate = perSecond === undefined ? '' : `  ${groupDigits(perSecond)}/s`
    this.#write(`${this.#line}${rate}  (${this.#done + 1} of ${this.plays}${this.#left()})`)
  }

  finish(): void {
    this.#done++
  }

  clear(): void {
    this.#write('')
  }

  /** The time that is left, by what plays have taken so far. */
  #left(): string {
    if (this.#done === 0) return ''
    const each = (performance.now() - this.#began) / this.#done
    const seconds = ((this.plays - this.#done) * each) / 1000
    return seconds < 90 ? `, ${Math.ceil(seconds)} s left` : `, ${Math.ceil(seconds / 60)} min left`
  }

  /** A line that wraps can't be replaced. */
  #write(text: string): void {
    if (this.isWatched) this.terminal.write(`\r\x1b[K${text.slice(0, this.terminal.columns - 1)}`)
  }
}
