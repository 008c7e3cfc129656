/** What it takes to know that the silent are alive: counted over ten minutes, at the settings' defaults. */
import { expect, test } from 'bun:test'
import { PONG, start, type RawClient, type TestServer } from '../harness'

const SECONDS = 600

type Row = {
  readonly name: string
  /** Every five seconds, as often as the server looks. */
  readonly does: (client: RawClient, seconds: number, server: TestServer) => unknown
  readonly pings: number
}

const ROWS: readonly Row[] = [
  {
    name: 'who pings by itself after the time of the hello is never pinged',
    does: (client, seconds) => {
      if (seconds % 30 === 0) client.send({ event: 'pusher:ping', data: {} })
      return seconds % 30 === 0 && client.heard()
    },
    pings: 0,
  },
  {
    name: 'who says anything in time is never pinged',
    does: (client, seconds) => {
      if (seconds % 25 === 0) client.send(PONG)
      return seconds % 25 === 0 && client.heard()
    },
    pings: 0,
  },
  {
    name: 'who answers and says nothing is pinged every 35 seconds, which is within a minute',
    does: (_, __, server) => expectAnswered(server),
    pings: Math.floor(SECONDS / 35),
  },
]

test.each(ROWS)('$name', async ({ does, pings }) => {
  await using server = await start()
  await using client = await server.raw()
  for (let seconds = 5; seconds <= SECONDS; seconds += 5) {
    server.advance(5000)
    await does(client, seconds, server)
  }
  await client.heard()
  const received = client.frames.unread.filter((frame) => frame !== PONG)
  expect(received.filter((frame) => frame.startsWith('{"event":"pusher:ping"'))).toHaveLength(pings)
  expect(received).toHaveLength(pings)
  expect(server.core.hub.connectionCount).toBe(1)
})

/** Resolves once the pong of a client that was pinged has been read. */
async function expectAnswered(server: TestServer): Promise<void> {
  const [conn] = server.core.hub.connections()
  while (conn!.pingedTick > conn!.seenTick)
    await new Promise<void>((resolve) => setImmediate(resolve))
}
