/** The tables of settings, metrics, commands, problems and causes in docs/, in Markdown: printed of the rows that the server works by. */
import { COMMANDS } from '../../src/cli/commands'
import { EXITS } from '../../src/cli/exits'
import { ALIASES } from '../../src/config/aliases'
import { ALL_SETTINGS } from '../../src/config/config'
import { fileVariable } from '../../src/config/secret-files'
import { UNREAD } from '../../src/config/unread'
import { CAUSES } from '../../src/http/live-causes'
import { METRICS } from '../../src/http/metrics-table'
import { PROBLEMS } from '../../src/http/problem-rows'
import { APP_PROBLEMS } from '../../src/http/problem-rows-of-apps'

function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
const formatCode = (text: string): string => `\`${text}\``

const formatCell = (value: unknown): string =>
  value === undefined || String(value) === '' ? '–' : formatCode(String(value))

export const formatSettings = (): string =>
  formatTable(
    ['Variable', 'Default', 'What it is'],
    ALL_SETTINGS.map(({ env, default: value, about, secret }) => {
      const file = secret ? `; or ${formatCode(fileVariable(env))}, a file that holds it` : ''
      return [formatCode(env), formatCell(value), `${about}${file}`]
    }),
  )

export const formatAliases = (): string =>
  formatTable(
    ['Also read', 'As'],
    ALIASES.map(([alias, env]) => [formatCode(alias), formatCode(env)]),
  )

export const formatUnread = (): string =>
  formatTable(
    ['Not read', 'Instead'],
    UNREAD.map(({ names, instead }) => [names.map(formatCode).join(', '), instead]),
  )

/** soketi's have the prefix that the settings begin with. */
export const formatMetrics = (): string =>
  formatTable(
    ['Metric', 'Kind', 'Labels', 'What it is'],
    METRICS.map(({ name, kind, labels, help, isSoketi }) => [
      formatCode(isSoketi ? `soketi_${name}` : name),
      kind,
      labels.map(formatCode).join(', '),
      help,
    ]),
  )

/** The first example of each. */
export const formatCommands = (): string =>
  formatTable(
    ['Command', 'What it does', 'For example'],
    COMMANDS.map(({ name, about, arguments: expected = [], examples: [[line]] }) => [
      formatCode([name, ...expected.map(([argument]) => argument)].join(' ')),
      about,
      formatCode(line.replaceAll('|', '\\|')),
    ]),
  )

export const formatExits = (): string =>
  formatTable(
    ['Exit code', 'Meaning'],
    Object.values(EXITS).map(({ code, about }) => [String(code), about]),
  )

/** A row without a remedy of its own says the one of its most frequent reason. */
export const formatProblems = (): string =>
  formatTable(
    ['`code`', 'What to do'],
    [...PROBLEMS, ...APP_PROBLEMS].map(({ code, remedy }) => [
      formatCode(code),
      remedy || 'It depends on the reason, which the text names: see above.',
    ]),
  )

export const formatCauses = (): string =>
  formatTable(
    ['Likely', 'What to do'],
    Object.values(CAUSES).map(({ likely, remedy }) => [likely, remedy]),
  )
