/** The bench's files: which one is the newest, and the error for one that is broken. */
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  findNewestFile,
  readRecords,
  recordOf,
  describeSurroundings,
} from '../../bench/lib/records'

const outcome = { deliveries: 1 }
const play = { question: 'fanout', case: { label: 'room' }, side: 'bare', round: 1, outcome }
const BUSYNESS = { loadAverage: 0.5, stealPercent: 1, othersPercent: 2 }
const WHOLE = JSON.stringify(recordOf(play, describeSurroundings(['quick']), BUSYNESS))

test('the newest run is the last that was played here, not one that was published', () => {
  using folder = folderWith({ '2026-01-02T030405.jsonl': '', 'published-2026-03-01.jsonl': '' })

  expect(findNewestFile(folder.path)).toEndWith('2026-01-02T030405.jsonl')
})

test('what was published is the newest where nothing was played', () => {
  using folder = folderWith({ 'published-2026-03-01.jsonl': '', 'report.html': '' })

  expect(findNewestFile(folder.path)).toEndWith('published-2026-03-01.jsonl')
  expect(findNewestFile(join(folder.path, 'none'))).toBeUndefined()
})

test('a record says the versions of everybody, and comes back as it was written', () => {
  using folder = folderWith({ 'run.jsonl': `${WHOLE}\n` })

  const [record] = readRecords(join(folder.path, 'run'))
  expect(record).toEqual(JSON.parse(WHOLE))
  expect(record).toMatchObject({ bun: Bun.version, command: 'bun run bench quick', round: 1 })
  expect(record).toMatchObject(BUSYNESS)
})

test.each([
  ['empty', '', 'there is nothing in'],
  ['cut short', `${WHOLE}\n${WHOLE.slice(0, 40)}`, 'line 2 of'],
  ['of something else', '{}', 'is no record'],
  ['of null', 'null', 'is no record'],
  ['of a list', '[1]', 'is no record'],
])('a file that is %s is told so by name', (_name, text, why) => {
  using folder = folderWith({ 'run.jsonl': text })
  const file = join(folder.path, 'run.jsonl')

  expect(() => readRecords(file)).toThrow(why)
  expect(() => readRecords(file)).toThrow(file)
})

test('a file that is missing is not taken from another folder', () => {
  expect(() => readRecords('/nowhere/published-2026-11-22')).toThrow('there is no run /nowhere')
})

function folderWith(files: Readonly<Record<string, string>>): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'bench-records-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text)
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}
