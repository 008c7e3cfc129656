/**
 * APP_FIELDS: what an app may be told, field by field: how a value is read, where it goes, what is
 * said when it is wrong. Forms bring text, JSON brings types; both are taken.
 */
import type { AppRecord, WebhookRecord } from '../core/apps'
import { isRecord, jsonOf } from '../core/json'
import { APP_LIMITS, LIMITS, type LimitName } from '../core/limits'
import { mergedLimits } from '../core/provided-apps'

/** A value, or what is wrong with it. */
type Reading<T> = { readonly value: T } | { readonly mistake: string }
type Read<T> = (raw: unknown, enforced: Enforced) => Reading<T>

/** What plugins enforce of an app: what is wrong with one entry of the field, if anything. */
export type Enforced = { readonly hosts?: ((pattern: string) => string | undefined) | undefined }

const value = <T>(read: T): Reading<T> => ({ value: read })
const mistake = (text: string) => ({ mistake: text })

/** In the seed's words. */
const BLANK = mistake("can't be blank")

const shown = (raw: unknown): string => jsonOf(raw)?.slice(0, 100) ?? 'something nested too deep'
const INVALID = (raw: unknown, expected: string) =>
  mistake(`is invalid: ${shown(raw)}; expected ${expected}`)

const text =
  (least: number, most: number): Read<string> =>
  (raw) => {
    if (raw === undefined || raw === null) return BLANK
    if (typeof raw !== 'string') return INVALID(raw, 'text')
    const trimmed = raw.trim()
    if (trimmed === '') return BLANK
    if (trimmed.length < least) return mistake(`should be at least ${least} character(s)`)
    return trimmed.length > most
      ? mistake(`should be at most ${most} character(s)`)
      : value(trimmed)
  }

const matching =
  (pattern: RegExp, most: number, expected: string): Read<string> =>
  (raw, enforced) => {
    const read = text(1, most)(typeof raw === 'number' ? String(raw) : raw, enforced)
    return 'mistake' in read || pattern.test(read.value) ? read : INVALID(raw, expected)
  }

const SWITCHES = new Map<unknown, boolean>([
  [true, true],
  ['true', true],
  ['1', true],
  ['on', true],
  [false, false],
  ['false', false],
  ['0', false],
  ['off', false],
])
const switched: Read<boolean> = (raw) => {
  const read = SWITCHES.get(raw)
  return read === undefined ? INVALID(raw, 'true or false') : value(read)
}

const MAX_HOSTS = 100

/** Where nothing enforces origins, an app that asked for it would only believe itself protected. */
const hosts: Read<readonly string[]> = (raw, { hosts: check }) => {
  if (!Array.isArray(raw)) return INVALID(raw, 'a list')
  if (raw.length === 0) return value([])
  if (!check) return mistake('are enforced by no plugin; expected an empty list')
  if (raw.length > MAX_HOSTS) return mistake(`has ${raw.length} entries; the limit is ${MAX_HOSTS}`)
  for (const entry of raw as unknown[]) {
    const wrong = typeof entry === 'string' ? check(entry) : 'expected text'
    if (wrong !== undefined) return mistake(`has ${shown(entry)}: ${wrong}`)
  }
  return value(raw as string[])
}

const WEBHOOK_EVENTS = [
  'channel_occupied',
  'channel_vacated',
  'member_added',
  'member_removed',
  'client_event',
  'cache_miss',
  'subscription_count',
]
const WEBHOOK_KEYS = ['url', 'event_types', 'filter', 'headers']

const webhooks: Read<readonly WebhookRecord[]> = (raw) => {
  if (!Array.isArray(raw)) return INVALID(raw, 'a list')
  const wrong = raw.map(webhookMistake).find((found) => found !== undefined)
  if (jsonOf(raw) === undefined) return INVALID(raw, 'a list')
  return wrong ? mistake(wrong) : value(raw as WebhookRecord[])
}

function webhookMistake(raw: unknown): string | undefined {
  if (!isRecord(raw)) return `has ${shown(raw)}; expected an object with a url`
  const stranger = Object.keys(raw).find((key) => !WEBHOOK_KEYS.includes(key))
  if (stranger !== undefined)
    return `has the unknown key ${shown(stranger)}; known are ${WEBHOOK_KEYS.join(', ')}`
  const { url, event_types: types = [], filter = {}, headers = {} } = raw
  if (typeof url !== 'string' || !/^https?:\/\/[^\s]+$/.test(url) || !URL.canParse(url))
    return `has the url ${shown(url)}; expected one of http or https`
  if (!Array.isArray(types) || !types.every((type) => WEBHOOK_EVENTS.includes(type as string)))
    return `has the event_types ${shown(types)}; known are ${WEBHOOK_EVENTS.join(', ')}`
  if (!isTexts(filter) || !isTexts(headers))
    return 'has a filter or headers that are no object of texts'
  return undefined
}

