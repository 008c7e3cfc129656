/**
 * Sweep: liveness, and the end of what has had its time. Every inbound frame, ping and pong leaves the
 * current tick on its connection; one sweep every few seconds pings the silent and closes those that stay
 * silent with 4201. Phoenix's clients send heartbeats unasked: without any they are closed, and only
 * frames count. Bun's own idle timer is no liveness check: the server's sends reset it (contract 1.3).
 */
import type { Connection } from './connection'
import type { Core } from './core'
import { REFUSE } from './errors'

export function sweep(core: Core): void {
  const { timing, hub, counters, cache, clock } = core
  const now = clock.now()
  cache.sweep(now)
  const tick = ++core.state.tick
  const activityTicks = ticks(timing.activityTimeoutSeconds, timing.sweepIntervalMs)
  const heartbeatTicks = ticks(timing.heartbeatTimeoutSeconds, timing.sweepIntervalMs)
  const pongTicks = ticks(timing.pongTimeoutSeconds, timing.sweepIntervalMs)
  for (const conn of hub.connections()) {
    if (!conn.authorized && !conn.busy && isLate(conn, now)) {
      counters.unauthorizedClosed++
      hub.flush(conn)
      conn.refuse(REFUSE.unauthorized)
      continue
    }
    if (conn.codec.heartbeats) {
      // What is fetched has polls in the place of heartbeats, and its transport looks at those.
      if (!conn.sink.queued && tick - conn.seenTick > heartbeatTicks) endSilent(core, conn)
      continue
    }
    if (tick - conn.seenTick <= activityTicks) continue
    if (conn.pingedTick <= conn.seenTick) {
      conn.pingedTick = tick
      conn.sink.ping() // devices that never read JSON pings answer native ones
      conn.reply({ type: 'ping' })
    } else if (tick - conn.pingedTick >= pongTicks) {
      endSilent(core, conn)
    }
  }
}

function endSilent({ counters, hub }: Core, conn: Connection): void {
  counters.silentClosed++
  hub.flush(conn)
  conn.refuse(REFUSE.pongTimeout)
}

/** Contract 5.6: an app may give its connections so much time to show who they are. */
function isLate({ app, establishedAt }: Connection, now: number): boolean {
  const seconds = app?.limits.authorizeWithinSeconds ?? 0
  return seconds > 0 && now - establishedAt >= seconds * 1000
}

const ticks = (seconds: number, intervalMs: number): number =>
  Math.ceil((seconds * 1000) / intervalMs)
