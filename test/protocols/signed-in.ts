/** Connections that are signed in, for tests of what users have. */
import { expect } from 'bun:test'
import type { RawClient, TestServer } from '../harness'

export const makeSignedIn = (userData: string) =>
  JSON.stringify({ event: 'pusher:signin_success', data: { user_data: userData } })

export async function connectSignedIn(server: TestServer, userData: string): Promise<RawClient> {
  const client = await server.raw()
  server.signin(client, userData)
  expect(await client.next()).toBe(makeSignedIn(userData))
  return client
}
