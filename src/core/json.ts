/**
 * The only JSON in core: making text that encoders may splice into frames, and reading text whose
 * signature has been checked (it must be verified as received and parsed after).
 */
import type { JsonText, Payload } from './types'

/** The JSON of a text. Lone surrogates come out escaped, so the result is valid UTF-8 on any wire. */
export function jsonText(text: string): JsonText {
  return JSON.stringify(text) as JsonText
}

/** A payload as those see it who know no bytes: in base64. */
export function shownData(data: Payload): JsonText {
  return typeof data === 'string' ? data : jsonText(Buffer.from(data).toString('base64'))
}

/** Deeper values are no messages. The time to write one out grows with the square of its depth: 100 000 levels take seconds. */
const MAX_LEVELS = 128

/** The JSON of any value that came from JSON, or undefined where it is nested too deep. */
export function jsonOf(value: unknown): JsonText | undefined {
  return isDeeper(value, MAX_LEVELS) ? undefined : (JSON.stringify(value) as JsonText)
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  for (const key in value) {
    if (isDeeper((value as Record<string, unknown>)[key], levels - 1)) return true
  }
  return false
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

/** A JSON object with its own keys, or undefined for any other text. */
export function parseSigned(text: string): Record<string, unknown> | undefined {
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
