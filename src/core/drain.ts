/**
 * Drain: leaving without a stampede. Clients reconnect at once and without jitter when they are told
 * 4200, so only the server can spread them: their connections are closed in slices over a time.
 * New connections are refused meanwhile, with a code that makes clients try again a second later.
 */
import type { Core } from './core'
import { REFUSE } from './errors'
import { survives } from './faults'

const SLICE_INTERVAL_MS = 100

/**
 * Resolves when every connection has been told to go, with how many they were; none is taken in from
 * the first call on. One that has not yet taken what it was sent is asked last.
 */
export function drain(core: Core, drainMs: number): Promise<number> {
  core.state.draining = true
  const leaving = [...core.hub.connections()]
  const slices = Math.max(1, Math.floor(drainMs / SLICE_INTERVAL_MS))
  const total = leaving.length
  const sliceSize = Math.ceil(total / slices)
  const deadline = core.clock.mono() + drainMs
  return new Promise((resolve) => {
    const closeSlice = (): void => {
      const patient = core.clock.mono() < deadline
      for (const conn of leaving.splice(0, sliceSize)) {
        if (patient && conn.sink.getBufferedAmount() > 0) leaving.push(conn)
        else if (!conn.closed) survives(core, 'drain', () => conn.refuse(REFUSE.shuttingDown))
      }
      if (leaving.length > 0) core.clock.after(SLICE_INTERVAL_MS, closeSlice)
      else resolve(total)
    }
    closeSlice()
  })
}
