/** Requests that the tables of contract 11 make, and what they read of the answers. */
import type { RawClient, TestServer } from '../../harness'

export const ERROR = 'pusher:error'

/** `codes` of a refused subscription: for the channel, then for all that listen to errors. */
export const REFUSED_TWICE = [
  ['pusher:subscription_error', undefined],
  [ERROR, null],
]

/** Acts on a fresh connection and reads `count` frames. */
export async function exchange(
  server: TestServer,
  act: (client: RawClient) => unknown,
  count = 1,
): Promise<{ event: string; data: unknown }[]> {
  await using client = await server.raw()
  await act(client)
  const frames = await client.frames.take(count)
  await client.expectNothing()
  return frames.map((frame) => {
    const { event, data } = JSON.parse(frame)
    return { event, data }
  })
}

/** Sends a subscription with these arguments, right or wrong. */
export const subscribe =
  (channel: string, auth?: string, channelData?: string) => (client: RawClient) =>
    client.subscribe(channel, auth, channelData)
/** Sends one message. */
export const send = (event: string, data: unknown, channel?: string) => (client: RawClient) =>
  client.send({ event, channel, data })

/** Subscribes to a channel that needs a signature. */
export const subscribeSigned =
  (server: TestServer, channel: string, channelData?: string) => (client: RawClient) =>
    client.subscribe(channel, server.sign(client, channel, channelData), channelData)

/** Event and code of each frame of a refusal. */
export const readCodes = (frames: readonly { event: string; data: unknown }[]) =>
  frames.map(({ event, data }) => [event, (data as { code?: unknown }).code])

/** Triggers an event that is right but for what `body` changes. */
export const trigger = (server: TestServer, body: object): Promise<Response> =>
  server.signed(
    'POST',
    '/events',
    JSON.stringify({ name: 'e', channel: 'room', data: 'x', ...body }),
  )

/** Reads the JSON body of an answer. */
export async function readJson(response: Promise<Response>): Promise<unknown> {
  return (await response).json()
}

/** Joins as a user and reads the roster of the success frame. */
export async function readRoster(server: TestServer, user: object): Promise<unknown> {
  await using client = await server.raw()
  const frame = await server.signedIn(client, 'presence-room', user as { user_id: unknown })
  return JSON.parse(JSON.parse(frame).data).presence
}
