/**
 * Sweep: liveness and expiry. Every inbound frame, ping and pong leaves the current tick on its connection; one
 * sweep every few seconds pings silent connections and closes those that stay silent with 4201. On wires with
 * heartbeats clients send them unasked: without any they are closed, and only frames count. Bun's own idle
 * timer is no liveness check: the server's sends reset it (contract 1.3). Who leaves a message unfinished is
 * closed, too.
 */
import type { Connection } from './connection'
import type { Core, Timing } from './core'
import { countersOf } from './counters'
import { REFUSE } from './errors'
import { runSafely } from './faults'
import { refuseAndNotify } from './hooks'
import { MESSAGE_MS, type Intake } from './intake'
import { Pass } from './slices'

/** Sweeps are four times as frequent as the shortest limit, at most `most` apart. */
const INTERVAL_MS = { most: 5000, perLimit: 4 }

type Silences = Pick<
  Timing,
  'activityTimeoutSeconds' | 'pongTimeoutSeconds' | 'heartbeatTimeoutSeconds'
>

export function sweepIntervalMs(silences: Silences): number {
  const { activityTimeoutSeconds, pongTimeoutSeconds, heartbeatTimeoutSeconds } = silences
  const shortest = Math.min(activityTimeoutSeconds, pongTimeoutSeconds, heartbeatTimeoutSeconds)
  return Math.min(INTERVAL_MS.most, (shortest * 1000) / INTERVAL_MS.perLimit)
}

/** Returns the sweep, to be called every `sweepIntervalMs`. */
export function newSweeper(core: Core): () => void {
  const { state } = core
  const ticks = ticksOf(core.timing)
  const pass = new Pass(
    core.slices,
    'sweep',
    () => core.hub.connections(),
    (conn) => sweep(core, conn, ticks),
  )
  return () => {
    runSafely(core, 'engine', () => core.engine.sweep())
    state.tick++
    core.sockets.refresh(() => pass.begin())
  }
}

function sweep(core: Core, conn: Connection, ticks: Ticks): void {
  conn.pings = 0
  if (conn.behindBytes > 0) conn.noteUnread() // the limit of its app may be lower by now
  if (!conn.codec.heartbeats) {
    pingIfSilent(core, conn, ticks)
    // A pull session has polls instead of heartbeats, which its transport watches.
  } else if (!conn.sink.queued && core.state.tick - conn.seenTick > ticks.heartbeat) {
    closeSilent(core, conn)
  }
  if (conn.intake && !conn.pendingRefusal && !conn.gone)
    endUnfinished(core, conn, conn.intake, ticks)
}

/** Limits in sweeps. */
type Ticks = {
  readonly activity: number
  readonly heartbeat: number
  readonly pong: number
  readonly message: number
}

function ticksOf(timing: Timing): Ticks {
  const ticks = (seconds: number): number => Math.ceil((seconds * 1000) / timing.sweepIntervalMs)
  return {
    activity: ticks(timing.activityTimeoutSeconds),
    heartbeat: ticks(timing.heartbeatTimeoutSeconds),
    pong: ticks(timing.pongTimeoutSeconds),
    message: ticks(MESSAGE_MS / 1000),
  }
}

function pingIfSilent(core: Core, conn: Connection, { activity, pong }: Ticks): void {
  const { tick } = core.state
  if (tick - conn.seenTick <= activity) return
  if (conn.pingedTick <= conn.seenTick) {
    conn.pingedTick = tick
    conn.sink.ping() // devices that never read JSON pings answer native ones
    conn.reply({ type: 'ping' })
  } else if (tick - conn.pingedTick >= pong) {
    closeSilent(core, conn)
  }
}

function closeSilent(core: Core, conn: Connection): void {
  countersOf(core, conn.app).silentClosed++
  refuseAndNotify(core, conn, REFUSE.pongTimeout)
}

/**
 * Closes a connection that leaves a message unfinished. Where that is not certain its client is pinged: with an
 * answer, on wires that have one, it shows that it does not.
 */
function endUnfinished(core: Core, conn: Connection, intake: Intake, ticks: Ticks): void {
  if (conn.late) return intake.skip()
  const { tick } = core.state
  // Two calls of the system: for who is above suspicion only in every second sweep.
  if (intake.doubtfulSince < 0 && tick % 2 === 1) return
  intake.look(conn, tick)
  const { doubtfulSince, certainSince } = intake
  if (doubtfulSince < 0) return
  if (doubtfulSince === tick) conn.reply({ type: 'ping' })
  // A ping would have been answered; heartbeats come in their own time, and are waited for.
  const mayBeCertain = intake.isSure || !conn.codec.heartbeats
  const isCertain = mayBeCertain && certainSince >= 0 && tick - certainSince >= ticks.message
  const isMute = !conn.codec.heartbeats && tick - doubtfulSince >= ticks.message + ticks.pong
  if (!isCertain && !isMute) return
  countersOf(core, conn.app).unfinishedClosed++
  refuseAndNotify(core, conn, REFUSE.messageTooSlow)
}

/** How often overdue connections are searched. */
export const UNAUTHORIZED_SWEEP_MS = 250

/**
 * Returns the sweep that closes connections which are not authorized in time (contract 5.6), unless a command
 * of theirs is waiting. To be called every `UNAUTHORIZED_SWEEP_MS`.
 */
export function newUnauthorizedSweeper(core: Core): () => void {
  const { unauthorized, clock } = core
  const end = (conn: Connection): void => {
    if (conn.busy) return
    unauthorized.delete(conn)
    countersOf(core, conn.app).unauthorizedClosed++
    refuseAndNotify(core, conn, REFUSE.unauthorized)
  }
  const pass = new Pass(core.slices, 'sweep', () => unauthorized.overdue(clock.mono()), end)
  return () => pass.begin()
}
