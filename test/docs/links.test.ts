/** Whatever points to a page, or from one page to another, finds what it names. */
import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { anchorsOf, PAGES, proseOf, readPage, ROOT } from './pages'

/** Links of Markdown but for those to other hosts. */
const LINK = /\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g

async function brokenLinks(page: string): Promise<readonly string[]> {
  const broken: string[] = []
  for (const [link, path = '', anchor] of proseOf(await readPage(page)).matchAll(LINK)) {
    const target = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), path))
    const isThere =
      existsSync(join(ROOT, target)) &&
      (anchor === undefined || anchorsOf(await readPage(target)).includes(anchor))
    if (!isThere) broken.push(link)
  }
  return broken
}

test.each(PAGES)('every link of %s has its page and its heading', async (page) => {
  expect(await brokenLinks(page)).toEqual([])
})

test('every page is found from README.md', async () => {
  const seen = new Set(['README.md'])
  for (const page of seen)
    for (const [, path = ''] of (await readPage(page)).matchAll(LINK))
      if (path.endsWith('.md')) seen.add(relative(ROOT, join(ROOT, dirname(page), path)))
  expect([...seen].toSorted()).toEqual(PAGES.toSorted())
})

/** `docs/operations.md`, and a heading where one is named: `docs/operations.md, "What local means"`. */
/** Pages of other projects are called docs of theirs. */
const POINTER = /(?<![\w/%}.-]|docs, )((?:[\w-]+\/)*[\w-]+\.md)\b(?:, "([^"]+)")?/g

const SOURCES = ['src', 'kit', 'plugins', 'bench', 'openapi', 'test', '.ci', '.'].flatMap(
  (folder) => [
    ...new Bun.Glob(folder === '.' ? '*.ts' : `${folder}/**/*.{ts,html,json}`).scanSync(ROOT),
  ],
)

test('every page that code, tests, logs and answers name is there', async () => {
  const missing: string[] = []
  let found = 0
  for (const file of SOURCES.filter((name) => !name.startsWith('bench/results')))
    for (const [pointer, page = '', heading] of (await readPage(file)).matchAll(POINTER)) {
      found++
      const isThere =
        existsSync(join(ROOT, page)) &&
        (heading === undefined || (await readPage(page)).includes(`# ${heading}\n`))
      if (!isThere) missing.push(`${file}: ${pointer}`)
    }
  expect(missing).toEqual([])
  expect(found).toBeGreaterThan(20)
})

test('every file that src/README.md names is there', async () => {
  const text = await readPage('src/README.md')
  const named = Array.from(text.matchAll(/`((?:[\w-]+\/)*[\w-]+\.ts)`/g), ([, file]) => file!)
  const missing = named.filter(
    (file) => !['', 'src'].some((at) => existsSync(join(ROOT, at, file))),
  )
  expect([...new Set(missing)]).toEqual([])
})
