/**
 * APP_FIELDS: the fields of an app that a request or a file may set: how a value is read, where it goes,
 * and the message for a wrong one.
 */
import { NEW_APP, type AppRecord } from '../core/app'
import { quote } from '../core/errors'
import { showJson } from '../core/json'
import type { NetworkRules } from '../core/networks'
import { mergeEntries } from '../core/provided-apps'
import { webhooks } from './webhooks'
import { history } from './history'
import { limits, type LimitChanges } from './limits'
import { settings, type SettingsChanges, type SettingsSchemas } from './plugin-settings'
import { hide, listOf, matching, mistake, flag, text, type Reading } from './reading'
import { slugOf } from './slug'
import { asRecord, mapSwitches } from './switches'

/**
 * Checks from elsewhere: a plugin's of one host, plugins' of their settings, the server's settings' of networks that
 * webhooks may go to.
 */
export type Enforced = {
  readonly hosts?: ((pattern: string) => string | undefined) | undefined
  readonly settings?: SettingsSchemas
  /** What the app has already. */
  readonly kept?: AppRecord['plugins']
  readonly networks?: NetworkRules
  /** How a mistake shows a url: its sender may see it, a log may not. */
  readonly showUrl?: (raw: unknown) => string
}

const MAX_HOSTS = 100
const NO_SETTINGS: SettingsSchemas = new Map()

/** Refused where no plugin enforces `hosts`: the app would only seem protected. */
const hosts: Field['read'] = (raw, { hosts: check }) => {
  if (!check && Array.isArray(raw) && raw.length > 0)
    return mistake('are enforced by no plugin; expected an empty list')
  return listOf<string>(MAX_HOSTS, (entry) => {
    const wrong = typeof entry === 'string' ? check?.(entry) : 'expected text'
    return wrong === undefined ? undefined : `${showJson(entry)}: ${wrong}`
  })(raw)
}

export type Field = {
  readonly read: (raw: unknown, enforced: Enforced) => Reading<unknown>
  /** Its name in a record, where that is another; `SWITCHES` says which of them a record has elsewhere. */
  readonly into?: string
  /** For the OpenAPI document. */
  readonly about: string
  readonly createOnly?: true
}

export const APP_FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>(
  Object.entries({
    name: { read: text(5, 255), about: '5 to 255 characters' },
    slug: {
      read: matching(/^[a-z0-9]+(-[a-z0-9]+)*$/, 255, 'a-z, 0-9 and single dashes'),
      about: 'In the addresses of the admin API: a-z, 0-9 and single dashes',
    },
    ...mapSwitches(({ into, about }) => ({ read: flag, into, about })),
    hosts: {
      read: hosts,
      about:
        'Origins of pages that may connect, as patterns; empty for all. 422 where no plugin enforces them',
    },
    webhooks: {
      read: (raw, { networks, showUrl }) => webhooks(networks, showUrl)(raw),
      about: 'Endpoints that are told what happens in the app',
    },
    history: { read: history, about: 'Channels whose events are kept; none by default' },
    limits: { read: limits, about: 'Numbers of its own; null for that of the server' },
    plugins: {
      read: (raw, { settings: schemas = NO_SETTINGS, kept = {} }) => settings(raw, schemas, kept),
      about:
        'Settings of plugins for the app, by name; those that are named replace all that the app has of that plugin, null removes them',
    },
    id: {
      read: matching(/^(?!\.{1,2}$)[\w.-]+$/, 64, 'letters, digits and _.-, no dots alone'),
      about: 'Made up where it is absent; digits only for SDKs that read PUSHER_URL',
      createOnly: true,
    },
    key: {
      read: matching(/^(?!\.{1,2}$)[\w.~-]+$/, 255, 'letters, digits and _.~-, no dots alone'),
      about: 'Made up where it is absent',
      createOnly: true,
    },
    secret: {
      read: matching(/^\S+$/, 255, 'text without spaces', hide),
      about: 'Made up where it is absent',
      createOnly: true,
    },
  } satisfies Record<string, Field>),
)

/** Messages by field, in the shape of the seed's API. */
export type FieldErrors = { [field: string]: string[] }

/** The changes that a request or a file makes; every field has been read. */
export type AppChanges = Partial<Omit<AppRecord, 'limits' | 'plugins' | 'keys'>> & {
  readonly limits?: LimitChanges
  readonly plugins?: SettingsChanges
  readonly key?: string
  readonly secret?: string
}

/** Messages of one request, also where it has a thousand unknown fields. */
const MAX_MISTAKES = 20
const FIXED = mistake('is set at creation and cannot be changed')
const UNKNOWN = mistake(`is unknown; known are ${[...APP_FIELDS.keys()].join(', ')}`)

/** Reads the fields; `errors` has a message for each wrong one, of MAX_MISTAKES at most. */
export function readAppChanges(
  raw: Readonly<Record<string, unknown>>,
  purpose: 'create' | 'change',
  enforced: Enforced,
): { readonly changes: AppChanges; readonly errors: FieldErrors } {
  const changes: Record<string, unknown> = {}
  const errors: FieldErrors = Object.create(null) // a field may be called __proto__
  let mistakes = 0
  for (const name of Object.keys(raw)) {
    if (mistakes === MAX_MISTAKES) break
    const field = APP_FIELDS.get(name)
    const isFixed = field?.createOnly && purpose === 'change'
    const read = isFixed ? FIXED : (field?.read(raw[name], enforced) ?? UNKNOWN)
    if ('mistake' in read) {
      errors[quote(name)] = [read.mistake]
      mistakes++
    } else changes[field!.into ?? name] = read.value
  }
  return { changes: asRecord(changes), errors }
}

/** A new app from its fields and defaults. Missing fields are written into `errors`. */
export function newRecord(given: AppChanges, errors: FieldErrors): AppRecord {
  for (const field of ['id', 'name', 'key', 'secret'] as const)
    if (given[field] === undefined) errors[field] ??= ["can't be blank"]
  const { id = '', name = '', key = '', secret = '', slug = slugOf(name || 'none') } = given
  if (slug === '') errors['slug'] ??= ['is invalid']
  return applyChanges({ ...NEW_APP, id, name, slug, keys: [{ key, secret }] }, given)
}

/** The names of what they change. */
export const changedFields = ({ dialects = {}, ...changes }: AppChanges): readonly string[] =>
  Object.keys({ ...changes, ...dialects })

/** An app with its changes; a limit of null is removed, and settings of null are. The caller sets the keys of a new app. */
export function applyChanges(record: AppRecord, changes: AppChanges): AppRecord {
  const { dialects, limits, plugins, key: _key, secret: _secret, ...fields } = changes
  return {
    ...record,
    ...fields,
    dialects: { ...record.dialects, ...dialects },
    limits: mergeEntries(record.limits, limits),
    plugins: mergeEntries(record.plugins, plugins),
  }
}
