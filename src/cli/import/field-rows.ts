/**
 * Field rows: what each field of another server's app is here. A table of them, where its
 * configuration file has what its variables have, and its defaults are all that a source needs.
 */
import type { Fields } from '../apps-door'
import { isRecord } from '../../core/json'
import { LIMIT_BY_WIRE_NAME } from '../../apps/limits'
import { LIMITS } from '../../core/limits'

/** Fields as the admin API takes them and how the report shows them, or why there are none. */
export type Carried =
  | { readonly fields: Fields; readonly as?: string; readonly lost?: readonly string[] }
  | { readonly idle: string }
  | { readonly lost: string }
  | { readonly mistake: string }

export type FieldRow = {
  /** All names that the server itself reads. */
  readonly names: readonly string[]
  /** The variable for the app of the environment. */
  readonly env?: string
  /** What a missing one means there, where that is not what it means here. */
  readonly absent?: unknown
  readonly carry: (value: unknown) => Carried
}

/** Another server, as tables. */
export type Origin = {
  readonly name: 'soketi' | 'reverb' | 'pusher'
  readonly title: string
  readonly fields: readonly FieldRow[]
  /** Its environment files may have fields of an app by their own names. */
  readonly hasBareNames?: true
  /** Where its configuration file has the list of apps. */
  readonly appsIn: readonly string[]
  /** Variables of an app are those of the first in that list. */
  readonly envIsFirstApp?: true
  /** Variables by the paths of its configuration file. */
  readonly paths: Readonly<Record<string, string>>
  /** Values of its variables that are not set. */
  readonly defaults: Readonly<Record<string, string>>
}

/** Id, key or secret: kept, so that clients and backends change nothing but the host. */
export const kept =
  (field: 'id' | 'key' | 'secret') =>
  (value: unknown): Carried =>
    typeof value === 'string' || typeof value === 'number'
      ? { fields: { [field]: String(value) } }
      : { mistake: 'expected text' }

/** Names have five characters here at least, and may be any text elsewhere. */
export function named(value: unknown): Carried {
  if (typeof value !== 'string' && typeof value !== 'number') return { mistake: 'expected text' }
  const text = String(value).trim()
  if (text === '') return { idle: 'is empty' }
  const name = text.length < 5 ? `App ${text}` : text.slice(0, 255)
  return { fields: { name }, ...(name !== text && { as: `name=${name}` }) }
}

const ON: readonly unknown[] = [true, 1, '1', 'true', 't', 'on', 'yes']
const OFF: readonly unknown[] = [false, 0, '0', 'false', 'f', 'off', 'no', '']

/** True, false, or undefined for anything else; databases and environments write them in many ways. */
export function flagOf(value: unknown): boolean | undefined {
  const plain = typeof value === 'string' ? value.toLowerCase() : value
  if (ON.includes(plain)) return true
  return OFF.includes(plain) ? false : undefined
}

export const flagAs =
  (field: string) =>
  (value: unknown): Carried => {
    const isOn = flagOf(value)
    if (isOn === undefined) return { mistake: 'expected true or false' }
    return { fields: { [field]: isOn }, as: `${field}=${isOn}` }
  }

/** A whole or decimal number, or its text. */
export const numberOf = (value: unknown): number =>
  typeof value === 'number' || (typeof value === 'string' && /^-?\d{1,15}(\.\d{1,6})?$/.test(value))
    ? Number(value)
    : Number.NaN

/**
 * A limit of the app, `unit` times the number. -1 is no limit: 0 where that means so, too, and the greatest number
 * elsewhere.
 */
export const limitAs =
  (name: string, unit = 1) =>
  (value: unknown): Carried => {
    const number = numberOf(value)
    const { min, max } = LIMITS[LIMIT_BY_WIRE_NAME.get(name)!]
    const wanted = number === -1 ? (min === 0 ? 0 : max) : Math.floor(number * unit)
    if (!(number === -1 || number >= 0)) return { mistake: 'expected a number' }
    if (number === 0 && min === 0)
      return { lost: 'a limit of 0 is none at all here; active=false shuts the app' }
    const limit = Math.min(Math.max(wanted, min), max)
    const note =
      limit === wanted ? '' : `, which is ${limit === max ? 'the most' : 'the least'} there is`
    const meaning = number === -1 && limit === 0 ? ', no limit' : ''
    return { fields: { limits: { [name]: limit } }, as: `limits.${name}=${limit}${meaning}${note}` }
  }

/** Of no use here. */
export const idle = (why: string) => (): Carried => ({ idle: why })

/** Not carried, unless the value is one that changes nothing. */
export const lost =
  (instead: string, unless: (value: unknown) => boolean = () => false) =>
  (value: unknown): Carried =>
    unless(value) ? { idle: 'changes nothing' } : { lost: instead }

export const isUnlimited = (value: unknown): boolean =>
  [-1, '-1', '', 'null', null].includes(value as string)

/** A list, or its JSON as databases and environments have it. */
export function listOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value as unknown[]
  if (typeof value !== 'string') return undefined
  if (value.trim() === '') return []
  try {
    const parsed: unknown = JSON.parse(value)
    return Array.isArray(parsed) ? (parsed as unknown[]) : undefined
  } catch {
    return undefined // SyntaxError
  }
}

/** Adds fields to those of an app; limits are added to its limits. */
export function mergeFields(before: Fields, more: Fields): Fields {
  const limits = isRecord(before['limits']) && isRecord(more['limits'])
  return {
    ...before,
    ...more,
    ...(limits && { limits: { ...(before['limits'] as Fields), ...(more['limits'] as Fields) } }),
  }
}
