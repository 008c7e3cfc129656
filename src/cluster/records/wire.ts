/**
 * Records on their way to the table of apps in Redis and back: items by kind and id, their values as JSON, and the names
 * that no two of them may have. What anybody else wrote there is refused.
 */
import { NEW_APP, type AppOverrides, type AppRecord } from '../../core/app'
import { ACTIONS, type AuditEntry, type AuditRow } from '../../core/audit'
import type { UniqueField } from '../../core/app-names'
import { isRecord, parseJson } from '../../core/json'
import type { SharedValue, StoredAdmin } from '../../core/mirror'
import type { TokenRecord } from '../../core/tokens'
import { VERSION } from '../wire'

/** The table's place among the keys, and its bus as `Link` names it. */
export const TABLE = 'apps'
export const TABLE_BUS = `{${TABLE}}:bus`

/** An item as it is written: a kind and an id, the value as text, and a JSON list of names, or '' for none. */
export type Item = readonly [kind: string, id: string, value: string, names: string]

const itemOf = (kind: string, id: string, value: unknown, names: readonly string[]): Item => [
  kind,
  id,
  JSON.stringify(value),
  names.length === 0 ? '' : JSON.stringify(names),
]

export const itemOfApp = (record: AppRecord): Item =>
  itemOf('app', record.id, { ...record, dialects: onlyTrue(record.dialects) }, [
    `address ${record.id}`,
    ...(record.slug === record.id ? [] : [`address ${record.slug}`]),
    `name ${record.name}`,
    ...record.keys.map(({ key }) => `key ${key}`),
  ])

/** A switch that is missing is off. */
const onlyTrue = (switches: AppRecord['dialects']): AppRecord['dialects'] =>
  Object.fromEntries(Object.entries(switches).filter(([, isOn]) => isOn))

/** True where two records say the same, as it is written. */
export const areSame = (one: AppRecord, other: AppRecord): boolean =>
  Bun.deepEquals(parseJson(itemOfApp(one)[2]), parseJson(itemOfApp(other)[2]))

/** Changes of a provided app. */
export const itemOfOverrides = (id: string, overrides: AppOverrides): Item =>
  itemOf('provided', id, overrides, [
    ...(overrides.name === undefined ? [] : [`name ${overrides.name}`]),
    ...(overrides.slug === undefined ? [] : [`address ${overrides.slug}`]),
  ])

/** Without its last use, which each node notes by itself. */
export const itemOfToken = (record: TokenRecord): Item =>
  itemOf('token', record.id, { ...record, lastUsedAt: undefined }, [`token ${record.name}`])

export const itemOfAdmin = (admin: StoredAdmin): Item => itemOf('admin', '', admin, [])

export const itemOfShared = ({ plugin, key, json, expiresAt }: SharedValue): Item => [
  'shared',
  `${plugin}\n${key}`,
  `${expiresAt ?? ''}\n${json}`,
  '',
]

/** The fields that other items have, from their names. */
export function takenFieldsOf(names: readonly string[], id: string): UniqueField[] {
  const fields = names.map((name) => {
    const [field] = name.split(' ', 1)
    if (field === 'key') return 'key'
    if (field === 'address') return name === `address ${id}` ? 'id' : 'slug'
    return 'name' // of an app, or of a token
  })
  return [...new Set(fields)]
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isTime = (value: unknown): boolean => value === undefined || Number.isSafeInteger(value)

/** Undefined for what is none, here and below. Fields of later versions are kept. */
export function readApp(text: string): AppRecord | undefined {
  const value = parseJson(text)
  if (!isRecord(value)) return undefined
  const record = { ...NEW_APP, ...value } as unknown as AppRecord
  const { id, name, slug, keys, hosts, webhooks, history, limits, plugins, dialects } = record
  const areRecords = [limits, plugins, dialects].every(isRecord)
  const areLists = [hosts, webhooks, history, keys].every(Array.isArray)
  if (![id, name, slug].every(isText) || !areRecords || !areLists || keys.length === 0)
    return undefined
  return keys.every(({ key, secret }) => isText(key) && isText(secret) && secret !== '')
    ? record
    : undefined
}

export function readOverrides(text: string): AppOverrides | undefined {
  const value = parseJson(text)
  return isRecord(value) ? (value as AppOverrides) : undefined
}

export function readToken(text: string): TokenRecord | undefined {
  const value = parseJson(text)
  if (!isRecord(value)) return undefined
  const { id, name, grant, hash, createdAt, createdBy, expiresAt, revokedAt } = value
  if (![id, name, grant, hash, createdBy].every(isText)) return undefined
  if (![createdAt, expiresAt, revokedAt].every(isTime)) return undefined
  return { ...value, expiresAt, revokedAt, lastUsedAt: undefined } as unknown as TokenRecord
}

export function readAdmin(text: string): StoredAdmin | undefined {
  const value = parseJson(text)
  if (!isRecord(value)) return undefined
  const { username, passwordSha256 } = value
  return isText(username) && isText(passwordSha256) && /^[\da-f]{64}$/.test(passwordSha256)
    ? { username, passwordSha256 }
    : undefined
}

/** `id` is plugin and key; `text` the expiry and the JSON, or undefined where there is none any more. */
export function readShared(id: string, text: string): SharedValue | undefined {
  const [plugin, key] = splitAtLine(id)
  const [expiry, json] = splitAtLine(text)
  if (key === undefined || json === undefined || parseJson(json) === undefined) return undefined
  return { plugin: plugin!, key, json, expiresAt: expiry === '' ? undefined : Number(expiry) }
}

/** A plugin and a key, from the id of their item. */
export const splitShared = (id: string): readonly [plugin: string, key: string] => {
  const [plugin, key] = splitAtLine(id)
  return [plugin!, key ?? '']
}

const splitAtLine = (text: string): readonly [string?, string?] => {
  const at = text.indexOf('\n')
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

export const rowText = (entry: AuditEntry | undefined): string =>
  entry === undefined ? '' : JSON.stringify(entry)

export function readRow(id: number, text: string): AuditRow | undefined {
  const value = parseJson(text)
  if (!isRecord(value) || !isRecord(value['by'])) return undefined
  const { action, at, by } = value
  if (!isText(action) || !Object.hasOwn(ACTIONS, action) || !Number.isSafeInteger(at))
    return undefined
  if (!isText(by['name']) || !isText(by['address'])) return undefined
  return {
    appId: undefined,
    target: undefined,
    before: undefined,
    after: undefined,
    ...value,
    id,
  } as AuditRow
}

/** What a message says: the table has this number. With the value that was shared, where that is all. */
export type TableMessage = {
  readonly life: string
  readonly rev: number
  /** The id of the item. */
  readonly shared: string | undefined
  /** Its text; undefined where it was deleted. */
  readonly text: string | undefined
}

export function readTableMessage(message: string): TableMessage | undefined {
  const [head = '', text] = splitAtLine(message)
  const fields = parseJson(head)
  if (!Array.isArray(fields)) return undefined
  const [version, life, rev, kind, id] = fields as unknown[]
  if (!(Number(version) >= 1 && Number(version) <= VERSION)) return undefined
  if (!isText(life) || !Number.isSafeInteger(rev)) return undefined
  const shared = kind === 'shared' && isText(id) ? id : undefined
  return { life, rev: rev as number, shared, text }
}
