/** Values of plugins: what may be stored, and how keys are ordered. The same for a plugin's own and for shared ones. */
import { jsonOf } from './json'

/** Hooks read and write in a turn of the event loop: 5 MB took 1 ms for a read, 4 ms for a write. */
const MAX_VALUE_BYTES = 65_536
const MAX_KEY_BYTES = 1024

/** @throws RangeError for what is no number of entries */
export function requireLimit(limit: number | undefined): void {
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0))
    throw new RangeError(`a limit must be an integer from 0 on, not ${limit}`)
}

export const noNumber = (key: string): TypeError =>
  new TypeError(`a plugin's value ${key} is no number`)

export const inexact = (key: string, sum: number): RangeError =>
  new RangeError(`a plugin's number ${key} would be ${sum}`)

/** The first text in order after all that begin with the prefix; undefined where there is none. */
export function endOf(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0)!)
  while (points.at(-1) === LAST_POINT) points.pop()
  const last = points.pop()
  if (last === undefined) return undefined
  const next = last === BEFORE_SURROGATES ? AFTER_SURROGATES : last + 1
  return String.fromCodePoint(...points, next)
}

const LAST_POINT = 0x10_ffff
const [BEFORE_SURROGATES, AFTER_SURROGATES] = [0xd7ff, 0xe000]

/** Null for values that last. @throws TypeError for what is no time: such a value would never expire */
export function timeOf(expiresAt: number | undefined): number | null {
  if (expiresAt === undefined) return null
  if (!Number.isFinite(expiresAt))
    throw new TypeError("expiresAt of a plugin's value must be a time in epoch milliseconds")
  return Math.min(Math.max(0, Math.ceil(expiresAt)), Number.MAX_SAFE_INTEGER)
}

/** @throws TypeError for a value that is no JSON, or no text as key, RangeError for one that is too large */
export function jsonFor(key: string, value: unknown): string {
  // The file holds UTF-8, where all lone surrogates are one character: such keys would be each other's.
  if (typeof key !== 'string' || !key.isWellFormed())
    throw new TypeError("a plugin's key must be a well-formed text")
  const keyBytes = Buffer.byteLength(key)
  if (keyBytes > MAX_KEY_BYTES)
    throw new RangeError(`a plugin's key has ${keyBytes} bytes; the limit is ${MAX_KEY_BYTES}`)
  const json = jsonOf(value)
  if (json === undefined) throw new TypeError(`a plugin's value must be JSON, ${key} has none`)
  const bytes = Buffer.byteLength(json)
  if (bytes > MAX_VALUE_BYTES)
    throw new RangeError(
      `a plugin's value has ${bytes} bytes as JSON; the limit is ${MAX_VALUE_BYTES} (key ${key})`,
    )
  return json
}
