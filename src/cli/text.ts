/**
 * Text for people and for lines: what others wrote made harmless, cut to a width, laid out in columns.
 * Widths are columns of a terminal, as the runtime counts them: an ideograph has two.
 */

/** What a terminal obeys, or a reader of lines takes for an end: control characters, changes of direction, lone surrogates. */
const OBEYED = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const escapeCharacter = (character: string): string =>
  SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** One line that no terminal obeys: control characters are shown as JSON writes them. */
export const toSafe = (text: string): string => text.replace(OBEYED, escapeCharacter)

/** JSON of a value that no terminal obeys either: `JSON.stringify` leaves some of these characters as they are. */
export const toSafeJson = (value: unknown, indent?: number): string =>
  indent === undefined
    ? toSafe(JSON.stringify(value))
    : JSON.stringify(value, null, indent).split('\n').map(toSafe).join('\n')

export const widthOf = (text: string): number => Bun.stringWidth(text)

const segmenter = new Intl.Segmenter()
/** More characters than a terminal has columns; a longer text is not segmented to its end. */
const MAX_SEGMENTED_CHARS = 2000

/** The beginning of a text that has room, with `…` where something is missing. */
export function cut(text: string, width: number): string {
  if (text.length <= MAX_SEGMENTED_CHARS && widthOf(text) <= width) return text
  const [head] = takeWidth(text, width - 1)
  return `${head}…`
}

/** Splits a text where `width` is full; at least one character is taken. */
function takeWidth(text: string, width: number): readonly [head: string, rest: string] {
  let [used, end] = [0, 0]
  for (const { segment } of segmenter.segment(text.slice(0, MAX_SEGMENTED_CHARS))) {
    used += widthOf(segment)
    if (used > width && end > 0) break
    end += segment.length
  }
  return [text.slice(0, end), text.slice(end)]
}

/** Lines of a text, ended at a space where the last third of a line has one. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let rest = text
  while (widthOf(rest) > width) {
    const [full, tail] = takeWidth(rest, width)
    if (tail === '') break
    const space = tail.startsWith(' ') ? full.length : full.lastIndexOf(' ')
    const end = space * 3 >= full.length * 2 ? space : full.length
    lines.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return [...lines, rest]
}

export type Column = {
  readonly title: string
  /** Ends where its title ends, and is never cut. */
  readonly isNumber?: true
}

const GAP = '  '

/** Lines of a table, its titles first, none wider than `width`; the widest columns of text are cut. */
export function layOut(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const lines = [columns.map(({ title }) => title), ...rows]
  const widths = columns.map((_, at) =>
    Math.min(width, Math.max(...lines.map((line) => widthOf(line[at] ?? '')))),
  )
  shrink(widths, columns, width - GAP.length * (columns.length - 1))
  return lines.map((line) =>
    columns
      .map((column, at) => pad(line[at] ?? '', column, widths[at]!))
      .join(GAP)
      .trimEnd(),
  )
}

/** Takes from the widest column of text until all have room, or each is as narrow as it may be. */
function shrink(widths: number[], columns: readonly Column[], room: number): void {
  const least = columns.map(({ title, isNumber }, at) => (isNumber ? widths[at]! : widthOf(title)))
  for (let over = widths.reduce((sum, each) => sum + each, 0) - room; over > 0; over--) {
    const spare = widths.map((each, at) => (each > least[at]! ? each : 0))
    const widest = spare.indexOf(Math.max(...spare))
    if (spare[widest] === 0) return
    widths[widest]!--
  }
}

function pad(text: string, { isNumber }: Column, width: number): string {
  const shown = cut(text, width)
  const space = ' '.repeat(Math.max(0, width - widthOf(shown)))
  return isNumber ? space + shown : shown + space
}
