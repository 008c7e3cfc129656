/**
 * Drain: a shutdown without a stampede. Clients reconnect at once and without jitter after 4200, so only the
 * server can spread them: their connections are closed in slices over a time. New connections are refused
 * meanwhile, with a code that makes clients try again a second later.
 */
import type { Connection } from './connection'
import type { Core } from './core'
import { REFUSE } from './errors'
import { workFor } from './slices'

const SLICE_INTERVAL_MS = 100

/**
 * Closes every connection and resolves with their number; new ones are refused from the call on. One that has
 * not read all that it was sent is closed last.
 */
export function drain(core: Core, drainMs: number): Promise<number> {
  core.state.draining = true
  void core.engine.rest(false)
  return closeAll(core, spread([...core.hub.connections()]), drainMs)
}

/** Closes a share of all connections, which are to go to another process, and resolves with their number. */
export function shed(core: Core, share: number, overMs: number): Promise<number> {
  const all = spread([...core.hub.connections()].filter(({ sink }) => !sink.queued))
  return closeAll(core, all.slice(0, Math.round(all.length * share)), overMs)
}

function closeAll(core: Core, leaving: Connection[], drainMs: number): Promise<number> {
  const slices = Math.max(1, Math.floor(drainMs / SLICE_INTERVAL_MS))
  const total = leaving.length
  const sliceSize = Math.ceil(total / slices)
  const deadline = core.clock.mono() + drainMs
  return new Promise((resolve) => {
    let next = 0
    const closeSlice = (): void => {
      const mayWait = core.clock.mono() < deadline
      const end = Math.min(next + sliceSize, leaving.length)
      core.slices.add({
        part: 'drain',
        step: () => {
          if (next < end) closeNext(leaving, next++, mayWait)
          if (next < end) return true
          if (next < leaving.length) core.clock.after(SLICE_INTERVAL_MS, closeSlice)
          else resolve(total)
          return false
        },
      })
    }
    closeSlice()
  })
}

/** Closes connections whose clients fetch their frames: the next request of one may reach another process. */
export function dismissPolled(core: Core): void {
  const polled = [...core.hub.connections()].filter(({ sink }) => sink.queued)
  core.slices.add(
    workFor('drain', polled, (conn) => conn.closed || conn.refuse(REFUSE.shuttingDown)),
  )
}

const GOLDEN = 0.618

/** Neighbours, such as the connections of one app, are far apart in the result. */
function spread<T>(items: readonly T[]): T[] {
  const { length } = items
  let stride = Math.max(1, Math.round(length * GOLDEN))
  while (commonDivisor(stride, length) > 1) stride++
  return items.map((_, index) => items[(index * stride) % length]!)
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b))

function closeNext(leaving: Connection[], index: number, mayWait: boolean): void {
  const conn = leaving[index]!
  if (conn.closed) return
  if (mayWait && conn.sink.getBufferedAmount() > 0) return void leaving.push(conn)
  conn.refuse(REFUSE.shuttingDown)
}
