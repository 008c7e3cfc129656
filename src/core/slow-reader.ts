/**
 * Slow readers are cut: a connection that reads more slowly than it is sent is closed, a socket by the runtime
 * (`listen.ts`) or, where its app allows less, by `Connection.noteUnread`; a pull session by its queue
 * (`transports/queued-sink.ts`).
 */
import type { App } from './app'
import type { Connection } from './connection'
import type { Core } from './core'
import { countersOf } from './counters'

/** A reader that has not read so many bytes is cut: dropping frames would leave gaps. */
export const unreadLimitOf = ({ limits }: Pick<Core, 'limits'>, app: App | undefined): number =>
  (app ?? { limits }).limits.maxUnreadBytes

/** Counts and logs a connection that was cut, and emits the fact. */
export function reportSlowReader(core: Core, conn: Connection): void {
  countersOf(core, conn.app).slowReadersClosed++
  core.log.warn(
    { socketId: conn.id, appId: conn.app?.id, limitBytes: unreadLimitOf(core, conn.app) },
    'slow reader closed',
  )
  const { app, id: socketId, behindBytes: bytes } = conn
  if (core.facts.wants('cut', app)) core.facts.emit({ type: 'cut', app, socketId, bytes })
}
