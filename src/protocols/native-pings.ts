/**
 * Native pings and pongs. Runtimes send them while the application behind may be dead, so where the
 * protocol has heartbeats of its own they are no sign of life. Ours answers them as it reads them, half a
 * megabyte in one turn of the event loop, and they cannot be put off: a flood of them is ended.
 */
import type { Core } from '../core/core'
import { refusal } from '../core/errors'
import { refuseAndTell } from '../core/hooks'
import type { Client } from './codec'
import { seen } from './session'

/** Of one connection between two sweeps. */
export const MAX_PINGS = 1000

/** One has come. */
export function pinged(core: Core, conn: Client): void {
  if (conn.closed) return
  if (!conn.codec.heartbeats) seen(core, conn)
  if (++conn.pings <= MAX_PINGS) return
  core.counters.messagesRefused++
  core.counters.queueOverflowsClosed++
  const message = `More than ${MAX_PINGS} native pings and pongs in a few seconds`
  refuseAndTell(core, conn, refusal('too_many_commands', message))
}
