/**
 * Provided apps: those that settings or a file bring, and what was changed of them through the API.
 * Only what differs is kept, so everything else goes on following where the app comes from.
 */
import { NEW_APP, type AppOverrides, type AppRecord } from './app'
import { AppNames } from './app-names'
import type { LimitName } from './limits'

/** An app that comes from outside the database; its settings may be changed, and the changes last. */
export type ProvidedApp = AppRecord & {
  /** Where from, in the operator's words: `PUSHER_APP_ID`, `carillon.config.ts`. */
  readonly providedBy: string
}

const { dialects: _, limits: __, ...REST } = NEW_APP
const OVERRIDABLE = ['name', 'slug', ...(Object.keys(REST) as (keyof typeof REST)[])] as const

/** What of `record` is not as it was provided; no key where nothing is. */
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

/** The app as it was provided, with what was changed. */
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

/** Numbers replace; null takes the app's own away. */
export function mergeLimits(
  own: AppRecord['limits'],
  changes: AppOverrides['limits'] = {},
): AppRecord['limits'] {
  const limits = Object.entries({ ...own, ...changes })
  return Object.fromEntries(limits.filter(([, number]) => number !== null))
}

const sharedKey = (one: AppRecord, other: AppRecord): string | undefined =>
  one.keys.find(({ key }) => other.keys.some((pair) => pair.key === key))?.key

/** In which fields no two apps may agree. Slugs and ids name apps in the same addresses. */
const CLASHES = {
  id: (one, other) => [other.id, other.slug].find((taken) => taken === one.id),
  name: (one, other) => (one.name === other.name ? one.name : undefined),
  slug: (one, other) => [other.slug, other.id].find((taken) => taken === one.slug),
  key: sharedKey,
} as const satisfies Record<string, (one: AppRecord, other: AppRecord) => string | undefined>

export type UniqueField = keyof typeof CLASHES
export const UNIQUE_FIELDS = Object.keys(CLASHES) as readonly UniqueField[]

/** What of `one` another app has in a field where it may not, undefined if nothing. */
export function findClash(
  field: UniqueField,
  one: AppRecord,
  other: AppRecord,
): string | undefined {
  return CLASHES[field](one, other)
}

/** How many are told. */
const MAX_CLASHES = 100

/** One line for each field in which two provided apps agree and may not; of many the first. */
export function findClashes(apps: readonly ProvidedApp[]): string[] {
  const names = new AppNames<ProvidedApp>()
  const clashes: string[] = []
  for (const app of apps) {
    for (const other of names.ownersOf(app))
      for (const field of UNIQUE_FIELDS) {
        const value = findClash(field, app, other)
        if (value === undefined) continue
        clashes.push(
          `${app.providedBy}: the app ${app.id} has the ${field} ${value}, as the app ${other.id} of ${other.providedBy} has`,
        )
        if (clashes.length === MAX_CLASHES) return clashes
      }
    names.add(app, app)
  }
  return clashes
}
