import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { findJsonMistake } from '../../../src/pages/console/creator/json-mistake'

const MISTAKES: readonly [text: string, line: number, column: number, reason: string][] = [
  ['', 1, 1, 'Nothing is here: type a value'],
  ['{"a":1', 1, 7, '} is missing at the end'],
  ['{"a":1,}', 1, 8, 'A comma stands before }'],
  ['[1,\n  2,\n]', 3, 1, 'A comma stands before ]'],
  ['{"a" 1}', 1, 6, 'Expected a colon after the name'],
  ['{"a":1 "b":2}', 1, 8, 'Expected a comma or }'],
  ['{a:1}', 1, 2, 'Expected a name in double quotes'],
  ["{'a':1}", 1, 2, 'Expected a name in double quotes'],
  ["['a']", 1, 2, 'Strings have double quotes'],
  ['{"a":hello}', 1, 6, 'hello needs double quotes'],
  ['"é😀" x', 1, 6, 'Something follows the value'],
  ['"a\nb"', 1, 3, 'A string ends on its line: \\n is a line break'],
  ['"a\tb"', 1, 3, 'A control character has to be escaped'],
  ['"\\q"', 1, 2, 'No such escape: \\\\ is a backslash'],
  ['"open', 1, 6, 'A double quote is missing at the end'],
  ['{"a":', 1, 6, 'A value is missing at the end'],
  ['{"a"', 1, 5, 'A colon and a value are missing at the end'],
  ['01', 1, 2, 'The number ends here'],
  ['1.', 1, 2, 'The number ends here'],
  ['[-]', 1, 2, 'Expected a value'],
  ['[}', 1, 2, 'Expected a value'],
]

test.each(MISTAKES)('%j: line %d, column %d: %s', (text, line, column, reason) => {
  expect(findJsonMistake(text)).toMatchObject({ line, column, reason })
})

test('text has a mistake where JSON.parse finds one, and nowhere else', () => {
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false // a SyntaxError is all that it throws
    }
  }
  const agrees = (text: string) => expect(findJsonMistake(text) === undefined).toBe(isJson(text))
  const pieces = fc.constantFrom(
    ...'{}[]:,"\\ \n\t-+.eE01aut',
    'true',
    'null',
    '"a"',
    '1.5',
    '\u0001',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 9 }), (parts) => agrees(parts.join(''))),
    {
      numRuns: 5000,
    },
  )
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.constantFrom('', ',', '}', '"', 'x'), (json, at, extra) => {
      agrees(json)
      const cut = at % (json.length + 1)
      agrees(json.slice(0, cut) + extra + json.slice(cut + 1))
    }),
  )
})

test('a mistake under a hundred thousand brackets is found, too', () => {
  const deep = 100_000
  expect(findJsonMistake('['.repeat(deep) + ']'.repeat(deep))).toBeUndefined()
  expect(findJsonMistake(`${'['.repeat(deep)}x`)).toMatchObject({ at: deep })
})
