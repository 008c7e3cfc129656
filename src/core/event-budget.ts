/**
 * Event budget: how many bytes of client events a connection may send. It is charged before a frame is
 * read, whatever becomes of the event: who is over it costs no more than the frame's arrival.
 */
import { fullBucket, take } from './bucket'
import type { Connection } from './connection'
import type { Core } from './core'
import { refusal, type Refusal } from './errors'
import type { Command } from './types'

/** How often who is over it is told. */
const TOLD_EVERY_MS = 1000

const DROP: Command = { type: 'done', reply: undefined }

/** Undefined where the frame may be read. Else what is to be done: refuse it, once a second, or nothing. */
export function overBudget(
  core: Core,
  conn: Connection,
  frame: string | Uint8Array,
): Command | Refusal | undefined {
  const { maxClientEventBytesPerSecond: perSecond } = (conn.app ?? core).limits
  const now = core.clock.mono()
  const rate = { perSecond, burst: perSecond }
  const bucket = (conn.eventByteBucket ??= fullBucket(rate, now))
  if (take(bucket, rate, Buffer.byteLength(frame), now) === 0) return undefined
  core.counters.clientEventsLimited++
  if (now - conn.overBudgetToldAt < TOLD_EVERY_MS) return DROP
  conn.overBudgetToldAt = now
  return refusal(
    'client_event_rate',
    `Client events of this connection exceed ${perSecond} bytes a second (maxClientEventBytesPerSecond) and are dropped`,
  )
}
