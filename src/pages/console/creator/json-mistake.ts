/**
 * Where a text stops being JSON, and what is wrong there. Browsers say this each in their own words, and one of them
 * without a position. Spec: RFC 8259.
 */

export type JsonMistake = {
  /** Index into the text, in UTF-16 units; its length where the text ends too early. */
  readonly at: number
  /** Both count from one; a column counts characters as editors do. */
  readonly line: number
  readonly column: number
  /** A sentence without a full stop. */
  readonly reason: string
}

/** What may come next. `first` allows the end of an empty list or object. */
type Expected = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma' | 'end'

const SPACE = /[ \t\n\r]*/y
const STRING = /"(?:[ !#-[\]-\uffff]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const WORD = /[A-Za-z_$][\w$]*/y
const WORDS = ['true', 'false', 'null']

/** Finds the first mistake; undefined for JSON. Linear in the text, whatever its depth. */
export function findJsonMistake(text: string): JsonMistake | undefined {
  const found = scan(text)
  if (!found) return undefined
  const before = text.slice(0, found.at).split('\n')
  return { ...found, line: before.length, column: [...before.at(-1)!].length + 1 }
}

type Place = Pick<JsonMistake, 'at' | 'reason'>

function scan(text: string): Place | undefined {
  /** The closing brackets that are due. */
  const open: ('}' | ']')[] = []
  let expected: Expected = 'value'
  let at = 0
  for (;;) {
    at += lengthOf(SPACE, text, at)
    const char = text[at]
    const closer = open.at(-1)
    if (expected === 'end')
      return char === undefined ? undefined : { at, reason: 'Something follows the value' }
    if (char === undefined) return { at, reason: reasonAtEnd(expected, closer) }

    const mayClose = expected === 'comma' || expected.startsWith('first')
    if (mayClose && char === closer) {
      open.pop()
      at++
      expected = open.length === 0 ? 'end' : 'comma'
    } else if (expected === 'comma') {
      if (char !== ',') return { at, reason: `Expected a comma or ${closer}` }
      at++
      expected = closer === '}' ? 'key' : 'value'
    } else if (expected === 'colon') {
      if (char !== ':') return { at, reason: 'Expected a colon after the name' }
      at++
      expected = 'value'
    } else if (expected === 'key' || expected === 'first key') {
      if (char === '}') return { at, reason: 'A comma stands before }' }
      if (char !== '"') return { at, reason: 'Expected a name in double quotes' }
      const end = endOfString(text, at)
      if (typeof end !== 'number') return end
      at = end
      expected = 'colon'
    } else if (char === '{' || char === '[') {
      open.push(char === '{' ? '}' : ']')
      at++
      expected = char === '{' ? 'first key' : 'first value'
    } else {
      if (char === ']' && closer === ']') return { at, reason: 'A comma stands before ]' }
      const end = endOfScalar(text, at)
      if (typeof end !== 'number') return end
      at = end
      expected = open.length === 0 ? 'end' : 'comma'
    }
  }
}

function lengthOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0].length ?? 0
}

function reasonAtEnd(expected: Expected, closer: '}' | ']' | undefined): string {
  if (expected === 'value' && closer === undefined) return 'Nothing is here: type a value'
  if (expected === 'colon') return 'A colon and a value are missing at the end'
  if (expected === 'value') return 'A value is missing at the end'
  return `${closer} is missing at the end`
}

function endOfString(text: string, at: number): number | Place {
  const end = at + lengthOf(STRING, text, at)
  const char = text[end]
  if (char === '"') return end + 1
  if (char === undefined) return { at: end, reason: 'A double quote is missing at the end' }
  if (char === '\\') return { at: end, reason: 'No such escape: \\\\ is a backslash' }
  if (char === '\n') return { at: end, reason: 'A string ends on its line: \\n is a line break' }
  return { at: end, reason: 'A control character has to be escaped' }
}

function endOfScalar(text: string, at: number): number | Place {
  const char = text[at]!
  if (char === '"') return endOfString(text, at)
  if (char === "'") return { at, reason: 'Strings have double quotes' }
  const digits = lengthOf(NUMBER, text, at)
  if (digits > 0) {
    const end = at + digits
    return /[\d.eE+-]/.test(text[end] ?? '') ? { at: end, reason: 'The number ends here' } : end
  }
  const word = text.slice(at, at + lengthOf(WORD, text, at))
  if (WORDS.includes(word)) return at + word.length
  if (word !== '') return { at, reason: `${shorten(word)} needs double quotes` }
  return { at, reason: 'Expected a value' }
}

const shorten = (word: string): string => (word.length > 20 ? `${word.slice(0, 19)}…` : word)
