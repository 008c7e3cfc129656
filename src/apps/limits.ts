/**
 * An app's own limits on the wire: `maxUserInfoBytes` is `max_user_info_bytes`.
 */
import type { AppOverrides, AppRecord } from '../core/app'
import { isRecord, showJson } from '../core/json'
import { APP_LIMITS, leastUnreadBytes, LIMITS, type LimitName, type Limits } from '../core/limits'
import { invalid, mistake, value, type Read } from './reading'

const wireName = (name: LimitName): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** The limits that an app may have of its own, by their names on the wire. */
export const LIMIT_BY_WIRE_NAME: ReadonlyMap<string, LimitName> = new Map(
  APP_LIMITS.map((name) => [wireName(name), name]),
)

/** A number replaces a limit; null, or an empty field of a form, restores the server's. */
export type LimitChanges = NonNullable<AppOverrides['limits']>

export const limits: Read<LimitChanges> = (raw) => {
  if (!isRecord(raw)) return invalid(raw, 'an object')
  const changes: { [Name in LimitName]?: number | null } = {}
  for (const [key, given] of Object.entries(raw)) {
    const name = LIMIT_BY_WIRE_NAME.get(key)
    if (!name)
      return mistake(
        `has the unknown key ${showJson(key)}; known are ${[...LIMIT_BY_WIRE_NAME.keys()].join(', ')}`,
      )
    const { min, max } = LIMITS[name]
    const number = numberIn(given)
    if (number !== null && !(Number.isInteger(number) && number >= min && number <= max))
      return mistake(`has ${key} ${showJson(given)}; expected an integer from ${min} to ${max}`)
    changes[name] = number
  }
  return value(changes)
}

/** What is wrong with an app's own `max_unread_bytes`, which depends on other limits and on the server's; undefined where nothing is. */
export function mistakeInUnread(node: Limits, own: Partial<Limits>): string | undefined {
  const { maxUnreadBytes: bytes } = own
  if (bytes === undefined) return undefined
  const most = node.maxUnreadBytes
  const least = Math.min(leastUnreadBytes({ ...node, ...own }), most)
  if (bytes >= least && bytes <= most) return undefined
  return `has max_unread_bytes ${bytes}; expected from ${least} (a replay and one largest event) to ${most} (the server's)`
}

/** A number or decimal digits; null for an absent one, NaN for anything else. */
function numberIn(given: unknown): number | null {
  if (given === null || given === '') return null
  if (typeof given === 'number') return given
  return typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN
}

export function limitsOnWire(own: AppRecord['limits']): Record<string, number> {
  return Object.fromEntries(
    Object.entries(own).map(([name, number]) => [wireName(name as LimitName), number]),
  )
}
