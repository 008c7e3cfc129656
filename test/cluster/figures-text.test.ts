/** What nodes tell of their numbers, as anybody may write it: read, refused, and summed up. */
import { expect, test } from 'bun:test'
import { readFigures, writeFigures } from '../../src/cluster/nodes/figures-text'
import { newFigures, sumOfFigures, type Figures } from '../../src/core/figures'

const BUSY: Figures = {
  ...newFigures(),
  counters: { publications: 7, fanOutLagMs: 0.25, clientEvents: 0 },
  tallies: { ...newFigures().tallies, refusalsByPlugin: { guard: 2, __proto__: 1 } as never },
  gauges: { connections: 3, channels: 1, subscriptions: 2, users: 0, members: 0 },
  subscriptionsByKind: { public: 2 },
  backlog: { pending: 4, failing: 1, dead: 0, oldest: 1_700_000_000_000, paused: 0 },
  peaks: { connections: 5, fanOutLagMs: 0.5 },
}

test('what is zero is not told, and read as it was', () => {
  expect(writeFigures(newFigures())).toBe('')
  expect(readFigures('')).toEqual(newFigures())
  const text = writeFigures(BUSY)
  expect(text).not.toContain('clientEvents')
  expect(writeFigures(readFigures(text)!)).toBe(text)
  const { counters, gauges, backlog, peaks, tallies } = readFigures(text)!
  expect({ ...counters }).toEqual({ publications: 7, fanOutLagMs: 0.25 })
  expect([gauges, backlog, peaks]).toEqual([BUSY.gauges, BUSY.backlog, BUSY.peaks])
  expect({ ...tallies.refusalsByPlugin }).toEqual({ guard: 2 })
})

test('what a later version tells besides is passed over', () => {
  const text = '{"gauges":{"connections":1,"sessions":9},"more":[1],"tallies":{"byMoon":1}}'
  expect(readFigures(text)).toEqual({
    ...newFigures(),
    gauges: { ...newFigures().gauges, connections: 1 },
  })
})

const many = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`l${index}`, 1]))

const REFUSED: readonly (readonly [what: string, text: string])[] = [
  ['no JSON', '{'],
  ['a list', '[]'],
  ['null', 'null'],
  ['counters that are a list', '{"counters":[1]}'],
  ['a counter that is text', '{"counters":{"publications":"1"}}'],
  ['a counter below zero', '{"counters":{"publications":-1}}'],
  ['a counter beyond all numbers', '{"counters":{"publications":1e999}}'],
  ['a gauge that is null', '{"gauges":{"connections":null}}'],
  ['tallies that are a number', '{"tallies":1}'],
  ['a tally that is a number', '{"tallies":{"refusalsByCode":1}}'],
  ['a label without a number', '{"tallies":{"refusalsByCode":{"x":{}}}}'],
  ['kinds that are text', '{"kinds":"public"}'],
  ['a backlog of objects', '{"backlog":{"pending":{}}}'],
  ['a peak that is true', '{"peaks":{"connections":true}}'],
  ['too many labels', JSON.stringify({ kinds: many(1001) })],
  ['a label that is too long', JSON.stringify({ kinds: { ['x'.repeat(257)]: 1 } })],
  ['too much text', JSON.stringify({ more: 'x'.repeat(100_000) })],
]

test.each(REFUSED)('%s is none', (_what, text) => {
  expect(readFigures(text)).toBeUndefined()
})

test('a sum has the counters of the first, what each has now, and peaks that are no lower than that', () => {
  const own = { ...BUSY, counters: { publications: 1 }, backlog: newFigures().backlog }
  const sum = sumOfFigures(own, [BUSY, newFigures()])
  expect(sum.counters).toEqual({ publications: 8 })
  expect(sum.gauges).toEqual({ ...BUSY.gauges, connections: 6, channels: 2, subscriptions: 4 })
  expect(sum.backlog).toEqual(BUSY.backlog)
  expect(sum.peaks).toEqual({ connections: 10, fanOutLagMs: 0.5 })
  expect({ ...sum.subscriptionsByKind }).toEqual({ public: 4 })
  expect({ ...sum.tallies.refusalsByPlugin }).toEqual({ guard: 4 })
  expect(own.counters).toEqual({ publications: 1 })
  expect(sumOfFigures(own, [])).toBe(own)
})
