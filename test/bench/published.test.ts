/** What is published of a run: it stands in the READMEs, no cell is empty, and absence has its reason. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { BLOCKS, pickFields, replaceBlock } from '../../bench/publish'
import { formatBeside, DIGEST, formatDigest, formatTargets } from '../../bench/lib/published'
import { findNewestFile, readRecords, RESULTS, type BenchRecord } from '../../bench/lib/records'
import { ROOT } from '../../bench/lib/sides'
import { formatBound } from '../../bench/lib/table'
import { TARGETS } from '../../bench/lib/targets'

const PUBLISHED = readRecords(findNewestFile(RESULTS, 'published')!)

/** The formatter pads cells. */
const lines = (markdown: string): readonly string[] =>
  markdown
    .split('\n')
    .map((line) => line.replace(/-{3,}/g, '---').replace(/\s+/g, ' ').trim())
    .filter(Boolean)

test.each(BLOCKS)('%s has the %s of the published run', async (file, name, show) => {
  const text = await Bun.file(join(ROOT, file)).text()
  const [, block = ''] =
    new RegExp(`<!-- bench ${name} -->([^]*?)<!-- /bench ${name} -->`).exec(text) ?? []

  expect(lines(block)).toEqual(lines(show(PUBLISHED)))
})

const DEEP = '1 000 x 100 B, 4/4'
const record = (side: string, more: object = {}, question = 'fanout', label = DEEP) =>
  ({
    run: 'now',
    at: '2026-01-02T03:04:05Z',
    command: 'bun run bench targets',
    question,
    case: label,
    side,
    round: 1,
    versions: { soketi: '1.6.1', sockudo: 'none' },
    lost: 0,
    reordered: 0,
    latency: [0, 1],
    ...more,
  }) as unknown as BenchRecord

const RUN = [
  record('carillon', {
    deliveriesPerCpuSecond: 1_101_234,
    deliveriesPerSecond: 604_321,
    p50Ms: 0.9,
    p99Ms: 12.34,
  }),
  record('soketi', { deliveriesPerCpuSecond: 100_112.2, deliveriesPerSecond: 90_000 }),
]

test.each(BLOCKS)('no cell of %s, %s, is empty, whoever was absent', (_file, _name, show) => {
  for (const records of [PUBLISHED, RUN]) {
    const rows = lines(show(records)).filter((line) => line.startsWith('|'))
    expect(rows.length).toBeGreaterThan(2)
    for (const row of rows)
      for (const cell of row.split('|').slice(1, -1))
        expect([row, cell.trim()]).toEqual([row, expect.stringMatching(/\w|---/)])
  }
})

const cells = (title: string): Readonly<Record<string, string>> => {
  const rows = lines(formatDigest(RUN)).map((line) => line.split('|').map((cell) => cell.trim()))
  const row = rows.find((each) => each[1] === title) ?? []
  return Object.fromEntries(rows[0]!.map((side, index) => [side, row[index] ?? '']))
}

test('beside a ratio stand work per CPU-second, per second, and p50 and p99', () => {
  expect(cells(DIGEST[0]!.title)).toMatchObject({
    carillon: '1 100 000 per CPU-second<br>604 000/s<br>0.90 / 12.3 ms',
    'soketi 1.6.1': '**11.00 times**<br>100 000 per CPU-second<br>90 000/s',
    sockudo: 'not measured',
  })
})

test('who is not asked has the reason in its cell', () => {
  const row = DIGEST.find(({ question }) => question === 'trigger')!

  expect(cells(row.title)['centrifugo']).toBe(
    'not asked: its triggers carry a key and no signature',
  )
})

test('a target is one number; one that was changed says from what, when and why', () => {
  const bounds = TARGETS.map((target) => formatBound(target))

  expect(bounds).toContain('at least 19.5 (30 until 2026-11-22: another machine)')
  for (const target of TARGETS)
    expect(formatBound(target)).toMatch(
      target.changed
        ? /^at (least|most) [\d.]+ \([\d.]+ until \d{4}-\d\d-\d\d: .+\)$/
        : target.was
          ? /^at most [\d.]+ \w+ \([\d.]+ on \d{4}-\d\d-\d\d, and a tenth\)$/
          : /^at [^(]+$/,
    )
})

test('a target stands beside what both sides did', () => {
  const target = TARGETS.find(
    ({ place, through }) => place.case === DEEP && through?.side === 'soketi',
  )!

  expect(formatBeside(target, RUN)).toEqual(['604 000/s, 0.90 / 12.3 ms', 'soketi: 90 000/s'])
  expect(formatTargets(RUN)).toMatch(/\nNot measured: targets of fanout, trigger, .*stalls\./)
})

test('a block is replaced, whatever was in it, and nothing else', () => {
  const before = 'a\n<!-- bench x -->\nold\n<!-- /bench x -->\nb'

  expect(replaceBlock(before, 'x', 'new')).toBe(
    'a\n<!-- bench x -->\n\nnew\n\n<!-- /bench x -->\nb',
  )
  expect(() => replaceBlock(before, 'y', 'new')).toThrow('no block <!-- bench y -->')
})

test('histograms are published where their rounds are merged: at fixed rates', () => {
  const rated = record('carillon', {}, 'fanout', '1 000 x 100 B, at 45/s')

  expect(pickFields(rated)).toEqual(rated)
  expect(pickFields(RUN[0]!)).not.toHaveProperty('latency')
})
