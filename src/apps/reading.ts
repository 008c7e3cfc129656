/**
 * Readings: a value that somebody sent is read as the type it should have, or a message says what is wrong
 * with it. Forms bring text, JSON brings types; both are read.
 */
import { isPlainText, jsonOf, showJson } from '../core/json'

/** A value, or what is wrong with it. */
export type Reading<T> = { readonly value: T } | { readonly mistake: string }
export type Read<T> = (raw: unknown) => Reading<T>

export const value = <T>(read: T): Reading<T> => ({ value: read })
export const mistake = (message: string) => ({ mistake: message })

/** The seed's message. */
const BLANK = mistake("can't be blank")
const BROKEN = mistake('must be text without control characters and broken surrogates')

/** Hides a secret: mistakes of a file are printed at the start. */
export const hide = (): string => '(hidden)'
export const invalid = (raw: unknown, expected: string, show = showJson) =>
  mistake(`is invalid: ${show(raw)}; expected ${expected}`)

export const text =
  (least: number, most: number, show = showJson): Read<string> =>
  (raw) => {
    if (raw === undefined || raw === null) return BLANK
    if (typeof raw !== 'string') return invalid(raw, 'text', show)
    const trimmed = raw.trim()
    if (trimmed === '') return BLANK
    if (!isPlainText(trimmed)) return BROKEN
    if (trimmed.length < least) return mistake(`should be at least ${least} character(s)`)
    return trimmed.length > most
      ? mistake(`should be at most ${most} character(s)`)
      : value(trimmed)
  }

export const matching =
  (pattern: RegExp, most: number, expected: string, show = showJson): Read<string> =>
  (raw) => {
    const read = text(1, most, show)(typeof raw === 'number' ? String(raw) : raw)
    return 'mistake' in read || pattern.test(read.value) ? read : invalid(raw, expected, show)
  }

const ON: readonly unknown[] = [true, 'true', '1', 'on']
const OFF: readonly unknown[] = [false, 'false', '0', 'off']
export const flag: Read<boolean> = (raw) => {
  if (ON.includes(raw)) return value(true)
  return OFF.includes(raw) ? value(false) : invalid(raw, 'true or false')
}

/** A list of at most `most` entries; the mistake is that of the first wrong one. */
export const listOf =
  <T>(
    most: number,
    mistakeOf: (entry: unknown) => string | undefined,
    show = showJson,
  ): Read<readonly T[]> =>
  (raw) => {
    if (!Array.isArray(raw)) return invalid(raw, 'a list', show)
    if (raw.length > most) return mistake(`has ${raw.length} entries; the limit is ${most}`)
    for (const entry of raw as unknown[]) {
      const wrong = mistakeOf(entry)
      if (wrong !== undefined) return mistake(`has ${wrong}`)
    }
    return jsonOf(raw) === undefined ? invalid(raw, 'a list', show) : value(raw as T[])
  }
