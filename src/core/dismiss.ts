/**
 * Dismiss: tells every connection of an app that it is over. In slices, one per turn of the event
 * loop, so that a big app's end does not hold up the others.
 */
import type { App } from './apps'
import type { Connection } from './connection'
import type { Core } from './core'
import type { Refusal } from './errors'

const SLICE = 200

/** Returns at once; the connections that were open now are closed within the next turns of the loop. */
export function dismissApp({ hub }: Core, app: App, refused: Refusal): void {
  const leaving: Connection[] = []
  for (const conn of hub.connections()) if (conn.app === app) leaving.push(conn)
  const closeSlice = (): void => {
    for (const conn of leaving.splice(0, SLICE)) {
      if (conn.closed) continue
      hub.flush(conn)
      conn.refuse(refused)
    }
    if (leaving.length > 0) setImmediate(closeSlice)
  }
  closeSlice()
}
