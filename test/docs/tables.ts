/** The tables of docs/settings.md, docs/operations.md and docs/command-line.md, in Markdown: printed of the rows that the server works by. */
import { COMMANDS } from '../../src/cli/commands'
import { EXITS } from '../../src/cli/exits'
import { ALIASES } from '../../src/config/aliases'
import { ALL_SETTINGS } from '../../src/config/config'
import { fileVariable } from '../../src/config/secret-files'
import { UNREAD } from '../../src/config/unread'
import { METRICS } from '../../src/http/metrics-table'

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
