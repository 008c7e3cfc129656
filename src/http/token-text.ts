/**
 * The text of a token: `carillon_`, 32 random letters and digits (190 bits), and six that are a checksum of them.
 * By the beginning scanners of repositories find it, by the checksum a typo is told from a token that does not exist.
 */
import { sha256 } from '../core/signature'

export const TOKEN_PREFIX = 'carillon_'
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const RANDOM_DIGITS = 32
const CHECK_DIGITS = 6
const TOKEN = new RegExp(
  `^${TOKEN_PREFIX}[${DIGITS}]{${RANDOM_DIGITS}}([${DIGITS}]{${CHECK_DIGITS}})$`,
)

/** A new token, and what is stored of it. */
export function newToken(): { readonly token: string; readonly hash: string } {
  const text = `${TOKEN_PREFIX}${randomDigits()}`
  const token = text + checksumOf(text)
  return { token, hash: sha256(token) }
}

/** The hash by which a token is found; undefined for a text that can be none. */
export function hashOf(token: string): string | undefined {
  const [, checksum] = TOKEN.exec(token) ?? []
  const isSound = checksum === checksumOf(token.slice(0, -CHECK_DIGITS))
  return isSound ? sha256(token) : undefined
}

/** Bytes of 248 and more are left out: the others stand for each digit as often. */
function randomDigits(): string {
  const most = 256 - (256 % DIGITS.length)
  let text = ''
  while (text.length < RANDOM_DIGITS)
    for (const byte of crypto.getRandomValues(new Uint8Array(2 * RANDOM_DIGITS)))
      if (byte < most && text.length < RANDOM_DIGITS) text += DIGITS[byte % DIGITS.length]
  return text
}

/** CRC-32, as digits. */
function checksumOf(text: string): string {
  let rest = Bun.hash.crc32(text)
  let digits = ''
  for (let n = 0; n < CHECK_DIGITS; n++) {
    digits = DIGITS[rest % DIGITS.length]! + digits
    rest = Math.floor(rest / DIGITS.length)
  }
  return digits
}
