/**
 * Terminal: all that commands print. On a terminal a table that fits, elsewhere lines of values separated by tabs
 * without titles, with `--json` JSON. Text of others is made harmless on every way.
 */
import { layOut, toSafe, toSafeJson, widthOf, wrap, type Column } from './text'

/** Standard output or standard error. */
export type Stream = {
  /** False where it waits for its reader; then `drain` tells that all was read. */
  write(text: string): unknown
  on?(event: 'drain', listener: () => void): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

export type Streams = {
  readonly stdout: Stream
  readonly stderr: Stream
}

const USUAL_COLUMNS = 80
const BOLD = ['\u001b[1m', '\u001b[22m'] as const
const DIM = ['\u001b[2m', '\u001b[22m'] as const
/** Narrower terminals get lines that wrap. */
const LEAST_COLUMNS = 20

/** A value as a cell shows it. */
type Value = string | number | boolean | null | undefined

export type TerminalOptions = {
  readonly isJson: boolean
  /** Without `NO_COLOR`, on a terminal that is not dumb. */
  readonly env: Readonly<Record<string, string | undefined>>
}

export class Terminal {
  readonly isTerminal: boolean
  readonly isJson: boolean
  /** What was written since the reader fell behind. */
  waitingChars = 0
  readonly #hasColours: boolean

  constructor(
    readonly streams: Streams,
    { isJson, env }: TerminalOptions,
  ) {
    this.isTerminal = streams.stdout.isTTY === true
    this.isJson = isJson
    streams.stdout.on?.('drain', () => (this.waitingChars = 0))
    this.#hasColours = this.isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  }

  get width(): number {
    return Math.max(LEAST_COLUMNS, this.streams.stdout.columns || USUAL_COLUMNS)
  }

  /** Many of a kind. `none` is what a terminal shows where there are none. */
  table(columns: readonly Column[], rows: readonly (readonly Value[])[], none: string): void {
    const cells = rows.map((row) => row.map(showValue))
    if (!this.isTerminal) return this.#lines(cells.map((row) => row.join('\t')))
    if (cells.length === 0) return this.#lines([this.dim(none)])
    const [titles = '', ...lines] = layOut(columns, cells, this.width)
    this.#lines([this.bold(titles), ...lines])
  }

  /** One thing, a line for each of its fields; long values go on below their beginning. */
  fields(fields: readonly (readonly [label: string, value: Value])[]): void {
    const cells = fields.map(([label, value]) => [label, showValue(value)] as const)
    if (!this.isTerminal) return this.#lines(cells.map((row) => row.join('\t')))
    const indent = Math.max(...cells.map(([label]) => widthOf(label))) + 2
    const room = Math.max(LEAST_COLUMNS, this.width - indent)
    this.#lines(
      cells.flatMap(([label, value]) =>
        wrap(value, room).map(
          (line, at) => this.dim((at === 0 ? label : '').padEnd(indent)) + line,
        ),
      ),
    )
  }

  /** Indented on a terminal, else in one line. */
  json(value: unknown): void {
    this.#lines([toSafeJson(value, this.isTerminal ? 2 : undefined)])
  }

  /** One of many values: always one line. */
  jsonLine(value: unknown): void {
    this.#lines([toSafeJson(value)])
  }

  /** Lines for whoever reads standard output; text of others is safe in them already. */
  lines(...lines: readonly string[]): void {
    this.#lines(lines)
  }

  /** A line for each thing that is done; only a terminal shows it. */
  say(text: string): void {
    if (this.isTerminal && !this.isJson) this.#lines([toSafe(text)])
  }

  /** A line beside the output. */
  note(text: string): void {
    this.streams.stderr.write(`carillon: ${toSafe(text)}\n`)
  }

  bold = (text: string): string => this.#style(text, BOLD)
  dim = (text: string): string => this.#style(text, DIM)

  #style(text: string, [on, off]: readonly [string, string]): string {
    return this.#hasColours && text.trim() !== '' ? `${on}${text}${off}` : text
  }

  #lines(lines: readonly string[]): void {
    if (lines.length === 0) return
    const text = `${lines.join('\n')}\n`
    if (this.streams.stdout.write(text) === false) this.waitingChars += text.length
  }
}

const showValue = (value: Value): string =>
  value === null || value === undefined ? '' : toSafe(String(value))
