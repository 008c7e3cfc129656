/** A connection that is there, for tests of what is done with one. */
import type { App } from '../src/core/app'
import { Connection } from '../src/core/connection'
import type { SocketId } from '../src/core/types'
import { pusher } from '../src/protocols/pusher'
import type { TestServer } from './harness'

/** Of the one connection of an app that calls are about. */
export const SOCKET_ID = '1.2' as SocketId

/** Gives an app that connection, without a socket. Returns what takes it away. */
export function addConnection({ core }: TestServer, app: App, id = SOCKET_ID): () => void {
  const conn = new Connection(id, pusher, app, '127.0.0.1', app)
  core.hub.add(conn)
  return () => void core.hub.remove(conn)
}
