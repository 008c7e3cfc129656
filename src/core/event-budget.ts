/**
 * Event budget: how many bytes of client events a connection may send. It is charged before a frame is
 * read, whatever becomes of the event: who is over it costs no more than the frame's arrival.
 */
import { fullBucket, take, waitFor, type Rate } from './bucket'
import type { Connection } from './connection'
import type { Core } from './core'
import { refusal, type Refusal } from './errors'
import type { Command } from './messages'

/** How often who is over it is told. */
const NOTIFY_EVERY_MS = 1000

const DROP: Command = { type: 'done', reply: undefined }

/** True where there is no room for so many bytes, whatever else they may be. Costs nothing. */
export function isSpent(core: Core, conn: Connection, leastBytes: number): boolean {
  const bucket = conn.eventByteBucket
  if (bucket === undefined) return false
  return waitFor(bucket, rateOf(core, conn), leastBytes, core.clock.mono()) > 0
}

/** Undefined where the frame may be read. Else what is to be done: refuse it, once a second, or nothing. */
export function checkBudget(
  core: Core,
  conn: Connection,
  frame: string | Uint8Array,
): Command | Refusal | undefined {
  const now = core.clock.mono()
  const rate = rateOf(core, conn)
  const bucket = (conn.eventByteBucket ??= fullBucket(rate, now))
  if (take(bucket, rate, Buffer.byteLength(frame), now) === 0) return undefined
  core.counters.clientEventsLimited++
  if (now - conn.overBudgetNotifiedAt < NOTIFY_EVERY_MS) return DROP
  conn.overBudgetNotifiedAt = now
  return refusal(
    'client_event_rate',
    `Client events of this connection exceed ${rate.perSecond} bytes a second (maxClientEventBytesPerSecond) and are dropped`,
  )
}

function rateOf(core: Core, conn: Connection): Rate {
  const { maxClientEventBytesPerSecond: perSecond } = (conn.app ?? core).limits
  return { perSecond, burst: perSecond }
}
