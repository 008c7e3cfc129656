import { expect, test } from 'bun:test'
import { settingsTable } from '../src/config'

const README = `${import.meta.dir}/../README.md`

test('the settings in README.md are those of the code', async () => {
  const text = await Bun.file(README).text()
  const [, table = ''] = /<!-- settings -->\n([^]*?)<!-- \/settings -->/.exec(text) ?? []
  const cells = (markdown: string): string[] =>
    markdown.split('\n').map((line) => line.replace(/[-\s]+/g, ' ').trim())
  expect(cells(table).filter(Boolean)).toEqual(cells(settingsTable()).filter(Boolean))
})
