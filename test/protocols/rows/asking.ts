/** What the tables of contract 11 ask a server, and what they make of its answers. */
import type { RawClient, TestServer } from '../../harness'

export const ERROR = 'pusher:error'

/** `codes` of a refused subscription: for the channel, then for all that listen to errors. */
export const REFUSED_TWICE = [
  ['pusher:subscription_error', undefined],
  [ERROR, null],
]

/** Says something on a fresh connection and reads so many frames. */
export async function answers(
  server: TestServer,
  say: (client: RawClient) => unknown,
  count = 1,
): Promise<{ event: string; data: unknown }[]> {
  await using client = await server.raw()
  await say(client)
  const frames = await client.frames.take(count)
  await client.expectNothing()
  return frames.map((frame) => {
    const { event, data } = JSON.parse(frame)
    return { event, data }
  })
}

/** Says that it subscribes, as it is told to. */
export const subscribe =
  (channel: string, auth?: string, channelData?: string) => (client: RawClient) =>
    client.subscribe(channel, auth, channelData)
/** Says one message. */
export const said = (event: string, data: unknown, channel?: string) => (client: RawClient) =>
  client.send({ event, channel, data })

/** Subscribes to a channel that needs a signature. */
export const signed =
  (server: TestServer, channel: string, channelData?: string) => (client: RawClient) =>
    client.subscribe(channel, server.sign(client, channel, channelData), channelData)

/** Event and code of each frame that tells a refusal. */
export const codes = (frames: readonly { event: string; data: unknown }[]) =>
  frames.map(({ event, data }) => [event, (data as { code?: unknown }).code])

/** Triggers an event that is right but for what `body` changes. */
export const trigger = (server: TestServer, body: object): Promise<Response> =>
  server.requestSigned(
    'POST',
    '/events',
    JSON.stringify({ name: 'e', channel: 'room', data: 'x', ...body }),
  )

/** The body of an answer. */
export async function jsonOf(response: Promise<Response>): Promise<unknown> {
  return (await response).json()
}

/** A member's entry in the roster that the newcomer is told. */
export async function rosterOf(server: TestServer, user: object): Promise<unknown> {
  await using client = await server.raw()
  const frame = await server.joinSigned(client, 'presence-room', user as { user_id: unknown })
  return JSON.parse(JSON.parse(frame).data).presence
}
