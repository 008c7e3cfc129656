/** Users for the tables of contract 5: how they sign in, and which events they get about each other. */
import type { RawClient, TestServer } from '../../harness'

/** A user without a watchlist. */
export const ADA = { id: 'ada' }

/** A connection that is signed in as the stock server library does it; its success has been read. */
export async function openTab(
  server: TestServer,
  user: { id: string } & object = ADA,
): Promise<RawClient> {
  const client = await server.raw()
  await signIn(server, client, user)
  return client
}

/** Signs in. Returns the first answer. */
export async function signIn(server: TestServer, client: RawClient, user: { id: string } & object) {
  const data = server.sdk().authenticateUser(client.socketId, user as never)
  client.send({ event: 'pusher:signin', data })
  return client.nextJson()
}

/** Takes the event names of the next frames, with the user ids in them. */
export async function takeNews(client: RawClient, count: number) {
  const frames = await client.frames.take(count)
  return frames.map((frame) => {
    const { event, data } = JSON.parse(frame)
    if (event !== 'pusher_internal:watchlist_events') return event
    const { events } = JSON.parse(data) as { events: { name: string; user_ids: string[] }[] }
    return events.map(({ name, user_ids: ids }) => [name, ...ids])
  })
}

/** A user with a watchlist. */
export const makeWatcher = (id: string, ...watchlist: string[]) => ({ id, watchlist })
/** What `takeNews` returns for users who are offline, or online. */
export const makeOffline = (...ids: string[]) => ['offline', ...ids]
export const makeOnline = (...ids: string[]) => ['online', ...ids]
