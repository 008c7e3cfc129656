/** The tables of docs/settings.md, in Markdown: printed of the rows that the server reads by. */
import { ALIASES } from '../../src/config/aliases'
import { ALL_SETTINGS } from '../../src/config/config'
import { fileVariable } from '../../src/config/secret-files'
import { UNREAD } from '../../src/config/unread'

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
const code = (text: string): string => `\`${text}\``

const cell = (value: unknown): string =>
  value === undefined || String(value) === '' ? '–' : code(String(value))

export const settingsTable = (): string =>
  tableOf(
    ['Variable', 'Default', 'What it is'],
    ALL_SETTINGS.map(({ env, default: value, about, secret }) => {
      const file = secret ? `; or ${code(fileVariable(env))}, a file that holds it` : ''
      return [code(env), cell(value), `${about}${file}`]
    }),
  )

export const aliasTable = (): string =>
  tableOf(
    ['Also read', 'As'],
    ALIASES.map(([alias, env]) => [code(alias), code(env)]),
  )

export const unreadTable = (): string =>
  tableOf(
    ['Not read', 'Instead'],
    UNREAD.map(({ names, instead }) => [names.map(code).join(', '), instead]),
  )
