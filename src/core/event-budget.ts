/**
 * Event budget: how many bytes of client events a connection may send. Charged before a frame is parsed,
 * whatever becomes of the event, so a frame over the budget costs nothing but its arrival.
 */
import { fullBucket, take, waitFor, type Rate } from './bucket'
import type { Connection } from './connection'
import type { Core } from './core'
import { refusal, type Refusal } from './errors'
import type { Command } from './messages'

/** How often a connection over its budget is told so. */
const NOTIFY_EVERY_MS = 1000

const DROP: Command = { type: 'noop', reply: undefined }

/** True where the budget lacks room for so many bytes. Charges nothing. */
export function isSpent(core: Core, conn: Connection, leastBytes: number): boolean {
  const bucket = conn.eventByteBucket
  if (bucket === undefined) return false
  return waitFor(bucket, rateOf(core, conn), leastBytes, core.clock.mono()) > 0
}

/** Charges a frame. Undefined where it may be parsed; else a refusal, once a second, or a command that drops it. */
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
