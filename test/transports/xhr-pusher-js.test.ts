/** The stock library over each of its HTTP transports, on the runtime of the tests. */
import { describe, expect, test } from 'bun:test'
import { start, type PusherClient, type TestServer } from '../harness'
import { waitForRequest } from './xhr-client'

const TRANSPORTS = ['xhr_streaming', 'xhr_polling'] as const

const over = (server: TestServer, transport: (typeof TRANSPORTS)[number]) => ({
  options: { httpHost: '127.0.0.1', httpPort: server.port, enabledTransports: [transport] },
})

describe.each(TRANSPORTS)('%s', (transport) => {
  const connect = (server: TestServer, options = {}): PusherClient =>
    server.pusher({ ...over(server, transport), ...options })

  test('connects, subscribes with a signature, hears events in order', async () => {
    await using server = await start()
    await using client = connect(server)
    await client.subscribe('private-room')
    const sent = Array.from({ length: 50 }, (_, n) => n)
    for (const n of sent)
      await server.trigger({ channel: 'private-room', name: 'e', data: String(n) })
    expect((await client.events.take(50)).map(({ data }) => data)).toEqual(sent)
    expect(client.socketId).toMatch(/^\d+\.\d+$/)
  })

  test('is a member like those with sockets', async () => {
    await using server = await start()
    await using socket = server.pusher({ user: { user_id: 'ada' } })
    await socket.subscribe('presence-room')
    const client = connect(server, { user: { user_id: 'bob', user_info: { name: 'Bob' } } })
    const channel = await client.subscribe('presence-room')
    expect((channel as never as { members: { count: number } }).members.count).toBe(2)
    expect(await socket.nextEvent()).toMatchObject({
      event: 'pusher:member_added',
      data: { id: 'bob', info: { name: 'Bob' } },
    })
    client.pusher.disconnect()
    // Between two polls there is no request whose end would tell.
    for (const { xhr } = server.server; xhr.count > 0; await server.http('/up'))
      server.advance(5000)
    expect(await socket.nextEvent()).toMatchObject({ event: 'pusher:member_removed' })
  })

  test('tells client events, and does not hear its own', async () => {
    await using server = await start()
    await using socket = server.pusher()
    await using client = connect(server)
    await socket.subscribe('private-room')
    const channel = await client.subscribe('private-room')
    channel.trigger('client-here', { n: 1 })
    expect(await socket.nextEvent()).toMatchObject({ event: 'client-here', data: { n: 1 } })
    socket.pusher.channel('private-room').trigger('client-there', { n: 2 })
    expect(await client.nextEvent()).toMatchObject({ event: 'client-there', data: { n: 2 } })
  })

  test.each([
    ['for good', 4001, { key: 'nobody' }, 'disconnected'],
    ['for a second', 4100, {}, 'connecting'],
  ])('is refused %s with %d', async (_, code, options, state) => {
    await using server = await start({ config: { maxConnections: 1 } })
    await using socket = await server.raw()
    expect(socket.socketId).toBeString()
    await using client = connect(server, options)
    expect(await client.errors.next()).toMatchObject({ error: { data: { code } } })
    expect(client.pusher.connection.state).toBe(state as never)
  })

  test('reconnects at once after 4200', async () => {
    await using server = await start()
    await using client = connect(server)
    await client.state('connected')
    const before = client.socketId
    const [connection] = server.core.hub.connections()
    connection!.refuse({ code: 'reconnect_requested', message: 'Go' } as never)
    await client.state('connecting')
    await client.state('connected')
    expect(client.socketId).not.toBe(before)
  })

  test('stays connected for as long as it answers pings or polls', async () => {
    await using server = await start()
    await using client = connect(server)
    await client.state('connected')
    const [conn] = server.core.hub.connections()
    for (let seconds = 0; seconds < 500; seconds += 25) {
      await waitForRequest(server, conn!)
      server.advance(25_000)
      while (conn!.pingedTick > conn!.seenTick) await server.http('/up')
    }
    expect(conn!.closed).toBe(false)
    expect(conn!.seenTick).toBeGreaterThan(70)
  })
})
