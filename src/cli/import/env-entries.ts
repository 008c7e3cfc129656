/**
 * Environment files of other programs, with the line of each entry. A value is what dotenv and Laravel read, and not
 * what a shell or this runtime would: only `${NAME}` of the same file is a reference.
 */
import { parseEnv } from 'node:util'
import type { Entry, Line } from './outcome'
import type { Source } from './source-file'

const NAME = /[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_][\w.-]*)[^\S\n]*=[^\S\n]*/y
const BLANK = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y
const REST = /[^\n]*(?:\n|$)/y
/** A text in quotes, which may go over lines, and nothing but a comment after it. */
const QUOTED = /(?:"(?:[^"\\]|\\[^])*"|'[^']*'|`[^`]*`)[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y
/** `text#more`, which some readers cut at the sign and others do not. */
const UNCLEAR = /^[^\s"'`#][^#\n]*(?<!\s)#/

/** Entries in their order; of equal names the last counts, as in those programs, and the others are in `lines`. */
export function readEnv({ name: file, text }: Source): {
  readonly entries: readonly Entry[]
  readonly lines: readonly Line[]
} {
  const found = new Map<string, Entry>()
  const lines: Line[] = []
  const values = new Map<string, string>()
  let line = 1
  for (let at = 0; at < text.length;) {
    const start = at
    const place = `${file}:${line}`
    const take = (pattern: RegExp): RegExpExecArray | null => {
      pattern.lastIndex = at
      const match = pattern.exec(text)
      if (match) at = pattern.lastIndex
      return match
    }
    if (!take(BLANK)) {
      const [, name] = take(NAME) ?? []
      const rest = (take(QUOTED) ?? take(REST))![0]
      if (name === undefined) lines.push(notUnderstood(place))
      else {
        const earlier = found.get(name)
        if (earlier)
          lines.push({
            place: earlier.place,
            name,
            fate: 'idle',
            about: `line ${line} sets it again`,
          })
        const value = expand(rest, parseEnv(`X=${rest}`)['X'] ?? '', values)
        values.set(name, value)
        const unclear = UNCLEAR.test(rest) ? CUT : undefined
        found.delete(name)
        found.set(name, { place, name, value, unclear })
      }
    }
    for (let end = start; end < at; end++) if (text.charCodeAt(end) === 10) line++
  }
  return { entries: [...found.values()], lines }
}

const CUT = 'a # is in it: quotes around it say that it begins no comment'

const notUnderstood = (place: string): Line => ({
  place,
  name: '',
  fate: 'lost',
  about: 'the line is not understood: expected NAME=value',
})

/** Replaces references to what the file has set before; in single quotes there are none. */
const expand = (raw: string, value: string, values: ReadonlyMap<string, string>): string =>
  raw.startsWith("'")
    ? value
    : value.replaceAll(/\$\{(\w+)\}/g, (sign, name: string) => values.get(name) ?? sign)
