/**
 * Drain: leaving without a stampede. Clients reconnect at once and without jitter when they are told
 * 4200, so only the server can spread them: their connections are closed in slices over a time.
 * New connections are refused meanwhile, with a code that makes clients try again a second later.
 */
import type { Connection } from './connection'
import type { Core } from './core'
import { REFUSE } from './errors'

const SLICE_INTERVAL_MS = 100
/** So few at once are no stampede; a small server leaves within a slice or two. */
const SMALLEST_SLICE = 100

/** Resolves when every connection has been told to go; none is taken in from the first call on. */
export function drain(core: Core, drainMs: number): Promise<void> {
  core.state.draining = true
  const leaving = [...core.hub.connections()]
  const slices = Math.max(1, Math.floor(drainMs / SLICE_INTERVAL_MS))
  const sliceSize = Math.max(SMALLEST_SLICE, Math.ceil(leaving.length / slices))
  return new Promise((resolve) => {
    const closeSlice = (): void => {
      for (const conn of leaving.splice(0, sliceSize)) dismiss(core, conn)
      if (leaving.length > 0) core.clock.after(SLICE_INTERVAL_MS, closeSlice)
      else resolve()
    }
    closeSlice()
  })
}

function dismiss({ hub }: Core, conn: Connection): void {
  if (conn.closed) return
  hub.flush(conn)
  conn.refuse(REFUSE.shuttingDown)
}
