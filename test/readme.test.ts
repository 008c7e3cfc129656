import { expect, test } from 'bun:test'
import { aliasTable } from '../src/aliases'
import { settingsTable } from '../src/config'
import { unreadTable } from '../src/unread'

const DOCS = `${import.meta.dir}/../docs`

const TABLES = [
  ['settings', settingsTable],
  ['aliases', aliasTable],
  ['unread', unreadTable],
] as const

test.each(TABLES)('the %s in docs/settings.md are those of the code', async (name, print) => {
  const text = await Bun.file(`${DOCS}/settings.md`).text()
  const [, table = ''] = new RegExp(`<!-- ${name} -->\\n([^]*?)<!-- /${name} -->`).exec(text) ?? []
  const cells = (markdown: string): string[] =>
    markdown.split('\n').map((line) => line.replace(/[-\s]+/g, ' ').trim())
  expect(cells(table).filter(Boolean)).toEqual(cells(print()).filter(Boolean))
})

test('every feature in docs/compatibility.md has a test, or a reason', async () => {
  const text = await Bun.file(`${DOCS}/compatibility.md`).text()
  const [, table = ''] = /## What works\n([^]*?)\n## /.exec(text) ?? []
  const rows = Array.from(table.matchAll(/^\| (.+?) *\| (yes|no)\b.*?\| (.*?) *\|$/gm))
  expect(rows.length).toBeGreaterThan(25)
  for (const [, feature, here, proof = ''] of rows)
    expect([feature, here === 'no' ? proof.length > 20 : proof.includes('.test.ts`')]).toEqual([
      feature,
      true,
    ])
})

test('every test that docs/compatibility.md names is there', async () => {
  const text = await Bun.file(`${DOCS}/compatibility.md`).text()
  const files = Array.from(text.matchAll(/`(test\/[\w./-]+\.test\.ts)`/g), ([, file]) => file!)
  expect(files.length).toBeGreaterThan(10)
  for (const file of files)
    expect({ file, there: await Bun.file(`${import.meta.dir}/../${file}`).exists() }).toEqual({
      file,
      there: true,
    })
})
