/** A client of Phoenix’s long-poll as small as can be: it posts, and polls. */
import { expect } from 'bun:test'
import type { TestServer } from '../harness'
import { KEY } from '../phoenix'

/** The path of V2 for a client of the published development app. */
export const PATH = `/socket/longpoll?${KEY}&vsn=2.0.0`

/** The body of every answer. */
export type PollAnswer = { status: number; token: string; messages: string[] }

/** Sends a request, which is answered with 200: the status that counts is in the body. */
export async function request(
  server: TestServer,
  init: RequestInit = {},
  query = '',
): Promise<PollAnswer> {
  const response = await server.http(`${PATH}${query}`, init)
  expect(response.status).toBe(200)
  return response.json()
}

/** Opens a session. Returns its token, and functions that poll and send. */
export async function openSession(server: TestServer) {
  const { token } = await request(server)
  const query = `&token=${token}`
  return {
    token,
    poll: () => request(server, {}, query),
    send: (body: string, type = 'application/x-ndjson') =>
      request(server, { method: 'POST', body, headers: { 'content-type': type } }, query),
  }
}

/** A join, and its reply. */
export const JOIN = '["1","1","room","phx_join",{}]'
export const REPLY = '["1","1","room","phx_reply",{"status":"ok","response":{}}]'

/** How many sessions and sockets are open. */
export const countSessions = ({ core }: TestServer): number => core.hub.connectionCount

/** Resolves once the first session has been polled since the last sweep. */
export async function waitForPoll({ core }: TestServer): Promise<void> {
  const [conn] = core.hub.connections()
  while (conn!.seenTick !== core.state.tick)
    await new Promise<void>((resolve) => setImmediate(resolve))
}
