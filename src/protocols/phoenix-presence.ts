/**
 * Presence as Phoenix's clients know it: users by key, each with one meta per connection. The state
 * comes after each join, a diff with each connection that comes or goes.
 * Spec: phoenix contract 1.12, 4.7 (16).
 */
import { topicOf } from '../core/channel'
import { jsonText } from '../core/json'
import type { Meta, Notice, UserId } from '../core/types'
import type { PhoenixNews } from './phoenix-frames'

/** JSON; keys are written as text, so a user may be called `__proto__`. */
export function statePayload(
  users: readonly (readonly [userId: UserId, metas: readonly Meta[]])[],
): string {
  return `{${users.map(([userId, metas]) => entry(userId, metas)).join()}}`
}

/** Undefined for what these clients are not told. */
export function diffNews(notice: Notice): PhoenixNews | undefined {
  if (notice.type !== 'seat_taken' && notice.type !== 'seat_left') return undefined
  const one = entry(notice.userId, [notice.meta])
  const [joins, leaves] = notice.type === 'seat_taken' ? [one, ''] : ['', one]
  const payload = `{"joins":{${joins}},"leaves":{${leaves}}}`
  return { topic: topicOf(notice.channel), event: 'presence_diff', payload }
}

const entry = (userId: UserId, metas: readonly Meta[]): string =>
  `${jsonText(userId)}:{"metas":[${metas.map(metaJson).join()}]}`

const metaJson = ({ id, since, userInfo }: Meta): string =>
  `{"phx_ref":"${id}","online_at":${since},"user_info":${userInfo}}`
