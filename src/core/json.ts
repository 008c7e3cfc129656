/**
 * The only JSON in core: making text that encoders may splice into frames, and reading text whose
 * signature has been checked (it must be verified as received and parsed after).
 */
import type { JsonText } from './types'

/**
 * The JSON of a value. Lone surrogates come out escaped, so the text is valid UTF-8 on any wire.
 * @throws RangeError when the value is nested too deep
 */
export function jsonText(value: unknown): JsonText {
  return (JSON.stringify(value) ?? 'null') as JsonText
}

/** A JSON object with its own keys, or undefined for any other text. */
export function parseSigned(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined // SyntaxError (or too deep): the text is not JSON
  }
}

/** True for a JSON object; false for null, arrays and everything else. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
