/** Records are found where `JSON.parse` finds them. */
import { expect, test } from 'bun:test'
import { scanRecords } from '../../src/core/json-scan'
import { makeRandom } from '../random'

/** The values of `data` in the list `batch`, each in a list of its own; an empty one for what has none. */
function parseRecords(text: string): unknown[] {
  const { batch } = JSON.parse(text) as { batch?: unknown }
  if (!Array.isArray(batch)) return []
  return batch.map((record: unknown) => {
    const isObject = typeof record === 'object' && record !== null && !Array.isArray(record)
    return isObject && Object.hasOwn(record, 'data') ? [(record as { data: unknown }).data] : []
  })
}

const scanAll = (text: string): unknown[] =>
  scanRecords(text, 'batch', 'data').map((slice) => (slice ? [JSON.parse(slice.text)] : []))

const ROWS = [
  '{}',
  ' { } ',
  '{"batch":[]}',
  '{"batch":1}',
  '{"batch":{"data":1}}',
  '{"batch":[{"data":1},{},{"data":[{"data":2}]},[],"data",{"b":{"data":3}}]}',
  '{"batch":[{"data":1,"d\\u0061ta":2}],"a":[{"data":3}]}',
  '{"batch":[{"data":1}],"b\\u0061tch":[{"data":2},{"data":3}]}',
  '{"batch":[{"data":1}],"batch":7}',
  '{"a":"]}","batch" :\n[ { "name" : "}" , "data" : "],{" } , { "data" : null } ] , "b" : {} }\t',
]
test.each(ROWS)('%s', (text) => {
  expect(scanAll(text)).toEqual(parseRecords(text))
})

test('five thousand texts', () => {
  const next = makeRandom(15)
  const pick = (texts: readonly string[]): string => texts[Math.floor(next() * texts.length)]!
  const space = () => pick(['', '', ' ', '\n\t'])
  const value = (levels: number): string => {
    if (levels === 0 || next() < 0.3)
      return pick(['1', '-0', '"a"', '"]}\\""', 'null', 'true', '""'])
    const items = Array.from({ length: Math.floor(next() * 4) }, () => value(levels - 1))
    if (next() < 0.5) return `[${space()}${items.join(`${space()},${space()}`)}${space()}]`
    return objectOf(items)
  }
  const objectOf = (values: readonly string[]): string => {
    const keys = ['"data"', '"batch"', '"d\\u0061ta"', '"a"']
    const pairs = values.map((each) => `${pick(keys)}${space()}:${space()}${each}`)
    return `{${space()}${pairs.join(`${space()},${space()}`)}${space()}}`
  }
  let found = 0
  for (let count = 0; count < 5000; count++) {
    const text = objectOf([value(4), value(4), value(4)])
    const results = [text, scanAll(text)]
    expect(results).toEqual([text, parseRecords(text)])
    found += results[1]!.length
  }
  expect(found).toBeGreaterThan(1000)
})
