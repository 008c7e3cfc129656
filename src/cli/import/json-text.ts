/**
 * JSON of others: parsed, or the line of its first mistake, which the runtime does not tell.
 */
import { jsonOf } from '../../core/json'
import { CommandError } from '../exits'
import { lineAt, type Source } from './source-file'

/** @throws CommandError with the line of the first mistake */
export function parseJson({ name, text }: Source): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // SyntaxError, and RangeError for a text of brackets
    throw new CommandError('failed', `${name}:${lineAt(text, mistakeAt(text))}: expected JSON`)
  }
  if (jsonOf(value) === undefined)
    throw new CommandError('failed', `${name}: the JSON is nested too deep`)
  return value
}

const TOKEN =
  /[\s]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y // oxlint-disable-line no-control-regex

/** What may follow, by what is open and what was read last. */
const VALUE_NEXT = new Set(['[', ',', ':', ''])

/** Where the first token stands that no JSON has there; the end of a text that lacks something. */
function mistakeAt(text: string): number {
  const open: string[] = []
  let before = ''
  let isKey = false
  TOKEN.lastIndex = 0
  for (let at = 0; ; at = TOKEN.lastIndex) {
    const match = TOKEN.exec(text)
    const [, sign, string] = match ?? []
    const from = match
      ? TOKEN.lastIndex - (sign ?? string ?? match[3]!).length
      : skipSpace(text, at)
    if (!match) return from
    const inside = open.at(-1)
    if (sign === '{' || sign === '[') {
      if (!VALUE_NEXT.has(before) || isKey) return from
      open.push(sign)
    } else if (sign === '}' || sign === ']') {
      if (inside !== (sign === '}' ? '{' : '[') || [',', ':', 'key'].includes(before)) return from
      open.pop()
    } else if (sign === ',') {
      if (inside === undefined || [',', ':', 'key', inside].includes(before)) return from
    } else if (sign === ':') {
      if (!isKey || before !== 'key') return from
    } else if (isKey ? string === undefined || before === 'key' : !VALUE_NEXT.has(before))
      return from
    before =
      sign === undefined ? (isKey ? 'key' : 'value') : sign === '}' || sign === ']' ? 'value' : sign
    isKey = before === '{' || (before === ',' && open.at(-1) === '{') || before === 'key'
  }
}

function skipSpace(text: string, at: number): number {
  const space = /\s*/y
  space.lastIndex = at
  space.exec(text)
  return space.lastIndex
}
