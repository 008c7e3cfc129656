/** The tables of settings, metrics and commands are generated: printed by `tables.ts`. */
import { expect, test } from 'bun:test'
import { readPage } from './pages'
import {
  formatAliases,
  formatCauses,
  formatCommands,
  formatExits,
  formatMetrics,
  formatProblems,
  formatSettings,
  formatUnread,
} from './tables'

const TABLES = [
  ['docs/settings.md', 'settings', formatSettings],
  ['docs/settings.md', 'aliases', formatAliases],
  ['docs/settings.md', 'unread', formatUnread],
  ['docs/operations.md', 'metrics', formatMetrics],
  ['docs/command-line.md', 'commands', formatCommands],
  ['docs/command-line.md', 'exits', formatExits],
  ['docs/troubleshooting.md', 'causes', formatCauses],
  ['docs/troubleshooting.md', 'problems', formatProblems],
] as const

test.each(TABLES)('%s: the %s are those of the code', async (page, name, print) => {
  const text = await readPage(page)
  const [, table = ''] = new RegExp(`<!-- ${name} -->\\n([^]*?)<!-- /${name} -->`).exec(text) ?? []
  const cells = (markdown: string): string[] =>
    markdown.split('\n').map((line) => line.replace(/[-\s]+/g, ' ').trim())
  expect(cells(table).filter(Boolean)).toEqual(cells(print()).filter(Boolean))
})
