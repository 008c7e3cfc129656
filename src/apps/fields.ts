/**
 * APP_FIELDS: what an app may be told, field by field: how a value is read, where it goes, what is
 * said when it is wrong.
 */
import type { AppRecord } from '../core/app'
import { quote } from '../core/errors'
import type { NetworkRules } from '../core/networks'
import { mergedLimits } from '../core/provided-apps'
import { webhooksMistake } from '../core/webhooks'
import { limits, type LimitChanges } from './limits'
import {
  hidden,
  listOf,
  matching,
  mistake,
  shown,
  switched,
  text,
  value,
  type Reading,
} from './reading'

/** What is checked of an app by others: by plugins what is wrong with one host, by the settings where webhooks may go. */
export type Enforced = {
  readonly hosts?: ((pattern: string) => string | undefined) | undefined
  readonly networks?: NetworkRules
  /** How a mistake writes a url: whoever sent it may see it, a log may not. */
  readonly showUrl?: (raw: unknown) => string
}

const MAX_HOSTS = 100

/** Where nothing enforces origins, an app that asked for it would only believe itself protected. */
const hosts: Field['read'] = (raw, { hosts: check }) => {
  if (!check && Array.isArray(raw) && raw.length > 0)
    return mistake('are enforced by no plugin; expected an empty list')
  return listOf<string>(MAX_HOSTS, (entry) => {
    const wrong = typeof entry === 'string' ? check?.(entry) : 'expected text'
    return wrong === undefined ? undefined : `${shown(entry)}: ${wrong}`
  })(raw)
}

const webhooks: Field['read'] = (raw, { networks, showUrl }) => {
  const wrong = webhooksMistake(raw, networks, showUrl)
  return wrong === undefined ? value(raw) : mistake(wrong)
}

type Field = {
  readonly read: (raw: unknown, enforced: Enforced) => Reading<unknown>
  readonly into: string
  /** Only a dialect reads it. */
  readonly ofDialect?: true
  readonly createOnly?: true
}

const APP_FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['name', { read: text(5, 255), into: 'name' }],
  [
    'slug',
    { read: matching(/^[a-z0-9]+(-[a-z0-9]+)*$/, 255, 'a-z, 0-9 and single dashes'), into: 'slug' },
  ],
  ['active', { read: switched, into: 'active' }],
  ['client_events', { read: switched, into: 'clientEvents' }],
  ['public_client_events', { read: switched, into: 'publicClientEvents', ofDialect: true }],
  ['subscription_counts', { read: switched, into: 'subscriptionCounts' }],
  ['epl_bridge', { read: switched, into: 'eplBridge', ofDialect: true }],
  ['hosts', { read: hosts, into: 'hosts' }],
  ['webhooks', { read: webhooks, into: 'webhooks' }],
  ['limits', { read: limits, into: 'limits' }],
  [
    'id',
    {
      read: matching(/^(?!\.{1,2}$)[\w.-]+$/, 64, 'letters, digits and _.-, no dots alone'),
      into: 'id',
      createOnly: true,
    },
  ],
  [
    'key',
    {
      read: matching(/^(?!\.{1,2}$)[\w.~-]+$/, 255, 'letters, digits and _.~-, no dots alone'),
      into: 'key',
      createOnly: true,
    },
  ],
  [
    'secret',
    {
      read: matching(/^\S+$/, 255, 'text without spaces', hidden),
      into: 'secret',
      createOnly: true,
    },
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

/** Who sends a thousand unknown fields learns enough from these. */
const MAX_MISTAKES = 20
const UNKNOWN = mistake(`is unknown; known are ${[...APP_FIELDS.keys()].join(', ')}`)

/** Reads every field, or says what is wrong with each that is; of many mistakes the first ones. */
export function readAppChanges(
  raw: Readonly<Record<string, unknown>>,
  purpose: 'create' | 'change',
  enforced: Enforced,
): { readonly changes: AppChanges; readonly errors: FieldErrors } {
  const changes: Record<string, unknown> = {}
  const dialects: Record<string, unknown> = {}
  const errors: FieldErrors = Object.create(null) // a field may be called __proto__
  let mistakes = 0
  for (const name of Object.keys(raw)) {
    if (mistakes === MAX_MISTAKES) break
    const field = APP_FIELDS.get(name)
    const read = field ? readField(field, raw[name], purpose, enforced) : UNKNOWN
    if ('mistake' in read) {
      errors[quote(name)] = [read.mistake]
      mistakes++
    } else (field!.ofDialect ? dialects : changes)[field!.into] = read.value
  }
  if (Object.keys(dialects).length > 0) changes['dialects'] = dialects
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

/** What they change, by name. */
export const changedFields = ({ dialects = {}, ...changes }: AppChanges): readonly string[] =>
  Object.keys({ ...changes, ...dialects })

/** An app with its changes; a limit of null is gone. The pair of a new app is the caller's business. */
export function applyChanges(record: AppRecord, changes: AppChanges): AppRecord {
  const { dialects, limits, key: _key, secret: _secret, ...fields } = changes
  return {
    ...record,
    ...fields,
    dialects: { ...record.dialects, ...dialects },
    limits: mergedLimits(record.limits, limits),
  }
}
