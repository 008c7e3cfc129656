/**
 * Tables of apps as text: CSV as `psql --csv` writes it, columns between tabs as `mysql --batch` does, and JSON, a list
 * or an object in each line.
 */
import { isRecord, parseRecord } from '../../core/json'
import { CommandError } from '../exits'
import type { AppEntries } from './outcome'
import { MAX_APPS, type Source } from './source-file'

/** One row of a table, and the line that it begins on. */
export type TableRow = {
  readonly place: string
  readonly columns: Readonly<Record<string, unknown>>
}

/** @throws CommandError for more apps than a server may be given at once */
export function toApps(rows: readonly TableRow[]): readonly AppEntries[] {
  if (rows.length > MAX_APPS)
    throw new CommandError('failed', `there are ${rows.length} apps; the limit is ${MAX_APPS}`)
  return rows.map(({ place, columns }) => ({
    place,
    entries: Object.entries(columns).flatMap(([name, value]) =>
      value === null ? [] : { place, name, value },
    ),
  }))
}

/** A list of objects. @throws CommandError */
export function rowsOfList(list: readonly unknown[], name: string): readonly TableRow[] {
  return list.map((entry, index) => {
    const place = `${name}[${index}]`
    if (!isRecord(entry)) throw new CommandError('failed', `${place}: expected an object`)
    return { place, columns: entry }
  })
}

/** Items as `aws dynamodb scan` prints them: each value says its type. */
export const rowsOfItems = (items: readonly unknown[], name: string): readonly TableRow[] =>
  rowsOfList(items, name).map(({ place, columns }) => ({
    place,
    columns: Object.fromEntries(
      Object.entries(columns).map(([column, typed]) => [column, plainOf(typed)]),
    ),
  }))

/** A value without its type; one of another kind stays, and is refused where it is read. */
function plainOf(typed: unknown): unknown {
  if (!isRecord(typed)) return typed
  const [[type = '', value] = []] = Object.entries(typed)
  if (type === 'NULL') return null
  if (type === 'L' && Array.isArray(value)) return value.map(plainOf)
  if (type === 'M' && isRecord(value))
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainOf(inner)]))
  return ['S', 'N', 'BOOL'].includes(type) ? value : typed
}

/** An object in each line, as `row_to_json` brings them. @throws CommandError */
export function rowsOfLines({ name, text }: Source): readonly TableRow[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    const place = `${name}:${index + 1}`
    const columns = parseRecord(line)
    if (!columns) throw new CommandError('failed', `${place}: expected a JSON object`)
    return { place, columns }
  })
}

// ---------------------------------------------------------------- columns

/** A field in quotes, where two are one, or one without; then what ends it. */
const CSV_FIELD = /(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/y

/** Rows below a line of titles. @throws CommandError with the line that has too few fields, or a stray quote */
export function rowsOfCsv({ name, text }: Source): readonly TableRow[] {
  const lines: { line: number; fields: (string | null)[] }[] = []
  let fields: (string | null)[] = []
  let [line, begin] = [1, 1]
  CSV_FIELD.lastIndex = 0
  for (let at = 0; at < text.length || fields.length > 0; at = CSV_FIELD.lastIndex) {
    const match = CSV_FIELD.exec(text)
    if (!match)
      throw new CommandError(
        'failed',
        `${name}:${line}: a quote is not closed, or stands amid a field`,
      )
    const [whole, quoted, bare = '', end] = match
    // An empty field without quotes is NULL.
    fields.push(quoted === undefined ? bare || null : quoted.replaceAll('""', '"'))
    for (const sign of whole) if (sign === '\n') line++
    if (end === ',') continue
    if (fields.length > 1 || fields[0] !== null) lines.push({ line: begin, fields })
    fields = []
    begin = line
  }
  return withTitles(name, lines)
}

const ESCAPES: Readonly<Record<string, string>> = {
  t: '\t',
  n: '\n',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  '0': '\0',
  '\\': '\\',
}

/** Rows below a line of titles, with fields between tabs. @throws CommandError */
export function rowsOfTabs({ name, text }: Source): readonly TableRow[] {
  const lines = text.split('\n').map((line, index) => ({
    line: index + 1,
    fields: line.split('\t').map((field) => fieldBetweenTabs(field, 'NULL')),
  }))
  return withTitles(
    name,
    lines.filter(({ fields }) => fields.length > 1 || fields[0] !== ''),
  )
}

/** The text of a field, in which a backslash begins an escape; null where it is `nothing`. */
export const fieldBetweenTabs = (field: string, nothing: string): string | null =>
  field === nothing ? null : field.replaceAll(/\\(.)/g, (_, sign: string) => ESCAPES[sign] ?? sign)

/** @throws CommandError with the line whose number of fields is another one */
function withTitles(
  name: string,
  [titles, ...rows]: readonly {
    readonly line: number
    readonly fields: readonly (string | null)[]
  }[],
): readonly TableRow[] {
  const columns = titles?.fields.map((title) => title?.trim() ?? '') ?? []
  if (!columns.includes('key') || !columns.includes('secret'))
    throw new CommandError(
      'failed',
      `${name}:${titles?.line ?? 1}: expected the titles of columns, with id, key and secret`,
    )
  return rows.map(({ line, fields }) => {
    if (fields.length !== columns.length)
      throw new CommandError(
        'failed',
        `${name}:${line}: has ${fields.length} fields; expected ${columns.length}, as its titles`,
      )
    return {
      place: `${name}:${line}`,
      columns: Object.fromEntries(columns.map((column, index) => [column, fields[index]])),
    }
  })
}
