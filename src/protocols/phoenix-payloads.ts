/**
 * Payloads: an event's data and the members of a channel, as Phoenix's clients get them. A string that
 * holds JSON goes out as that JSON; a value that is no object is wrapped in one, which old clients need.
 * Spec: phoenix contract 1.10, 1.12, 4.5, 4.7 (16).
 */
import { jsonText, textOfJson, escapeSurrogates } from '../core/json'
import { scanValue } from '../core/json-scan'
import type { Notice, EventPublication } from '../core/messages'
import type { Members, RosterEntry } from '../core/roster'
import type { JsonText, Meta, UserId } from '../core/types'
import type { PhoenixNews } from './phoenix-frames'

type Value = { readonly json: string; readonly isObject: boolean }

/** The value that was read last: an event goes out to a hundred channels, and by several codecs. */
let last: { readonly data: JsonText; readonly value: Value } | undefined

/** Events of Pusher's clients may have no data; Phoenix's clients always get an object. */
const EMPTY: Value = { json: '{}', isObject: true }

/** The value as an object: itself, or `{"data": value}`. */
export function objectPayload(publication: EventPublication): string {
  const { json, isObject } = valueOf(publication)
  return isObject ? json : `{"data":${json}}`
}

/** PushEx: `{"data": value, "event": name}`. */
export function nestedPayload(publication: EventPublication): string {
  return `{"data":${valueOf(publication).json},"event":${jsonText(publication.event)}}`
}

function valueOf({ data }: EventPublication): Value {
  if (data === undefined) return EMPTY
  if (last?.data !== data) last = { data, value: readValue(data) }
  return last.value
}

function readValue(data: JsonText): Value {
  if (!data.startsWith('"')) return { json: data, isObject: data.startsWith('{') }
  const text = escapeSurrogates(textOfJson(data))
  const value = scanValue(text) // parsing half a megabyte of a replay takes up to 18 ms, this 4
  return value ? { json: text, isObject: value.isObject } : { json: data, isObject: false }
}

// ---------------------------------------------------------------- presence
// Users by key, each with one meta per connection: the state follows each join, a diff each connection
// that enters or exits.

/** Written as text and never as an object's key, so a user may be called `__proto__`. */
const ENTRY: RosterEntry = {
  write: ({ userId }, metas) => entry(userId, metas),
  eachConnection: true,
}

export const statePayload = (members: Members): string => `{${members.write(ENTRY)}}`

/** Undefined for notices that Phoenix's clients do not get. */
export function diffNews(notice: Notice): PhoenixNews | undefined {
  if (notice.type !== 'seat_taken' && notice.type !== 'seat_left') return undefined
  const one = entry(notice.userId, [notice.meta])
  const [joins, leaves] = notice.type === 'seat_taken' ? [one, ''] : ['', one]
  const payload = `{"joins":{${joins}},"leaves":{${leaves}}}`
  return { topic: notice.channel, event: 'presence_diff', payload }
}

const entry = (userId: UserId, metas: readonly Meta[]): string =>
  `${jsonText(userId)}:{"metas":[${metas.map(metaJson).join()}]}`

const metaJson = ({ id, since, userInfo }: Meta): string =>
  `{"phx_ref":"${id}","online_at":${since},"user_info":${userInfo}}`
