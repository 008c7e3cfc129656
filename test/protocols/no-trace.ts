/** Proof that what was refused has left nothing behind. */
import { expect } from 'bun:test'
import type { TestServer } from '../harness'

/** Expects that nobody is in any channel, no topic is left and nothing was announced. */
export async function expectNoTrace(server: TestServer, connections = 1): Promise<void> {
  const { hub } = server.core
  expect(await server.askOccupied()).toEqual([])
  expect(hub.connectionCount).toBe(connections)
  for (const conn of hub.connections()) expect(conn.subscriptions?.size ?? 0).toBe(0)
  expect(
    server.listFactNames().filter((name) => name !== 'connected' && name !== 'disconnected'),
  ).toEqual([])
}
