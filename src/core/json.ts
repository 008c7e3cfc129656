/**
 * The only JSON in core, but for `json-scan.ts`: making text that encoders may splice into frames, and reading text whose
 * signature has been checked (it must be verified as received and parsed after).
 */
import type { JsonText, Payload } from './types'

/** The JSON of a text. Lone surrogates come out escaped, so the result is valid UTF-8 on any wire. */
export function jsonText(text: string): JsonText {
  return JSON.stringify(text) as JsonText
}

/**
 * JSON as it was written, but for halves of surrogate pairs, which no wire has: those become escapes. They
 * come out of JSON in JSON, where an escape was written once too seldom.
 */
export function escapeSurrogates(json: string): JsonText {
  if (json.isWellFormed()) return json as JsonText
  return json.replace(/\p{Surrogate}/gu, escapeOf) as JsonText
}
const escapeOf = (half: string): string => `\\u${half.charCodeAt(0).toString(16)}`

/**
 * The same text in memory of its own, for whoever keeps it: what was cut out of a frame keeps all of the
 * frame, 36 KB for a channel's name. The runtime sees through joining and cutting again (Bun 1.4.5).
 */
export const copyText = <Text extends string>(text: Text): Text =>
  JSON.parse(JSON.stringify(text)) as Text

/** A payload as those see it who know no bytes: in base64. */
export function payloadJson(data: Payload): JsonText {
  return typeof data === 'string' ? data : jsonText(Buffer.from(data).toString('base64'))
}

/** Deeper values are no messages. The time to write one out grows with the square of its depth: 100 000 levels take seconds. */
export const MAX_LEVELS = 128

/** The JSON of any value that came from JSON, or undefined where it is nested too deep. */
export function jsonOf(value: unknown): JsonText | undefined {
  return isDeeper(value, MAX_LEVELS) ? undefined : (JSON.stringify(value) as JsonText)
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  // `for in` would make a text of every index: 36 ms for the numbers of half a megabyte, this 1.
  if (Array.isArray(value)) return value.some((entry) => isDeeper(entry, levels - 1))
  for (const key in value) {
    if (isDeeper((value as Record<string, unknown>)[key], levels - 1)) return true
  }
  return false
}

/** What was sent, cut to a length that a message can carry. */
export const shown = (raw: unknown): string =>
  jsonOf(raw)?.slice(0, 100) ?? 'something nested too deep'

/** True where the JSON of a value is longer than `most` for sure; looks no further than that. */
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

/** The text that a JSON string stands for; other JSON as it is. */
export function textOfJson(json: JsonText): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json
}

/** The value, or undefined for text that is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // SyntaxError, or RangeError for text nested too deep
  }
}

/** What may be parsed in one go. */
export type JsonLimits = { readonly nodes: number; readonly levels: number }

/**
 * So many objects, lists and keys take 5 ms to parse, the worst of them; a full batch whose data is
 * objects has 26 000. A value of `MAX_LEVELS` may lie in a list of events.
 */
export const BODY_LIMITS: JsonLimits = { nodes: 32_768, levels: MAX_LEVELS + 3 }

/** Plain ones take a fifth of the time: 65 000 a millisecond. */
const VALUES_PER_NODE = 2

/**
 * What is too much in a JSON text, if anything: it is looked at before it is parsed, in a millisecond
 * for half a megabyte. Short text cannot hold that much and costs nothing.
 */
export function describeExcess(text: string, most = BODY_LIMITS): string | undefined {
  if (text.length < BODY_LIMITS.nodes) return undefined
  let [nodes, commas, levels, isText] = [0, 0, 0, false]
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (isText) {
      if (char === CHAR['\\']) at++
      else if (char === CHAR['"']) isText = false
    } else if (char === CHAR['"']) isText = true
    else if (char === CHAR[':']) nodes++
    else if (char === CHAR[',']) commas++
    else if (char === CHAR['{'] || char === CHAR['[']) {
      nodes++
      if (++levels > most.levels) return 'data is nested too deep'
    } else if (char === CHAR['}'] || char === CHAR[']']) levels--
    if (nodes > most.nodes) return `The body has more than ${most.nodes} objects, lists and keys`
    if (commas > VALUES_PER_NODE * most.nodes)
      return `The body has more than ${VALUES_PER_NODE * most.nodes} values`
  }
  return undefined
}
const CHAR = { '"': 34, ',': 44, ':': 58, '[': 91, '\\': 92, ']': 93, '{': 123, '}': 125 } as const

/** A JSON object with its own keys, or undefined for any other text. */
export function parseRecord(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text)
  return isRecord(value) ? value : undefined
}

/** True for a JSON object; false for null, arrays and everything else. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** True where text comes back from database and wire as it was: half a surrogate pair does not. */
export const isPlainText = (raw: unknown): raw is string =>
  typeof raw === 'string' && raw.isWellFormed() && !/\p{Cc}/u.test(raw)
