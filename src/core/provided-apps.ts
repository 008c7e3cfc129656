/**
 * Provided apps: those from settings or a file, and their changes through the API. Only differences are
 * stored, so that everything else keeps following the source.
 */
import { NEW_APP, type AppOverrides, type AppRecord } from './app'

/** An app from outside the database; changes of its settings are stored. */
export type ProvidedApp = AppRecord & {
  /** Its source as the operator knows it: `PUSHER_APP_ID`, `carillon.config.ts`. */
  readonly providedBy: string
}

const { dialects: _, limits: __, ...REST } = NEW_APP
const OVERRIDABLE = ['name', 'slug', ...(Object.keys(REST) as (keyof typeof REST)[])] as const

/** The fields of `record` that differ from the provided ones. */
export function overridesOf(base: AppRecord, record: AppRecord): AppOverrides {
  const fields = OVERRIDABLE.filter((field) => !Bun.deepEquals(base[field], record[field]))
  const dialects = changesOf(base.dialects, record.dialects, false)
  const limits = changesOf<number | null>(base.limits, record.limits, null)
  return {
    ...Object.fromEntries(fields.map((field) => [field, record[field]])),
    ...(dialects && { dialects }),
    ...(limits && { limits }),
  }
}

type Entries<T> = { readonly [name: string]: T | undefined }

/** The entries that differ, if any; `absent` stands for what is not there. */
function changesOf<T>(base: Entries<T>, now: Entries<T>, absent: T) {
  const changes = Object.keys({ ...base, ...now })
    .filter((name) => (base[name] ?? absent) !== (now[name] ?? absent))
    .map((name) => [name, now[name] ?? absent] as const)
  return changes.length > 0 ? Object.fromEntries(changes) : undefined
}

/** The provided app with its changes. */
export function applyOverrides(
  base: AppRecord,
  { dialects, limits, ...fields }: AppOverrides,
): AppRecord {
  return {
    ...base,
    ...fields,
    dialects: { ...base.dialects, ...dialects },
    limits: mergeLimits(base.limits, limits),
  }
}

/** Numbers replace the app's own limits; null removes one. */
export function mergeLimits(
  own: AppRecord['limits'],
  changes: AppOverrides['limits'] = {},
): AppRecord['limits'] {
  const limits = Object.entries({ ...own, ...changes })
  return Object.fromEntries(limits.filter(([, number]) => number !== null))
}
