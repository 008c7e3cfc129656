/** Each row of what works or differs names the test that proves it, or the reason why there is none. */
import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { GROUPS } from '../../conformance/groups'
import { readPage, ROOT } from './pages'

test('every feature of Pusher has a test, or a reason', async () => {
  const text = await readPage('docs/compatibility.md')
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
  const text = await readPage(`docs/${page}.md`)
  const files = Array.from(text.matchAll(/`(test\/[\w./-]+\.test\.ts)`/g), ([, file]) => file!)
  expect(files.length).toBeGreaterThan(1)
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
})

/** The cells of each row of the tables whose last column is `Test`. */
const findTested = (text: string): readonly (readonly string[])[] =>
  Array.from(text.matchAll(/^\|.*\| Test +\|\n\| -.*\n((?:\|.*\n)+)/gm), ([, rows = '']) => rows)
    .flatMap((rows) => rows.trim().split('\n'))
    .map((row) => row.split('|').map((cell) => cell.trim()))

/** What is not there cannot be tried. */
const ABSENT = ['Usage quotas per day', 'soketi: "lambda webhooks"']

test.each(PAGES)('every difference in docs/%s.md names its test', async (page) => {
  const rows = findTested(await readPage(`docs/${page}.md`))
  expect(rows.length).toBeGreaterThan(2)
  for (const [, what = '', ...cells] of rows) {
    const proof = cells.at(-2)!
    expect([what, proof.includes('.test.ts`')]).toEqual([what, !ABSENT.includes(what)])
  }
})

test('every row of the choices that docs/compatibility.md names is tried', async () => {
  const text = await readPage('docs/compatibility.md')
  const named = Array.from(text.matchAll(/choices\.test\.ts` \(([\d, ]+)\)/g), ([, list]) => list!)
  const numbers = new Set(named.flatMap((list) => list.split(', ')))
  const files = [...new Bun.Glob('rows/choices-*.ts').scanSync(join(ROOT, 'test/protocols'))]
  const sources = await Promise.all(
    ['choices.test.ts', ...files].map((file) => readPage(`test/protocols/${file}`)),
  )
  const isTried = (row: string): boolean =>
    sources.some((source) => new RegExp(`(^    row: ${row},|^  ${row}: \\[)`, 'm').test(source))
  expect(numbers.size).toBeGreaterThan(15)
  expect([...numbers].filter((row) => !isTried(row))).toEqual([])
})

test('the tables of conformance name groups and cases that there are, and all groups', async () => {
  const text = await readPage('docs/compatibility.md')
  const [, block = ''] = /<!-- conformance -->([^]*)<!-- \/conformance -->/.exec(text) ?? []
  const rows = Array.from(block.matchAll(/^\| `([\w-]+)` +\| (.+?) +\|/gm))
  const named = new Set(rows.map(([, group]) => group))
  expect([...named]).toEqual(GROUPS.map(({ name }) => name))
  const known = GROUPS.flatMap(({ name, about, cases }) => [
    `${name}: ${about}`,
    ...cases.map((each) => `${name}: ${each.name}`),
  ])
  const strangers = rows.map(([, group, what]) => `${group}: ${what!.replaceAll('\\|', '|')}`)
  expect(strangers.filter((each) => !known.includes(each))).toEqual([])
})
