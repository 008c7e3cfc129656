/**
 * JSON content: how much a JSON text says, however it is written. Clients may put space between values
 * and escape what needs none; that is no content, and is not passed on where it makes a text too long.
 */
import { textOfJson } from './json'
import type { JsonText } from './types'

/** UTF-8 bytes of the text that a JSON string stands for, or of other JSON as `compact` writes it. */
export function contentBytes(json: JsonText): number {
  if (json.startsWith('"')) return Buffer.byteLength(textOfJson(json))
  let spare = 0
  let inString = false
  for (let at = 0; at < json.length; at++) {
    const char = json[at]!
    if (char === '"') inString = !inString
    else if (!inString && char <= ' ') spare++
    else if (char === '\\') {
      const isCode = json[at + 1] === 'u'
      spare += isCode ? spareOf(Number.parseInt(json.slice(at + 2, at + 6), 16)) : 0
      at += isCode ? 5 : 1
    }
  }
  return Buffer.byteLength(json) - spare
}

/** How many bytes `\\uXXXX` has more than the code unit that it stands for must have. */
function spareOf(unit: number): number {
  if (unit < 0x20) return 0
  if (unit === 0x22 || unit === 0x5c) return 4
  const isHalf = unit >= 0xd800 && unit < 0xe000 // of a pair, which has four bytes
  return 6 - (unit < 0x80 ? 1 : unit < 0x800 || isHalf ? 2 : 3)
}
