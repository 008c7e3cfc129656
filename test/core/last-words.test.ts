/** The last frames of a client whose frames wait for a turn. */
import { expect, test } from 'bun:test'
import { startRationed } from './rationed'

test('what a client tells others before it closes is told in a late turn, too', async () => {
  await using rations = await startRationed({ limits: { maxClientEventsPerSecond: 100 } })
  const { server, slow } = rations
  await using listener = await server.raw()
  const talker = await server.raw()
  for (const client of [listener, talker]) await server.signedIn(client, 'private-room')
  slow(1)
  for (let n = 0; n < 90; n++)
    talker.send({ event: `client-${n}`, channel: 'private-room', data: '' })
  talker.socket.close()
  const heard = (await listener.frames.take(90)).map((frame) => JSON.parse(frame).event)
  expect(heard).toEqual(Array.from({ length: 90 }, (_, n) => `client-${n}`))
  await server.waitForConnections(1)
  expect(
    server.core.hub.subscribersOf(server.core.apps.byId('1')!, 'private-room' as never),
  ).toHaveLength(1)
})
