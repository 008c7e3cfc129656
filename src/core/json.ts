/**
 * JSON in core, besides `json-scan.ts`: making text that encoders may splice into frames, and parsing text
 * whose signature has been checked (it is verified as received and parsed after).
 */
import type { JsonText, Payload } from './types'

/** The JSON of a string. Lone surrogates are escaped, so the result is valid UTF-8 on any wire. */
export function jsonText(text: string): JsonText {
  return JSON.stringify(text) as JsonText
}

/**
 * JSON as it was written, with lone surrogates escaped, which no wire can carry. They come from JSON inside
 * of JSON, where one level of escapes is missing.
 */
export function escapeSurrogates(json: string): JsonText {
  if (json.isWellFormed()) return json as JsonText
  return json.replace(/\p{Surrogate}/gu, escapeOf) as JsonText
}
const escapeOf = (half: string): string => `\\u${half.charCodeAt(0).toString(16)}`

/**
 * A copy of a string that is kept: a slice of a frame keeps the whole frame in memory, 36 KB for a channel's
 * name. Joining and slicing does not copy it (Bun 1.4.5).
 */
export const copyText = <Text extends string>(text: Text): Text =>
  JSON.parse(JSON.stringify(text)) as Text

/** A payload as JSON: bytes become a base64 string. */
export function payloadJson(data: Payload): JsonText {
  return typeof data === 'string' ? data : jsonText(Buffer.from(data).toString('base64'))
}

/** How deep a value may be. Writing one takes time in the square of its depth: seconds for 100 000 levels. */
export const MAX_LEVELS = 128

/** The JSON of any value that came from JSON, or undefined where it is nested too deep. */
export function jsonOf(value: unknown): JsonText | undefined {
  return isDeeper(value, MAX_LEVELS) ? undefined : (JSON.stringify(value) as JsonText)
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  // `for in` makes a string of every index: 36 ms for half a megabyte of numbers, this 1.
  if (Array.isArray(value)) return value.some((entry) => isDeeper(entry, levels - 1))
  for (const key in value) {
    if (isDeeper((value as Record<string, unknown>)[key], levels - 1)) return true
  }
  return false
}

/** What was sent, cut to a length that a message can carry. */
export const showJson = (raw: unknown): string =>
  jsonOf(raw)?.slice(0, 100) ?? 'something nested too deep'

/** True where the JSON of a value is certainly longer than `most`; stops as soon as it is. */
export function isLonger(value: unknown, most: number): boolean {
  return leastChars(value, most, MAX_LEVELS) > most
}

function leastChars(value: unknown, most: number, levels: number): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null || levels === 0) return 1
  let chars = 1
  if (Array.isArray(value))
    for (const entry of value as unknown[]) {
      chars += 1 + leastChars(entry, most - chars, levels - 1)
      if (chars > most) break
    }
  else
    for (const key in value) {
      const inner = (value as Record<string, unknown>)[key]
      chars += key.length + 4 + leastChars(inner, most - chars, levels - 1)
      if (chars > most) break
    }
  return chars
}

/** The value of a JSON string; other JSON as it is. */
export function textOfJson(json: JsonText): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json
}

/** The value; undefined for text that is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // SyntaxError, or RangeError for text nested too deep
  }
}

/** How much JSON may be parsed at once; WEIGHTS says what counts how much. */
export type JsonLimits = {
  readonly weight: number
  readonly levels: number
  /** Characters outside of texts; any number where absent. */
  readonly chars?: number
}

/** At most 5 ms of parsing. A value of `MAX_LEVELS` may lie in a list of events. */
export const BODY_LIMITS: JsonLimits = { weight: 65_536, levels: MAX_LEVELS + 3 }

/**
 * WEIGHTS: what a character adds, as long as it takes to parse what it stands for where no two are equal: a number
 * 80 ns, a text 180, a key 420 (Bun 1.4.5). A comma stands for a value, a quote for half of a text.
 */
const WEIGHTS = Uint8Array.from({ length: 128 }, (_, code) => weightOf(String.fromCharCode(code)))

function weightOf(char: string): number {
  return char === ':' ? 3 : Number(',"[{'.includes(char))
}

/** No text that is shorter has more than it may. */
const SHORT_CHARS = BODY_LIMITS.weight / 2

/**
 * Says what a JSON text exceeds; undefined where it exceeds nothing. Checked before parsing, in a millisecond for
 * half a megabyte; short text costs nothing.
 */
export function describeExcess(text: string, most = BODY_LIMITS): string | undefined {
  if (text.length < SHORT_CHARS) return undefined
  const { chars: mostChars = Infinity } = most
  let [weight, levels, isText, began, textChars] = [0, 0, false, 0, 0]
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (isText) {
      if (char === CHAR['\\']) at++
      if (char !== CHAR['"']) continue
    }
    const adds = WEIGHTS[char] ?? 0
    if (char === CHAR['"']) {
      isText = !isText
      if (isText) began = at
      else textChars += at - began
    } else if (char === CHAR['{'] || char === CHAR['[']) levels++
    else if (char === CHAR['}'] || char === CHAR[']']) levels--
    if (levels > most.levels) return 'data is nested too deep'
    if (adds === 0) continue
    weight += adds
    if (weight > most.weight)
      return `The body has too many values: the limit is ${most.weight}, and an object or list counts as two, a text as three, a key as five more`
    if (at - textChars > mostChars)
      return `The body has more than ${mostChars} characters that are in no text`
  }
  return undefined
}
const CHAR = { '"': 34, '[': 91, '\\': 92, ']': 93, '{': 123, '}': 125 } as const

/** A JSON object; undefined for any other text. */
export function parseRecord(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text)
  return isRecord(value) ? value : undefined
}

/** True for a JSON object; false for null, arrays and everything else. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** True for a string that database and wire give back unchanged: well-formed, no control characters. */
export const isPlainText = (raw: unknown): raw is string =>
  typeof raw === 'string' && raw.isWellFormed() && !/\p{Cc}/u.test(raw)
