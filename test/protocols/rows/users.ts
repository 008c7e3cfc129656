/** Users for the tables of contract 5: how they sign in, and what they are told of each other. */
import type { RawClient, TestServer } from '../../harness'

/** Whoever needs no watchlist. */
export const ADA = { id: 'ada' }

/** A connection that is signed in as the stock server library does it; its success has been read. */
export async function tab(
  server: TestServer,
  user: { id: string } & object = ADA,
): Promise<RawClient> {
  const client = await server.raw()
  await signIn(server, client, user)
  return client
}

/** Signs in; what is answered first. */
export async function signIn(server: TestServer, client: RawClient, user: { id: string } & object) {
  const data = server.sdk().authenticateUser(client.socketId, user as never)
  client.send({ event: 'pusher:signin', data })
  return client.nextJson()
}

/** Event names of the next frames, with what they hold of users. */
export async function news(client: RawClient, count: number) {
  const frames = await client.frames.take(count)
  return frames.map((frame) => {
    const { event, data } = JSON.parse(frame)
    if (event !== 'pusher_internal:watchlist_events') return event
    const { events } = JSON.parse(data) as { events: { name: string; user_ids: string[] }[] }
    return events.map(({ name, user_ids: ids }) => [name, ...ids])
  })
}

/** A user with a watchlist. */
export const watching = (id: string, ...watchlist: string[]) => ({ id, watchlist })
/** What `news` makes of users who are offline, or online. */
export const OFFLINE = (...ids: string[]) => ['offline', ...ids]
export const ONLINE = (...ids: string[]) => ['online', ...ids]
