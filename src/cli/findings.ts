/**
 * Findings: what `carillon doctor` has looked at, and how it was.
 */
import type { Terminal } from './terminal'
import { wrap } from './text'

/** `warn` is for what may be meant so. */
export type Finding = {
  readonly state: 'ok' | 'warn' | 'fail'
  readonly check: string
  /** What was found, and what to do. */
  readonly about: string
}

const CHECK_WIDTH = 13
const STATE_WIDTH = 6

/** A block for each on a terminal, else a line. */
export function printFindings(findings: readonly Finding[], terminal: Terminal): void {
  if (!terminal.isTerminal)
    return terminal.table(
      [],
      findings.map(({ state, check, about }) => [state, check, about]),
      '',
    )
  for (const { state, check, about } of findings) {
    const [first = '', ...more] = wrap(about, terminal.width - STATE_WIDTH - CHECK_WIDTH)
    const head =
      state === 'ok' ? state.padEnd(STATE_WIDTH) : terminal.bold(state.padEnd(STATE_WIDTH))
    terminal.lines(head + check.padEnd(CHECK_WIDTH) + first)
    terminal.lines(...more.map((line) => ' '.repeat(STATE_WIDTH + CHECK_WIDTH) + line))
  }
}
