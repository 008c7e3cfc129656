/** The tables of docs/settings.md are generated: printed by `tables.ts`. */
import { expect, test } from 'bun:test'
import { read } from './pages'
import { aliasTable, settingsTable, unreadTable } from './tables'

const TABLES = [
  ['settings', settingsTable],
  ['aliases', aliasTable],
  ['unread', unreadTable],
] as const

test.each(TABLES)('the %s in docs/settings.md are those of the code', async (name, print) => {
  const text = await read('docs/settings.md')
  const [, table = ''] = new RegExp(`<!-- ${name} -->\\n([^]*?)<!-- /${name} -->`).exec(text) ?? []
  const cells = (markdown: string): string[] =>
    markdown.split('\n').map((line) => line.replace(/[-\s]+/g, ' ').trim())
  expect(cells(table).filter(Boolean)).toEqual(cells(print()).filter(Boolean))
})
