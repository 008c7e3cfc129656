/**
 * Provided apps: those from settings or a file, and their changes through the API. Only differences are
 * stored, so that everything else keeps following the source.
 */
import { NEW_APP, type AppOverrides, type AppRecord } from './app'
import type { LimitName } from './limits'

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
  const names = Object.keys({ ...base.limits, ...record.limits }) as LimitName[]
  const limits = names
    .filter((name) => base.limits[name] !== record.limits[name])
    .map((name) => [name, record.limits[name] ?? null] as const)
  const switches = Object.keys({ ...base.dialects, ...record.dialects })
  const isOn = ({ dialects }: AppRecord, name: string): boolean => dialects[name] ?? false
  const dialects = switches
    .filter((name) => isOn(base, name) !== isOn(record, name))
    .map((name) => [name, isOn(record, name)] as const)
  return {
    ...Object.fromEntries(fields.map((field) => [field, record[field]])),
    ...(dialects.length > 0 && { dialects: Object.fromEntries(dialects) }),
    ...(limits.length > 0 && { limits: Object.fromEntries(limits) }),
  }
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
