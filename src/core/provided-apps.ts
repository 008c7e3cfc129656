/**
 * Provided apps: those from settings or a file, and their changes through the API. Only differences are
 * stored, so that everything else keeps following the source.
 */
import { NEW_APP, type AppOverrides, type AppRecord, type SettingsRecord } from './app'

/** An app from outside the database; changes of its settings are stored. */
export type ProvidedApp = AppRecord & {
  /** Its source as the operator knows it: `PUSHER_APP_ID`, `carillon.config.ts`. */
  readonly providedBy: string
}

const { dialects: _, limits: __, plugins: ___, ...REST } = NEW_APP
const OVERRIDABLE = ['name', 'slug', ...(Object.keys(REST) as (keyof typeof REST)[])] as const

/** The fields of `record` that differ from the provided ones. */
export function overridesOf(base: AppRecord, record: AppRecord): AppOverrides {
  const fields = OVERRIDABLE.filter((field) => !Bun.deepEquals(base[field], record[field]))
  const dialects = changesOf(base.dialects, record.dialects, false)
  const limits = changesOf<number | null>(base.limits, record.limits, null)
  const plugins = changesOf<SettingsRecord | null>(base.plugins, record.plugins, null)
  return {
    ...Object.fromEntries(fields.map((field) => [field, record[field]])),
    ...(dialects && { dialects }),
    ...(limits && { limits }),
    ...(plugins && { plugins }),
  }
}

type Entries<T> = { readonly [name: string]: T | undefined }
type Merged<T> = { readonly [name: string]: T }

/** The entries that differ, if any; `absent` stands for what is not there. */
function changesOf<T>(base: Entries<T>, now: Entries<T>, absent: T) {
  const changes = Object.keys({ ...base, ...now })
    .filter((name) => !Bun.deepEquals(base[name] ?? absent, now[name] ?? absent))
    .map((name) => [name, now[name] ?? absent] as const)
  return changes.length > 0 ? Object.fromEntries(changes) : undefined
}

/** The provided app with its changes. */
export function applyOverrides(
  base: AppRecord,
  { dialects, limits, plugins, ...fields }: AppOverrides,
): AppRecord {
  return {
    ...base,
    ...fields,
    dialects: { ...base.dialects, ...dialects },
    limits: mergeEntries(base.limits, limits),
    plugins: mergeEntries(base.plugins, plugins),
  }
}

/** Changes replace the app's own limits, or its settings of a plugin; null removes one. */
export function mergeEntries<T>(own: Entries<T>, changes: Entries<T | null> = {}): Merged<T> {
  const entries = Object.entries({ ...own, ...changes })
  return Object.fromEntries(entries.filter(([, entry]) => entry !== null)) as Merged<T>
}
