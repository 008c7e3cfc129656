/** A client of Phoenix’s long-poll as small as can be: it posts, and polls. */
import { expect } from 'bun:test'
import type { TestServer } from '../harness'
import { KEY } from '../phoenix'

/** Where V2 is spoken to, as a client of the published development app. */
export const PATH = `/socket/longpoll?${KEY}&vsn=2.0.0`

/** What every answer says. */
export type Told = { status: number; token: string; messages: string[] }

/** Asks, and is answered with 200: the status that counts is in the answer. */
export async function ask(server: TestServer, init: RequestInit = {}, query = ''): Promise<Told> {
  const response = await server.http(`${PATH}${query}`, init)
  expect(response.status).toBe(200)
  return response.json()
}

/** A session, and how it is spoken to. */
export async function open(server: TestServer) {
  const { token } = await ask(server)
  const query = `&token=${token}`
  return {
    token,
    poll: () => ask(server, {}, query),
    say: (body: string, type = 'application/x-ndjson') =>
      ask(server, { method: 'POST', body, headers: { 'content-type': type } }, query),
  }
}

/** A join, and its reply. */
export const JOIN = '["1","1","room","phx_join",{}]'
export const REPLY = '["1","1","room","phx_reply",{"status":"ok","response":{}}]'

/** How many sessions and sockets are open. */
export const sessions = ({ core }: TestServer): number => core.hub.connectionCount

/** Resolves once the first session was asked for since the last sweep: its poll has come. */
export async function arrived({ core }: TestServer): Promise<void> {
  const [conn] = core.hub.connections()
  while (conn!.seenTick !== core.state.tick)
    await new Promise<void>((resolve) => setImmediate(resolve))
}
