import { expect, test } from 'bun:test'
import { aliasTable } from '../src/aliases'
import { settingsTable } from '../src/config'

const README = `${import.meta.dir}/../README.md`

const TABLES = [
  ['settings', settingsTable],
  ['aliases', aliasTable],
] as const

test.each(TABLES)('the %s in README.md are those of the code', async (name, print) => {
  const text = await Bun.file(README).text()
  const [, table = ''] = new RegExp(`<!-- ${name} -->\\n([^]*?)<!-- /${name} -->`).exec(text) ?? []
  const cells = (markdown: string): string[] =>
    markdown.split('\n').map((line) => line.replace(/[-\s]+/g, ' ').trim())
  expect(cells(table).filter(Boolean)).toEqual(cells(print()).filter(Boolean))
})
