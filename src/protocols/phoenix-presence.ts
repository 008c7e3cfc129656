/**
 * Presence as Phoenix's clients know it: users by key, each with one meta per connection. The state
 * comes after each join, a diff with each connection that comes or goes.
 * Spec: phoenix contract 1.12, 4.7 (16).
 */
import { jsonText } from '../core/json'
import type { Notice } from '../core/messages'
import type { Members, RosterEntry } from '../core/roster'
import type { Meta, UserId } from '../core/types'
import type { PhoenixNews } from './phoenix-frames'

/** Keys are written as text, so a user may be called `__proto__`. */
const ENTRY: RosterEntry = {
  write: ({ userId }, metas) => entry(userId, metas),
  eachConnection: true,
}

export const statePayload = (members: Members): string => `{${members.written(ENTRY)}}`

/** Undefined for what these clients are not told. */
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
