/** How tests make a channel that owes its subscribers more than it may. */
import { spyOn } from 'bun:test'
import type { ChannelName } from '../../src/core/types'
import type { RawClient, TestServer } from '../harness'
import { publish } from '../publish'

/** What `limits` lets a channel owe its subscribers. */
export const FRAMES = 16
export const limits = { maxQueuedFrames: FRAMES }

/** A channel of forty that is served no more until it is let go, with one frame too many in its queue. */
export async function crowdedRoom(server: TestServer, channel: string) {
  const { core } = server
  const app = core.apps.byId('1')!
  const clients = await Promise.all(Array.from({ length: 40 }, () => server.raw()))
  await Promise.all(clients.map((client) => joinRoom(server, client, channel)))
  for (const client of clients) if (channel.startsWith('presence-')) await readFlushed(client)
  const audience = core.hub.channel(app, channel as ChannelName)!.audiences[0]!
  const countHeld = spyOn(audience, 'serve').mockReturnValue(1)
  for (let n = 0; n <= FRAMES; n++)
    publish(core, app, [{ name: 'e', data: `${n}`, channels: [channel], socketId: undefined }])
  return { clients, audience, letGo: () => countHeld.mockRestore() }
}

const joinRoom = (server: TestServer, client: RawClient, channel: string): Promise<string> =>
  /^(private|presence)-/.test(channel)
    ? server.signedIn(
        client,
        channel,
        channel.startsWith('presence-') ? { user_id: client.socketId } : undefined,
      )
    : client.subscribed(channel)

/** Reads what has arrived. */
export async function readFlushed(client: RawClient): Promise<string[]> {
  client.send({ event: 'pusher:ping' })
  const frames: string[] = []
  for (;;) {
    const frame = await client.next()
    if (frame.includes('pusher:pong')) return frames
    frames.push(frame)
  }
}
