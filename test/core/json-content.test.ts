import { expect, test } from 'bun:test'
import { compact } from '../../src/core/json'
import { contentBytes } from '../../src/core/json-content'
import type { JsonText } from '../../src/core/types'

const TEXTS = [
  '[ 1 ,\n2,\t{ "a" : "b c" } ]',
  '["\\u0041\\u00e9\\u8a9e\\ud83d\\ude00"]',
  '["\\u0022\\u005c\\u0007\\n\\"\\\\"]',
  '{"\\u0061 ":[true,null,"é 😀"]}',
  '[]',
]

test.each(TEXTS)('%s counts as its shortest form', (text) => {
  expect(contentBytes(text as JsonText)).toBe(Buffer.byteLength(compact(text as JsonText)))
})

test('text counts as what it stands for', () => {
  expect(contentBytes('"\\u8a9e\\n a"' as JsonText)).toBe(6)
})
