/**
 * Quotes: a text as a literal of each language, so that no value can end its own literal. Ids, keys and secrets hold
 * no spaces, names hold anything.
 */

const unicode = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Control characters, and the two that JavaScript once took for line ends. */
const UNSEEN = /[\p{Cc}\u2028\u2029]/gu

/** In single quotes; for scripts in HTML too, where `</script` would end them. */
export const jsText = (text: string): string =>
  `'${text.replaceAll(/[\\']/g, String.raw`\$&`).replaceAll(/[\p{Cc}\u2028\u2029<]/gu, unicode)}'`

/** As Go and Python read it too, which have all escapes of JSON. */
export const jsonText = (text: string): string => JSON.stringify(text).replaceAll(UNSEEN, unicode)

const octal = (unit: string): string => `\\${unit.charCodeAt(0).toString(8).padStart(3, '0')}`

/** Octal escapes, which end after three digits; two question marks in a row could begin a trigraph. */
export const cText = (text: string): string =>
  `"${text
    .replaceAll(/["\\]/g, String.raw`\$&`)
    .replaceAll('??', String.raw`?\?`)
    .replaceAll(/[\n\r]/g, octal)}"`

/** Single quotes of PHP and Ruby, in which nothing else is read. A line end stays one. */
export const plainText = (text: string): string => `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`

/** Single quotes of a shell, in which nothing is read: a quote is left, escaped and entered again. */
export const shellText = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

const LINE_ENDS: Readonly<Record<string, string>> = { '\n': String.raw`\n`, '\r': String.raw`\r` }

/** A value of a `.env` file as Laravel reads it; bare where nothing in it means anything. */
export function envText(text: string): string {
  if (/^[\w.~:/@%+=[\]-]+$/.test(text)) return text
  const escaped = text
    .replaceAll(/["\\$]/g, String.raw`\$&`)
    .replaceAll(/[\n\r]/g, (end) => LINE_ENDS[end]!)
  return `"${escaped}"`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** Text between the tags of HTML. */
export const htmlText = (text: string): string =>
  text.replaceAll(/[&<>]/g, (character) => ENTITIES[character]!)

/** A part of an URL, also before its `@`. */
export const urlText = (text: string): string =>
  encodeURIComponent(text).replaceAll("'", '%27').replaceAll('*', '%2A')
