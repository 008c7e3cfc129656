/** The scanner takes what `JSON.parse` takes, and nothing else: it is held against it. */
import { describe, expect, test } from 'bun:test'
import { scanArray, scanObject, scanStrings, stringIn } from '../../src/core/json-scan'
import { makeRandom } from '../random'

const KEYS = ['event', 'data', 'a']

/** What `JSON.parse` makes of the keys; undefined for what is no object. */
function parsedObject(text: string): unknown {
  const value = parseValue(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return KEYS.map((key) => (Object.hasOwn(value, key) ? [(value as never)[key]] : undefined))
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const scannedObject = (text: string): unknown =>
  scanObject(text, KEYS)?.map((slice) => slice && [JSON.parse(slice.text)])

const parsedArray = (text: string): unknown => {
  const value = parseValue(text)
  return Array.isArray(value) ? value.slice(0, 2) : undefined
}

const scannedArray = (text: string): unknown =>
  scanArray(text, 2)?.map(({ text: value }) => JSON.parse(value))

function agree(text: string): void {
  const scanned = [text, scannedObject(text), scannedArray(text)]
  expect(scanned).toEqual([text, parsedObject(text), parsedArray(text)])
}

const NUMBERS = ['0', '-0', '1.5e+30', '1E5', '0.10', '123456789012345678901234567890']
const NO_NUMBERS = ['01', '-', '-a', '+1', '.5', '1.', '1.e1', '1e', '1e+', '0x1', 'NaN', '1_0']
const STRINGS = ['""', '"\\u0061\\n\\/\\""', '"\ud800"', '"\\ud800"', '"é😀\u2028\x7f"']
const NO_STRINGS = ['"', '"\\', '"\\u12', '"\\u12g4"', '"\\x"', '"\n"', '"\0"', "'a'", '"\\"']
const OTHERS = ['true', 'false', 'null', 'tru', 'nulll', 'True', 'undefined', '', '\ufeff1', '\xa0']
const NESTED = [
  '{}',
  '[ ]',
  '[[],{}]',
  '{"b":{"event":1}}',
  '[,]',
  '[1,]',
  '{"b"}',
  '{"b":1,}',
  '{1:1}',
]
const BROKEN = ['[}', '{]', '[1 2]', '{"b":1 "c":2}', '{,}', '{"b"::1}', '[1],', ']', '}', '[[1]']

test.each([...NUMBERS, ...NO_NUMBERS, ...STRINGS, ...NO_STRINGS, ...OTHERS, ...NESTED, ...BROKEN])(
  'the value %j is taken where JSON.parse takes it',
  (value) => {
    agree(value)
    agree(`[${value}]`)
    agree(` [ ${value} , ${value} , 3 ] `)
    agree(`{"event":${value}}`)
    agree(`\t{ "data" : ${value} ,\r\n "event" : [${value}] }\n`)
    agree(`{"event":1}${value}`)
    agree(`[1${value}]`)
  },
)

describe('of equal keys the last counts', () => {
  const ROWS = [
    '{"event":1,"event":2}',
    '{"d\\u0061ta":1,"data":2}',
    '{"data":1,"\\u0064at\\u0061":2}',
    '{"\\u0064\\u0061\\u0074\\u0061":1}',
    '{"\\n0064ata":1,"\\\\u0064ata":2,"\\u0064atab":3,"\\u0044ata":4,"d\\u0061t":5}',
    '{"dat\\u0061\\u0000":1,"data ":2,"dat":3}',
    '{"__proto__":1,"constructor":2,"a":3}',
    `{"${'\\u0061'.repeat(100)}":1,"\\u0061":2}`,
  ]
  test.each(ROWS)('%s', agree)
})

test('a slice is what was written, and says how deep it is', () => {
  const text = '{"data" : [ {"x":[1.0, 12345678901234567890]} ] ,"a":[[]],"event":"\\u0061"}'
  const slices = scanObject(text, KEYS)!.map((slice) => [String(slice?.text), slice?.depth])
  expect(slices).toEqual([
    ['"\\u0061"', 0],
    ['[ {"x":[1.0, 12345678901234567890]} ]', 3],
    ['[[]]', 2],
  ])
})

test('depth costs no stack, and length no time that grows faster than it', () => {
  const deep = '['.repeat(300_000) + ']'.repeat(300_000)
  expect(scanArray(deep, 1)![0]!.depth).toBe(299_999)
  expect(scanObject(`{"data":${deep}}`, KEYS)![1]!.depth).toBe(300_000)
  expect(scanArray(deep.slice(1), 1)).toBeUndefined()
  agree(`${' '.repeat(300_000)}[1${'\n'.repeat(300_000)},2]${'\t'.repeat(300_000)}`)
})

const LISTS: readonly (readonly [text: string, texts: readonly string[] | undefined])[] = [
  ['[]', []],
  [' [ "a" , "\\u0062" ] ', ['a', 'b']],
  ['["a","b","c"]', ['a', 'b', 'c']],
  ['["a","b","c",{}, and so on', ['a', 'b', 'c']],
  ['["a",1]', undefined],
  ['["a",]', undefined],
  ['["a"', undefined],
  ['["a"]]', undefined],
  ['"a"', undefined],
  ['{"0":"a"}', undefined],
]
test.each(LISTS)('the texts of %s, no more than are asked for', (text, texts) => {
  expect(scanStrings(text, 2)?.map(stringIn)).toEqual(texts as string[])
})

test('the text of a string is what it stands for', () => {
  const [word, escaped, number] = scanArray('["a b","\\u0061\\ud800",1]', 3)!
  expect([word, escaped, number, undefined].map(stringIn)).toEqual([
    'a b',
    'a\ud800',
    undefined,
    undefined,
  ])
})

const TOKENS =
  '{ } [ ] , : " \\ \n {} [] "" "event": "data": "a" "\\u0061" "\\ud800" 1 -0.5e+3 - 01 1. true nul'.split(
    ' ',
  )

/** Values as they may be, and then broken here and there. */
function anyText(next: () => number): string {
  const pick = (texts: readonly string[]): string => texts[Math.floor(next() * texts.length)]!
  const value = (levels: number): string => {
    if (levels === 0 || next() < 0.4) return pick([...NUMBERS, ...STRINGS, 'true', 'null'])
    const items = Array.from({ length: Math.floor(next() * 4) }, () => value(levels - 1))
    if (next() < 0.4) return `[${items.join(pick([',', ' ,', ',\t']))}]`
    const keys = ['"event"', '"data"', '"a"', '"\\u0061"', '"d\\u0061ta"', '"b"', '""']
    return `{${items.map((item) => `${pick(keys)}${pick([':', ' : '])}${item}`).join()}}`
  }
  let text = value(5)
  while (next() < 0.4) {
    const at = Math.floor(next() * text.length)
    text = text.slice(0, at) + pick([...TOKENS, '']) + text.slice(at + Math.floor(next() * 3))
  }
  return text
}

test('of fifty thousand texts it takes those that JSON.parse takes', () => {
  const seed = Number(process.env['SEED'] ?? 14)
  const next = makeRandom(seed)
  let taken = 0
  for (let count = 0; count < 50_000; count++) {
    const text = anyText(next)
    const scanned = JSON.stringify([scannedObject(text), scannedArray(text)])
    const expected = [parsedObject(text), parsedArray(text)]
    if (scanned !== JSON.stringify(expected))
      throw new Error(`seed ${seed}: ${JSON.stringify(text)}`)
    if (expected.some((value) => value !== undefined)) taken++
  }
  expect(taken).toBeGreaterThan(10_000)
})
