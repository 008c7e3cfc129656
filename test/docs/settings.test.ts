/** The tables of docs/settings.md are generated: printed by `tables.ts`. */
import { expect, test } from 'bun:test'
import { readPage } from './pages'
import { formatAliases, formatSettings, formatUnread } from './tables'

const TABLES = [
  ['settings', formatSettings],
  ['aliases', formatAliases],
  ['unread', formatUnread],
] as const

test.each(TABLES)('the %s in docs/settings.md are those of the code', async (name, print) => {
  const text = await readPage('docs/settings.md')
  const [, table = ''] = new RegExp(`<!-- ${name} -->\\n([^]*?)<!-- /${name} -->`).exec(text) ?? []
  const cells = (markdown: string): string[] =>
    markdown.split('\n').map((line) => line.replace(/[-\s]+/g, ' ').trim())
  expect(cells(table).filter(Boolean)).toEqual(cells(print()).filter(Boolean))
})
