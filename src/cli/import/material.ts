/**
 * Material: what the files of another server say, sorted into settings and apps, whatever they are written in.
 */
import { isRecord } from '../../core/json'
import { foreignOf, meaningOf } from '../../config/foreign'
import { CommandError } from '../exits'
import { readEnv } from './env-entries'
import { parseJson } from './json-text'
import type { Origin } from './field-rows'
import { lineOf, type AppEntries, type Entry, type Line, type Material } from './outcome'
import type { Source } from './source-file'
import { rowsOfDump } from './sql-dump'
import { rowsOfCsv, rowsOfList, rowsOfLines, rowsOfTabs, toApps, type TableRow } from './table-text'

/** The table of apps, where a file may have several. */
const TABLE = 'apps'
const MAX_ENTRIES = 10_000

type Kind = 'env' | 'json' | 'lines' | 'sql' | 'csv' | 'tabs'

const BY_ENDING: Readonly<Record<string, Kind>> = {
  json: 'json',
  jsonl: 'lines',
  ndjson: 'lines',
  sql: 'sql',
  csv: 'csv',
  tsv: 'tabs',
  env: 'env',
}
const BY_CONTENT: readonly (readonly [pattern: RegExp, kind: Kind])[] = [
  [/^\s*\{[^\n]*\}[^\S\n]*\n\s*\{/, 'lines'],
  [/^\s*[[{]/, 'json'],
  [/^\s*(?:--|\/\*|(?:INSERT|CREATE|COPY|SET|DROP|BEGIN)\s)/i, 'sql'],
  [/^[^\n=]*\t/, 'tabs'],
  [/^[^\n=]*,[^\n=]*(?:\n|$)/, 'csv'],
]

const kindOf = ({ name, text }: Source): Kind =>
  BY_ENDING[/\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? ''] ??
  BY_CONTENT.find(([pattern]) => pattern.test(text))?.[1] ??
  'env'

const TABLES: Readonly<
  Partial<Record<Kind, (source: Source, table: string) => readonly TableRow[]>>
> = {
  lines: rowsOfLines,
  sql: rowsOfDump,
  csv: rowsOfCsv,
  tabs: rowsOfTabs,
}

/** Reads all sources together, as a server would. @throws CommandError for text that is not understood */
export function readMaterial(
  origin: Origin,
  sources: readonly Source[],
  table: string = TABLE,
): Material {
  const all = sources.map((source): Material => {
    const kind = kindOf(source)
    if (kind === 'env') return ofEnv(origin, source)
    if (kind === 'json') return ofJson(origin, source)
    return { settings: [], apps: toApps(TABLES[kind]!(source, table)), lines: [] }
  })
  return {
    settings: all.flatMap(({ settings }) => settings),
    apps: all.flatMap(({ apps }) => apps),
    lines: all.flatMap(({ lines }) => lines),
  }
}

function ofEnv(origin: Origin, source: Source): Material {
  const { entries, lines } = readEnv(source)
  if (entries.length > MAX_ENTRIES) throw tooMany(source)
  const { settings, app, strangers } = sortEnv(origin, entries)
  const place = source.name
  return {
    settings,
    apps: app ? [{ ...app, place }] : [],
    lines: [...lines, ...(app?.lines ?? []), ...others(place, strangers)],
  }
}

const others = (place: string, count: number): Line[] =>
  count === 0
    ? []
    : [
        {
          place,
          name: '',
          fate: 'idle',
          about: `${count} ${count === 1 ? 'name of another program' : 'names of other programs'}`,
        },
      ]

type SortedEnv = {
  readonly settings: readonly Entry[]
  readonly app: (AppEntries & { readonly lines: readonly Line[] }) | undefined
  /** How many names are no server's. */
  readonly strangers: number
}

/** Variables of an app are those of its rows; the app is there where its key or secret is. */
function sortEnv(origin: Origin, entries: readonly Entry[]): SortedEnv {
  const foreign = foreignOf(origin.name)
  const isOfApp = ({ name }: Entry): boolean => origin.fields.some(({ env }) => env === name)
  const ofApp = entries.filter((entry) => isOfApp(entry) && entry.value !== '')
  const rest = entries.filter((entry) => !isOfApp(entry))
  const settings = rest.filter(({ name, value }) => meaningOf(name, String(value), foreign))
  const strangers = rest.length - settings.length
  if (ofApp.length === 0) return { settings, app: undefined, strangers }
  const elsewhere = appsElsewhere(entries)
  if (elsewhere !== undefined) {
    const lines = ofApp.map((entry) => lineOf(entry, 'idle', elsewhere))
    return { settings, app: { place: '', entries: [], lines }, strangers }
  }
  return { settings, app: { place: '', entries: ofApp, lines: [] }, strangers }
}

/** Where soketi has its apps, if that is not its environment. */
function appsElsewhere(entries: readonly Entry[]): string | undefined {
  const driver = entries.find(({ name }) => name === 'SOKETI_APP_MANAGER_DRIVER')?.value
  return driver === undefined || driver === 'array' || driver === ''
    ? undefined
    : `soketi reads its apps from ${String(driver)}`
}

function ofJson(origin: Origin, source: Source): Material {
  const value = parseJson(source)
  if (Array.isArray(value))
    return { settings: [], apps: toApps(rowsOfList(value, source.name)), lines: [] }
  if (!isRecord(value))
    throw new CommandError('failed', `${source.name}: expected an object or a list`)
  const found: { settings: Entry[]; apps: AppEntries[]; lines: Line[] } = {
    settings: [],
    apps: [],
    lines: [],
  }
  const walk = (object: Readonly<Record<string, unknown>>, prefix: string): void => {
    for (const [key, inner] of Object.entries(object)) {
      const path = `${prefix}${key}`
      const place = `${source.name} ${path}`
      if (origin.appsIn.includes(path) || path === TABLE) {
        if (Array.isArray(inner)) {
          found.apps.push(...toApps(rowsOfList(inner, place)))
          continue
        }
      }
      const name =
        origin.paths[path] ??
        `${origin.name}.${path}`
          .replaceAll(/(?<=[a-z])[A-Z]/g, '_$&')
          .replaceAll('.', '_')
          .toUpperCase()
      if (!(path in origin.paths) && isRecord(inner)) walk(inner, `${path}.`)
      else if (isEmpty(inner)) found.lines.push({ place, name, fate: 'idle', about: 'is empty' })
      else found.settings.push({ place, name, value: inner })
      if (found.settings.length > MAX_ENTRIES) throw tooMany(source)
    }
  }
  walk(value, '')
  return found
}

const isEmpty = (value: unknown): boolean =>
  value === null || value === '' || (Array.isArray(value) && value.length === 0)

const tooMany = ({ name }: Source): CommandError =>
  new CommandError('failed', `${name}: has more than ${MAX_ENTRIES} entries, which is the limit`)
