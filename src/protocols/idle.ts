/** Idle: when all that has arrived of a connection was looked at. */
import type { Connection } from '../core/connection'

/** Once nothing of it waits for a gate any more. */
export function tellIdle(conn: Connection): void {
  const { onIdle } = conn
  conn.onIdle = undefined
  onIdle?.()
}

/** Resolves when all that has arrived was looked at; undefined where it was. */
export function idle(conn: Connection): Promise<void> | undefined {
  if (!conn.busy) return undefined
  const { promise, resolve } = Promise.withResolvers<void>()
  const { onIdle: earlier } = conn
  conn.onIdle = () => {
    earlier?.()
    resolve()
  }
  return promise
}
