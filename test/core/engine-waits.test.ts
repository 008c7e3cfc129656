/**
 * What the engine may answer later: closes, second thoughts, gates, orders and races while it has not answered. Over
 * one node it answers at once; `test/two-servers` runs the same over two, and `test/redis` over Redis, where `server.hold`
 * keeps answers back.
 */
import { describe, expect, test } from 'bun:test'
import { makePlugin, start, type RawClient, type TestServer } from '../harness'

const ROOM = 'presence-room'

/** Subscribes to the room as a user; the answer is not waited for. */
function enter(server: TestServer, client: RawClient, id: string, info?: object): void {
  const data = JSON.stringify({ user_id: id, user_info: info })
  client.subscribe(ROOM, server.sign(client, ROOM, data), data)
}

async function connectWatched(server: TestServer): Promise<RawClient> {
  const watcher = await server.raw()
  await server.signedIn(watcher, ROOM, { user_id: 'watcher' })
  return watcher
}

const eventOf = async (client: RawClient): Promise<string> => (await client.nextJson()).event

const ADDED = 'pusher_internal:member_added'
const REMOVED = 'pusher_internal:member_removed'
const SUCCEEDED = 'pusher_internal:subscription_succeeded'

describe('while a seat is on its way', () => {
  test('a socket that closes is a member for a moment, and leaves nothing', async () => {
    await using server = await start()
    await using watcher = await connectWatched(server)
    const client = await server.raw()
    const held = server.hold()
    enter(server, client, 'ann')
    await server.waitForReceived(2)
    await held.next() // the node listens to the channel
    client.socket.close()
    await server.waitForConnections(1)
    held.release()
    expect([await eventOf(watcher), await eventOf(watcher)]).toEqual([ADDED, REMOVED])
    await server.settle()
    expect(await server.askCounts(ROOM)).toEqual({ subscriptions: 1, users: 1 })
    expect(server.listFactNames().filter((name) => name.startsWith('member_'))).toEqual([
      `member_added ${ROOM}`,
      `member_added ${ROOM}`,
      `member_removed ${ROOM}`,
    ])
    expect(server.totals.faults).toBe(0)
  })

  test('a socket that closes during its sign-in is online for a moment', async () => {
    await using server = await start()
    await using watcher = await server.raw()
    server.signin(watcher, '{"id":"watcher","watchlist":["ann"]}')
    await watcher.frames.take(2)
    const client = await server.raw()
    const held = server.hold()
    server.signin(client, '{"id":"ann"}')
    await server.waitForReceived(2)
    await held.next() // the node listens to the user's channel
    client.socket.close()
    await server.waitForConnections(1)
    held.release()
    const statuses = (await watcher.frames.take(2)).map((frame) => JSON.parse(frame).data)
    expect(statuses.map((data) => JSON.parse(data).events[0].name)).toEqual(['online', 'offline'])
    await watcher.expectNothing()
  })

  test.each([
    ['subscribe, unsubscribe, subscribe', ['+', '-', '+'], 1],
    ['subscribe, unsubscribe', ['+', '-'], 0],
    ['subscribe, unsubscribe, subscribe, unsubscribe', ['+', '-', '+', '-'], 0],
  ])('%s without waiting ends as it says', async (_, steps, subscriptions) => {
    await using server = await start()
    await using client = await server.raw()
    const held = server.hold()
    for (const step of steps)
      if (step === '+') enter(server, client, 'ann')
      else client.send({ event: 'pusher:unsubscribe', data: { channel: ROOM } })
    held.release()
    for (const step of steps) if (step === '+') expect(await eventOf(client)).toBe(SUCCEEDED)
    await client.expectNothing()
    await server.settle()
    expect(await server.askCounts(ROOM)).toEqual({ subscriptions, users: subscriptions })
    const here = server.servers.map(({ core }) => core.hub.channelCountOf(core.apps.byId('1')!))
    expect(here.reduce((sum, count) => sum + count)).toBe(subscriptions)
  })

  test('a gate before it waits in the same order', async () => {
    const gate = makePlugin('gate', { authorize: async () => undefined, subscribe: async () => {} })
    await using server = await start({ plugins: [gate] })
    await using watcher = await connectWatched(server)
    await using client = await server.raw()
    enter(server, client, 'ann')
    client.send({ event: 'pusher:unsubscribe', data: { channel: ROOM } })
    enter(server, client, 'bob')
    expect([await eventOf(client), await eventOf(client)]).toEqual([SUCCEEDED, SUCCEEDED])
    const news = [await watcher.nextJson(), await watcher.nextJson(), await watcher.nextJson()]
    expect(news.map(({ event, data }) => [event, JSON.parse(data as string).user_id])).toEqual([
      [ADDED, 'ann'],
      [REMOVED, 'ann'],
      [ADDED, 'bob'],
    ])
  })

  test('the end of its app closes the connection, and nobody is left', async () => {
    await using server = await start({
      apps: [{ id: '5', key: 'k5', secret: 's5', name: 'the app' }],
    })
    await server.change({ name: 'still there' })
    await using client = await server.raw()
    const held = server.hold()
    client.subscribe('room')
    await server.waitForReceived(1)
    const switchedOff = server.change({ active: false })
    held.release()
    await switchedOff
    expect((await client.closing()).code).toBe(4003)
    await server.waitForConnections(0)
    await server.settle()
    expect(await server.askOccupied()).toEqual([])
  })

  test('an order for its user reaches a sign-in, too', async () => {
    await using server = await start()
    await using client = await server.raw()
    const held = server.hold()
    server.signin(client, '{"id":"ann"}')
    await server.waitForReceived(1)
    const terminated = server.sdk().terminateUserConnections('ann')
    held.release()
    await terminated
    expect((await client.closing()).code).toBe(4009)
    await server.waitForConnections(0)
    await server.settle()
    const { apps, engine } = server.core
    expect(engine.isOnline(apps.byId('1')!, 'ann' as never)).toBe(false)
  })
})

