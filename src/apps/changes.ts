/**
 * Changes of apps as operators make them, by the admin API or in a database file: the record that comes of one, and
 * what is wrong with it.
 */
import { newAppId, newKeyPair, type App, type AppRecord } from '../core/app'
import type { UniqueField } from '../core/app-names'
import type { Apps } from '../core/apps'
import type { Limits } from '../core/limits'
import {
  applyChanges,
  changedFields,
  newRecord,
  readAppChanges,
  type AppChanges,
  type Enforced,
  type FieldErrors,
} from './fields'
import { mistakeInUnread } from './limits'
import { slugOf } from './slug'

/** What a change is checked against. */
export type ChangeContext = {
  readonly apps: Apps
  /** The server's. */
  readonly limits: Limits
  /** What plugins check of an app's fields. */
  readonly enforced: Enforced
}

/** A record that may be stored, where it has no mistakes. */
export type Draft = {
  readonly record: AppRecord
  /** The names of what was given. */
  readonly fields: readonly string[]
  readonly errors: FieldErrors
}

/** A new app; id, slug, key and secret are made where they are absent. */
export function draftApp(context: ChangeContext, raw: Readonly<Record<string, unknown>>): Draft {
  const { changes, errors } = readAppChanges(raw, 'create', context.enforced)
  const record = newRecord({ id: freeId(context.apps), ...newKeyPair(), ...changes }, errors)
  findMistakes(context, record, errors)
  return { record, fields: changedFields(changes), errors }
}

/** The app with what was given. A new name makes a new slug, unless one is given. */
export function draftChange(
  context: ChangeContext,
  app: App,
  raw: Readonly<Record<string, unknown>>,
): Draft {
  const enforced = { ...context.enforced, kept: app.record.plugins }
  const { changes, errors } = readAppChanges(raw, 'change', enforced)
  const record = applyChanges(app.record, withSlug(changes, app.record.name))
  if (record.slug === '') errors['slug'] = ['is invalid']
  findMistakes(context, record, errors, app)
  return { record, fields: changedFields(changes), errors }
}

function freeId(apps: Apps): string {
  let id = newAppId()
  while (apps.byId(id) ?? apps.bySlug(id)) id = newAppId()
  return id
}

const withSlug = (changes: AppChanges, before: string): AppChanges =>
  changes.name === undefined || changes.name === before || changes.slug !== undefined
    ? changes
    : { ...changes, slug: slugOf(changes.name) }

/** Adds what the record has wrong beside its fields: names of other apps, limits that do not go together. */
function findMistakes(
  { apps, limits }: ChangeContext,
  record: AppRecord,
  errors: FieldErrors,
  self?: App,
): void {
  const taken = takenFields(apps.findConflicts(record, self))
  for (const [field, mistakes] of Object.entries(taken)) errors[field] ??= mistakes
  const isOld = record.limits.maxUnreadBytes === self?.record.limits.maxUnreadBytes
  const mistake = isOld ? undefined : mistakeInUnread(limits, record.limits)
  if (mistake !== undefined) errors['limits'] ??= [mistake]
}

/** A taken name makes a taken slug: like the seed's, the error names the name only. */
export function takenFields(fields: readonly UniqueField[]): FieldErrors {
  const named = fields.filter((field) => field !== 'slug' || !fields.includes('name'))
  return Object.fromEntries(named.map((field) => [field, ['has already been taken']]))
}

// ---------------------------------------------------------------- keys

/** The record with other pairs, or why it has none. */
export type KeyChange = AppRecord | { readonly errors: FieldErrors }

export const manyKeys = (count: number): FieldErrors => ({
  keys: [`are ${count} already; retire the older one first`],
})
export const NO_KEYS = { keys: ['must not be empty; add a pair before the last one is retired'] }

/** Two pairs are the most: the old one and the new one of a rotation. */
export function addPair({ record, providedBy }: App): KeyChange {
  if (providedBy !== undefined) return providedKeys(providedBy)
  const { keys } = record
  if (keys.length > 1) return { errors: manyKeys(keys.length) }
  return { ...record, keys: [...keys, newKeyPair()] }
}

/** Undefined where the app has no such key. */
export function retirePair({ record, providedBy }: App, key: string): KeyChange | undefined {
  if (providedBy !== undefined) return providedKeys(providedBy)
  const kept = record.keys.filter((pair) => pair.key !== key)
  if (kept.length === record.keys.length) return undefined
  return kept.length === 0 ? { errors: NO_KEYS } : { ...record, keys: kept }
}

const providedKeys = (source: string) => ({
  errors: { keys: [`come from ${source} and are changed there`] },
})
