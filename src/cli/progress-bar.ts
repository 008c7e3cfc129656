/**
 * A bar that replaces itself on a terminal; silent where nobody watches. By hand, as the bench's: `cli-progress`
 * leaves a terminal that does not wrap when it is ended in the middle.
 */
import type { Stream } from './terminal'

const USUAL_COLUMNS = 80
const MAX_CELLS = 40

export class ProgressBar {
  #isShown = false

  constructor(
    readonly what: string,
    readonly stream: Stream,
  ) {}

  /** Parts are of any unit. */
  show(done: number, total: number): void {
    if (!this.stream.isTTY) return
    const share = total === 0 ? 1 : Math.min(1, done / total)
    const percent = `${Math.floor(share * 100)} %`.padStart(5)
    const room = (this.stream.columns || USUAL_COLUMNS) - this.what.length - percent.length - 6
    const cells = Math.max(0, Math.min(MAX_CELLS, room))
    const full = Math.round(cells * share)
    this.#write(`${this.what} [${'#'.repeat(full)}${'.'.repeat(cells - full)}] ${percent}`)
  }

  clear(): void {
    if (this.#isShown) this.#write('')
    this.#isShown = false
  }

  #write(line: string): void {
    this.#isShown = true
    this.stream.write(`\r\u001b[K${line}`)
  }
}