describe('of two at once', () => {
  test('one is the last member that there is room for', async () => {
    await using server = await start({ limits: { maxPresenceMembers: 1 } })
    const clients = [await server.raw(), await server.raw()]
    const held = server.hold()
    for (const [index, client] of clients.entries()) enter(server, client, `user-${index}`)
    held.release()
    const answers = await Promise.all(clients.map(eventOf))
    expect(answers.sort()).toEqual(['pusher:subscription_error', SUCCEEDED])
    expect(await server.askCounts(ROOM)).toEqual({ subscriptions: 1, users: 1 })
    for (const client of clients) await client[Symbol.asyncDispose]()
  })

  test('one describes the member, and is announced', async () => {
    await using server = await start()
    await using watcher = await connectWatched(server)
    const clients = [await server.raw(), await server.raw()]
    const held = server.hold()
    for (const [index, client] of clients.entries()) enter(server, client, 'ann', { tab: index })
    held.release()
    const rosters = await Promise.all(clients.map(async (client) => (await client.nextJson()).data))
    expect(rosters).toEqual([rosters[0], rosters[0]])
    expect(rosters[0]).toContain('tab')
    expect(await eventOf(watcher)).toBe(ADDED)
    await watcher.expectNothing()
    for (const client of clients) await client[Symbol.asyncDispose]()
    expect(await eventOf(watcher)).toBe(REMOVED)
  })

  test('one occupies the channel', async () => {
    await using server = await start()
    const clients = [await server.raw(), await server.raw()]
    const held = server.hold()
    for (const client of clients) client.subscribe('room')
    held.release()
    for (const client of clients) expect(await eventOf(client)).toBe(SUCCEEDED)
    await server.settle()
    expect(server.listFactNames().filter((name) => name.includes('occupied'))).toEqual([
      'channel_occupied room',
    ])
    for (const client of clients) await client[Symbol.asyncDispose]()
  })

  test('everybody hears the same order', async () => {
    await using server = await start()
    const clients = [await server.raw(), await server.raw(), await server.raw()]
    for (const client of clients) await client.subscribed('room')
    const trigger = (name: string) => server.trigger({ channel: 'room', name, data: '' })
    await Promise.all(Array.from({ length: 40 }, (_, n) => trigger(`e${n}`)))
    const heard = await Promise.all(clients.map(({ frames }) => frames.take(40)))
    expect(heard[1]).toEqual(heard[0]!)
    expect(heard[2]).toEqual(heard[0]!)
    for (const client of clients) await client[Symbol.asyncDispose]()
  })
})

describe('client events', () => {
  test('do not hold their connection, arrive in order, and are sent before it leaves', async () => {
    await using server = await start()
    const [sender, other] = [await server.raw(), await server.raw()]
    for (const client of [sender, other]) await server.signedIn(client, 'private-room')
    const held = server.hold()
    for (let n = 0; n < 5; n++)
      sender.send({ event: `client-${n}`, channel: 'private-room', data: n })
    await sender.expectNothing() // its ping is answered meanwhile
    sender.send({ event: 'pusher:unsubscribe', data: { channel: 'private-room' } })
    held.release()
    for (let n = 0; n < 5; n++) expect(await eventOf(other)).toBe(`client-${n}`)
    await sender.expectNothing()
    for (const client of [sender, other]) await client[Symbol.asyncDispose]()
  })

  test('a trigger leaves out the connection that it names, wherever that is', async () => {
    await using server = await start()
    const clients = [await server.raw(), await server.raw()]
    for (const client of clients) await client.subscribed('room')
    for (const [index, { socketId }] of clients.entries()) {
      await server.sdk().trigger('room', 'e', '', { socket_id: socketId })
      expect(await eventOf(clients[1 - index]!)).toBe('e')
    }
    for (const client of clients) {
      await client.expectNothing()
      await client[Symbol.asyncDispose]()
    }
  })
})

test('an app’s quota of connections is that of all servers', async () => {
  await using server = await start({ limits: { maxConnectionsPerApp: 2 } })
  /** Those of other nodes come with what these say of themselves. */
  const untilCounted = async (count: number): Promise<void> => {
    for (const { core } of server.servers)
      while ((await core.engine.connections(core.apps.byId('1')!)) !== count)
        await server.http('/up')
  }
  const clients = [await server.raw(), await server.raw()]
  await untilCounted(2)
  for (let n = 0; n < 2; n++) {
    const late = await server.raw({ hello: false })
    expect(await late.next()).toContain('maxConnectionsPerApp')
    expect((await late.closing()).code).toBe(4004)
  }
  await clients[0]![Symbol.asyncDispose]()
  await untilCounted(1)
  await using another = await server.raw()
  await another.expectNothing()
  await clients[1]![Symbol.asyncDispose]()
})
