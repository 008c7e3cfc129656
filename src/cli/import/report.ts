/**
 * The report of an import: a row for each line of the source, one for each app, and the settings.
 */
import type { Terminal } from '../terminal'
import { STATES, type Verdict } from './apply'
import { FATES, type Fate, type Line } from './outcome'
import { shownLines } from './settings-file'
import type { NewSetting } from './translate'

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
  printLines(terminal, lines)
  terminal.table(
    ['APP', 'STATE', 'WHY'].map((title) => ({ title })),
    verdicts.map(({ id, state, about }) => [id, STATES[state].about, about]),
    'no apps',
  )
  if (settingsFile) terminal.say(`${settingsFile.path}: ${settingsFile.state}`)
  else terminal.lines(...shownLines(settings))
  const counts = countFates(lines)
  if (counts !== '') terminal.note(counts)
}

/** What became of each line. */
export const printLines = (terminal: Terminal, lines: readonly Line[]): void =>
  terminal.table(
    ['WHERE', 'NAME', 'BECOMES', 'WHAT'].map((title) => ({ title })),
    lines.map(({ place, name, fate, about }) => [place, name, FATES[fate], about]),
    'nothing was found',
  )

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
