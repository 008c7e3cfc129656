/** Plugins' taps that end connections inside of the engine's one step: what follows is in order, and nothing stays. */
import { expect, test } from 'bun:test'
import type { ConnectionView } from '../../src/plugin'
import { makePlugin, start } from '../harness'

test('a tap for a member who has left may end the next: facts come in their order', async () => {
  const views = new Map<string | undefined, ConnectionView>()
  const chain = makePlugin('chain', {
    subscribed: (conn, { userId }) => void views.set(userId, conn),
    presence: (_, { type, userId }) => {
      if (type === 'member_removed' && userId === 'ann') views.get('bob')?.disconnect('you too')
    },
  })
  await using server = await start({ plugins: [chain] })
  const clients = [await server.raw(), await server.raw()]
  for (const [index, client] of clients.entries())
    await server.signedIn(client, 'presence-room', { user_id: ['ann', 'bob'][index] })
  clients[0]!.send({ event: 'pusher:unsubscribe', data: { channel: 'presence-room' } })
  expect((await clients[1]!.closing()).code).toBe(4009)
  await clients[0]![Symbol.asyncDispose]()
  await server.waitForConnections(0)
  await server.settle()
  const left = server.facts.flatMap((fact): string | [] =>
    fact.type === 'member_removed' ? fact.userId : fact.type === 'channel_vacated' ? '-' : [],
  )
  expect(left).toEqual(['ann', 'bob', '-'])
})

test('a tap for a watchlist that is too long may end the sign-in: nobody is left, nobody was told', async () => {
  const strict = makePlugin('strict', { refused: (conn) => conn.disconnect('read the limits') })
  await using server = await start({ plugins: [strict], limits: { maxWatchedUsers: 1 } })
  await using watcher = await server.raw()
  server.signin(watcher, '{"id":"watcher","watchlist":["ann"]}')
  expect(await watcher.frames.take(2)).toHaveLength(2)
  const client = await server.raw()
  server.signin(client, '{"id":"ann","watchlist":["bob","cat"]}')
  const events = (await client.frames.take(3)).map((frame) => JSON.parse(frame).event)
  expect(events).toEqual([
    'pusher:signin_success',
    'pusher:error',
    'pusher_internal:watchlist_events',
  ])
  expect((await client.closing()).code).toBe(4009)
  await server.waitForConnections(1)
  await server.settle()
  const statuses = (await watcher.frames.take(2)).map((frame) => JSON.parse(frame).data)
  expect(statuses.map((data) => JSON.parse(data).events[0].name)).toEqual(['online', 'offline'])
  const held = server.servers.map(({ core }) => core.hub.channelCountOf(core.apps.byId('1')!))
  expect(held.reduce((sum, count) => sum + count)).toBe(2) // the watcher's own, and that of its watchlist
})
