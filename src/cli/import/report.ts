/**
 * The report of an import: a row for each line of the source, one for each app, and the settings.
 */
import type { Terminal } from '../terminal'
import { toSafe, wrap } from '../text'
import { STATES, type Verdict } from './apply'
import { FATES, type Fate, type Line } from './outcome'
import { shownLines, type NewSetting } from './settings-file'

export type Report = {
  readonly lines: readonly Line[]
  readonly verdicts: readonly Verdict[]
  readonly settings: readonly NewSetting[]
  /** Where the settings are; undefined where they are printed. */
  readonly settingsFile: { readonly path: string; readonly state: string } | undefined
}

export function printReport(terminal: Terminal, report: Report): void {
  const { lines, verdicts, settings, settingsFile } = report
  if (terminal.isJson)
    return terminal.json({
      lines,
      apps: verdicts,
      settings: Object.fromEntries(
        settings.map(({ name, value, isSecret }) => [name, isSecret ? '(hidden)' : value]),
      ),
      ...(settingsFile && { settings_file: settingsFile }),
    })
  printWhole(
    terminal,
    lines.map(({ place, name, fate, about }) => [
      [place, name],
      [FATES[fate], about],
    ]),
  )
  printWhole(
    terminal,
    verdicts.map(({ id, state, about }) => [[id], [STATES[state].about, about]]),
  )
  if (settingsFile) terminal.say(`${settingsFile.path}: ${settingsFile.state}`)
  else terminal.lines(...shownLines(settings))
  const counts = countFates(lines)
  if (counts !== '') terminal.note(counts)
}

type WholeRow = readonly [what: readonly string[], about: readonly string[]]

/** Rows of which no end is cut off: on a terminal each has a line for what it is about, and more below it. */
export function printWhole(terminal: Terminal, rows: readonly WholeRow[]): void {
  if (!terminal.isTerminal) {
    const cells = rows.map(([what, about]) => [...what, ...about])
    return terminal.table([], cells, '')
  }
  const room = terminal.width - INDENT.length
  for (const [what, about] of rows) {
    const text = toSafe(about.filter(Boolean).join(': '))
    terminal.lines(
      terminal.dim(toSafe(what.filter(Boolean).join('  '))),
      ...wrap(text, room).map((line) => INDENT + line),
    )
  }
}

const INDENT = '    '

/** `3 could not be carried, 1 wrong`: only what needs a look. */
function countFates(lines: readonly Line[]): string {
  const needy: readonly Fate[] = ['lost', 'mistake']
  return needy
    .flatMap((fate) => {
      const count = lines.filter((line) => line.fate === fate).length
      return count === 0 ? [] : `${count} ${FATES[fate]}`
    })
    .join(', ')
}
