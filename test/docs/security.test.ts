/** SECURITY.md: each claim of its tables names a test that is there, each setting is one, and no address is made up. */
import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { SETTING_NAMES } from '../../src/config/config'
import { readPage, ROOT } from './pages'

const page = await readPage('SECURITY.md')
const TEST = /`(test\/[\w./-]+\.test\.ts)`/g

test('every test that it names is there', () => {
  const files = Array.from(page.matchAll(TEST), ([, file]) => file!)
  expect(new Set(files).size).toBeGreaterThan(40)
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
})

test('every row of its tables names a test', () => {
  const rows = page
    .split('\n')
    .filter((line) => /^\| (?!-)/.test(line) && !/\| Tests +\|$/.test(line))
  expect(rows.length).toBeGreaterThan(25)
  const tested = (row: string): boolean => row.split('|').at(-2)!.match(TEST) !== null
  expect(rows.filter((row) => !tested(row))).toEqual([])
})

test('every setting that it names is one', () => {
  const named = page.match(/\bCARILLON_\w+/g) ?? []
  expect(named.length).toBeGreaterThan(8)
  expect(named.filter((name) => !SETTING_NAMES.includes(name))).toEqual([])
})

test('it sends nobody to an address that nobody reads', () => {
  expect(page).not.toMatch(/mailto:|[\w.-]+@[\w-]+\.\w|https?:/)
})
