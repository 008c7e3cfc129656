/**
 * Slow readers are cut: who takes what it is sent more slowly than it comes has its connection ended, over
 * a socket by the runtime (`listen.ts`), over HTTP by its queue (`transports/queued-sink.ts`).
 */
import type { Connection } from './connection'
import type { Core } from './core'

/** A reader that is further behind is cut: a gap would be a lie. */
export const MAX_BEHIND_BYTES = 1024 * 1024

/** To be told of who was cut. */
export function tooSlow({ counters, log }: Core, conn: Connection): void {
  counters.slowReadersClosed++
  log.warn(
    { socketId: conn.id, appId: conn.app?.id, limitBytes: MAX_BEHIND_BYTES },
    'slow reader closed',
  )
}