const isTexts = (raw: unknown): boolean =>
  isRecord(raw) && Object.values(raw).every((item) => typeof item === 'string')

/** `maxUserInfoBytes` is `max_user_info_bytes` on the wire. */
const wireName = (name: LimitName): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const LIMIT_BY_WIRE_NAME = new Map(APP_LIMITS.map((name) => [wireName(name), name]))

type LimitChanges = { readonly [Name in LimitName]?: number | null }

/** Numbers replace, null goes back to the node's. */
const limits: Read<LimitChanges> = (raw) => {
  if (!isRecord(raw)) return INVALID(raw, 'an object')
  const changes: { [Name in LimitName]?: number | null } = {}
  for (const [key, given] of Object.entries(raw)) {
    const name = LIMIT_BY_WIRE_NAME.get(key)
    if (!name)
      return mistake(
        `has the unknown key ${shown(key)}; known are ${[...LIMIT_BY_WIRE_NAME.keys()].join(', ')}`,
      )
    const { min, max } = LIMITS[name]
    const number = given === null || given === '' ? null : Number(given)
    if (
      number !== null &&
      !(Number.isInteger(number) && number >= min && number <= max && typeof given !== 'boolean')
    )
      return mistake(`has ${key} ${shown(given)}; expected an integer from ${min} to ${max}`)
    changes[name] = number
  }
  return value(changes)
}

type Field = { readonly read: Read<unknown>; readonly into: string; readonly createOnly?: true }

const APP_FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['name', { read: text(5, 255), into: 'name' }],
  [
    'slug',
    { read: matching(/^[a-z0-9]+(-[a-z0-9]+)*$/, 255, 'a-z, 0-9 and single dashes'), into: 'slug' },
  ],
  ['active', { read: switched, into: 'active' }],
  ['client_events', { read: switched, into: 'clientEvents' }],
  ['public_client_events', { read: switched, into: 'publicClientEvents' }],
  ['subscription_counts', { read: switched, into: 'subscriptionCounts' }],
  ['hosts', { read: hosts, into: 'hosts' }],
  ['webhooks', { read: webhooks, into: 'webhooks' }],
  ['limits', { read: limits, into: 'limits' }],
  [
    'id',
    { read: matching(/^[\w.-]+$/, 64, 'letters, digits and _.-'), into: 'id', createOnly: true },
  ],
  [
    'key',
    {
      read: matching(/^[\w.~-]+$/, 255, 'letters, digits and _.~-'),
      into: 'key',
      createOnly: true,
    },
  ],
  [
    'secret',
    { read: matching(/^\S+$/, 255, 'text without spaces'), into: 'secret', createOnly: true },
  ],
])

/** Messages by field, as the seed's API tells them. */
export type FieldErrors = { [field: string]: string[] }

/** What a request wants to be different; every field has been read. */
export type AppChanges = Partial<Omit<AppRecord, 'limits' | 'keys'>> & {
  readonly limits?: LimitChanges
  readonly key?: string
  readonly secret?: string
}

/** Reads every field, or says what is wrong with each that is. */
export function readAppChanges(
  raw: Readonly<Record<string, unknown>>,
  purpose: 'create' | 'change',
  enforced: Enforced,
): { readonly changes: AppChanges; readonly errors: FieldErrors } {
  const changes: Record<string, unknown> = {}
  const errors: FieldErrors = Object.create(null) // a field may be called __proto__
  for (const [name, given] of Object.entries(raw)) {
    const field = APP_FIELDS.get(name)
    const read = field
      ? readField(field, given, purpose, enforced)
      : mistake(`is unknown; known are ${[...APP_FIELDS.keys()].join(', ')}`)
    if ('mistake' in read) errors[name] = [read.mistake]
    else changes[field!.into] = read.value
  }
  return { changes: changes as AppChanges, errors }
}

function readField(
  { read, createOnly }: Field,
  given: unknown,
  purpose: 'create' | 'change',
  enforced: Enforced,
): Reading<unknown> {
  if (createOnly && purpose === 'change') return mistake('is set at creation and cannot be changed')
  return read(given, enforced)
}

/** The app's own limits on the wire. */
export function limitsOnWire(own: AppRecord['limits']): Record<string, number> {
  return Object.fromEntries(
    Object.entries(own).map(([name, number]) => [wireName(name as LimitName), number]),
  )
}

/** An app with its changes; a limit of null is gone. The pair of a new app is the caller's business. */
export function applyChanges(record: AppRecord, changes: AppChanges): AppRecord {
  const { limits, key: _key, secret: _secret, ...fields } = changes
  return { ...record, ...fields, limits: mergedLimits(record.limits, limits) }
}
