/** Each row that says what works or differs names the test that proves it, or says why there is none. */
import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { read, ROOT } from './pages'

test('every feature of Pusher has a test, or a reason', async () => {
  const text = await read('docs/compatibility.md')
  const [, table = ''] = /## What works\n([^]*?)\n## /.exec(text) ?? []
  const rows = Array.from(table.matchAll(/^\| (.+?) *\| (yes|no)\b.*?\| (.*?) *\|$/gm))
  expect(rows.length).toBeGreaterThan(25)
  for (const [, feature, here, proof = ''] of rows)
    expect([feature, here === 'no' ? proof.length > 20 : proof.includes('.test.ts`')]).toEqual([
      feature,
      true,
    ])
})

const PAGES = ['compatibility', 'phoenix', 'expusherlite', 'pushex']

test.each(PAGES)('every test that docs/%s.md names is there', async (page) => {
  const text = await read(`docs/${page}.md`)
  const files = Array.from(text.matchAll(/`(test\/[\w./-]+\.test\.ts)`/g), ([, file]) => file!)
  expect(files.length).toBeGreaterThan(1)
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
})
