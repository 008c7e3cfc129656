/**
 * Slow readers are cut: a connection that reads more slowly than it is sent is closed, a socket by the runtime
 * (`listen.ts`), a pull session by its queue (`transports/queued-sink.ts`).
 */
import type { Connection } from './connection'
import type { Core } from './core'
import { countersOf } from './counters'

/** A reader that is further behind is cut: dropping frames would leave gaps. */
export const MAX_BEHIND_BYTES = 1024 * 1024

/** Counts and logs a connection that was cut, and emits the fact. */
export function reportSlowReader(core: Core, conn: Connection): void {
  countersOf(core, conn.app).slowReadersClosed++
  core.log.warn(
    { socketId: conn.id, appId: conn.app?.id, limitBytes: MAX_BEHIND_BYTES },
    'slow reader closed',
  )
  const { app, id: socketId, behindBytes: bytes } = conn
  if (core.facts.wants('cut', app)) core.facts.emit({ type: 'cut', app, socketId, bytes })
}
