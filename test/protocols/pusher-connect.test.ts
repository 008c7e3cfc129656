/** Contract 1: connecting, hello, refusals, pings, silence. */
import { describe, expect, test } from 'bun:test'
import { makeErrorFrame } from '../frames'
import { PONG, start, type RawOptions, type StartOptions } from '../harness'
import { handshakeOf } from '../stalled-reader'

const KEY = 'test-app-fake-key'

describe('hello', () => {
  test('is the first frame, with a string of JSON for data', async () => {
    await using server = await start()
    await using client = await server.raw({ hello: false })
    const frame = await client.next()
    expect(frame).toMatch(
      /^\{"event":"pusher:connection_established","data":"\{\\"socket_id\\":\\"\d+\.\d+\\",\\"activity_timeout\\":30\}"\}$/,
    )
    await client.expectNothing()
  })

  test('gives every connection another socket id', async () => {
    await using server = await start()
    await using one = await server.raw()
    await using two = await server.raw()
    expect(one.socketId).not.toBe(two.socketId)
  })

  test('names the activity timeout of the settings', async () => {
    await using server = await start({ config: { activityTimeoutSeconds: 45 } })
    await using client = await server.raw({ hello: false })
    expect(await client.next()).toContain('\\"activity_timeout\\":45}')
  })

  const ACCEPTED: readonly { name: string; path: string }[] = [
    { name: 'protocol 7', path: `/app/${KEY}?protocol=7&client=js&version=8.6.0&flash=false` },
    { name: 'protocol 4', path: `/app/${KEY}?protocol=4` },
    { name: 'protocol 5, as devices send it', path: `/app/${KEY}?protocol=5` },
    { name: 'no protocol', path: `/app/${KEY}` },
    { name: 'an empty protocol', path: `/app/${KEY}?protocol=` },
    { name: 'a key that is percent-encoded', path: `/app/${KEY.replaceAll('-', '%2D')}` },
    { name: 'unknown parameters', path: `/app/${KEY}?protocol=7&x=1&client[]=2&%zz` },
  ]
  test.each(ACCEPTED)('is said to $name', async ({ path }) => {
    await using server = await start()
    await using client = await server.raw({ path })
    expect(client.socketId).toMatch(/^\d+\.\d+$/)
  })

  test('is said behind the path prefix of the settings', async () => {
    await using server = await start({ config: { pathPrefix: '/realtime' } })
    await using client = await server.raw({ path: `/realtime/app/${KEY}?protocol=7` })
    expect(client.socketId).not.toBe('')
    await using stray = await server.raw({ path: `/app/${KEY}?protocol=7`, hello: false })
    expect(await stray.closing()).toEqual({
      code: 4005,
      reason: `Path /app/${KEY} is not below /realtime`,
    })
    expect((await server.http('/apps/1/channels')).status).toBe(404)
  })

  test('answers the first of the offered subprotocols', async () => {
    await using server = await start()
    await using client = await server.raw({ protocols: ['arduino', 'other'] })
    expect(client.socket.protocol).toBe('arduino')
  })
})

describe('refusals upgrade, say their code and close', () => {
  const DISABLED: StartOptions = { limits: { maxConnectionsPerApp: 1 } }
  const REFUSALS: readonly (RawOptions & {
    readonly name: string
    readonly code: number
    readonly message: string
    readonly options?: StartOptions
    readonly after?: boolean
  })[] = [
    {
      name: 'unknown key',
      path: '/app/nobody?protocol=7',
      code: 4001,
      message: 'App key nobody does not exist',
    },
    {
      name: 'no key',
      path: '/app/?protocol=7',
      code: 4005,
      message: 'Path /app/ not found; connect to /app/KEY',
    },
    {
      name: 'a path below the key',
      path: `/app/${KEY}/x`,
      code: 4005,
      message: `Path /app/${KEY}/x not found; connect to /app/KEY`,
    },
    {
      name: 'another path',
      path: '/elsewhere',
      code: 4005,
      message: 'Path /elsewhere not found; connect to /app/KEY',
    },
    {
      name: 'protocol 3',
      path: `/app/${KEY}?protocol=3`,
      code: 4007,
      message: 'Protocol 3 is not supported; 4 to 7 are',
    },
    {
      name: 'protocol 8',
      path: `/app/${KEY}?protocol=8`,
      code: 4007,
      message: 'Protocol 8 is not supported; 4 to 7 are',
    },
    {
      name: 'a protocol of letters',
      path: `/app/${KEY}?protocol=abc`,
      code: 4006,
      message: "Protocol 'abc' is not a number",
    },
    {
      name: 'an app over its quota',
      code: 4004,
      message: 'App is over its limit of 1 connections (maxConnectionsPerApp)',
      options: DISABLED,
      after: true,
    },
    {
      name: 'a server over its capacity',
      code: 4100,
      message: 'Server is over its capacity of 1 connections (CARILLON_MAX_CONNECTIONS)',
      options: { config: { maxConnections: 1 } },
      after: true,
    },
  ]
  test.each(REFUSALS)(
    '$name: $code',
    async ({ code, message, options = {}, after = false, ...raw }) => {
      await using server = await start(options)
      await using first = after ? await server.raw() : undefined
      await using client = await server.raw({ ...raw, hello: false })
      expect(await client.next()).toBe(makeErrorFrame(code, message))
      expect(await client.closing()).toEqual({ code, reason: message })
      expect(server.core.hub.connectionCount).toBe(after ? 1 : 0)
      await first?.expectNothing()
    },
  )

  test('a place is free again when its connection has left', async () => {
    await using server = await start({ limits: { maxConnectionsPerApp: 1 } })
    const first = await server.raw()
    first.socket.close()
    await first.closing()
    await using second = await server.raw()
    await second.expectNothing()
  })

  test('pusher-js takes an unknown key as final', async () => {
    await using server = await start()
    await using stranger = server.pusher({ key: 'nobody' })
    const error = await stranger.errors.next('the error')
    expect(JSON.stringify(error)).toContain('"code":4001')
    await stranger.state('disconnected')
  })

  test('an upgrade with a Host header that is none is answered like any other', async () => {
    await using server = await start({ apps: [{ id: '7', key: 'k7', secret: 's7' }] })
    await using client = await server.raw({ headers: { host: 'a b' } })
    await client.expectNothing()
    expect(server.core.counters.faults).toBe(0)
  })

  test('a request that is no handshake gets a 4xx and harms nobody', async () => {
    await using server = await start()
    await using client = await server.raw()
    const response = await server.http(`/app/${KEY}`, { headers: { upgrade: 'websocket' } })
    expect(response.status).toBe(400)
    expect((await server.http(`/app/${KEY}`)).status).toBe(426)
    await client.expectNothing()
  })
})

describe('pings', () => {
  test.each([
    '{"event":"pusher:ping","data":{}}',
    '{"event":"pusher:ping"}',
    '{"event":"pusher:ping","data":"x"}',
  ])('%s is answered at once', async (ping) => {
    await using server = await start()
    await using client = await server.raw()
    client.send(ping)
    expect(await client.next()).toBe(PONG)
  })

  test('a pong is taken in silence', async () => {
    await using server = await start()
    await using client = await server.raw()
    client.send(PONG)
    await client.expectNothing()
  })
})

describe('silence', () => {
  const QUICK = { config: { activityTimeoutSeconds: 20, pongTimeoutSeconds: 10 } }

  test('a client that says nothing is pinged on its wire', async () => {
    await using server = await start(QUICK)
    await using client = await server.raw()
    server.advance(20_000)
    await client.expectNothing()
    server.advance(25_000)
    expect(await client.next('a ping')).toBe('{"event":"pusher:ping","data":"{}"}')
  })

  test('one that does not answer is closed with 4201', async () => {
    await using server = await start(QUICK)
    await using client = await mute(server.port)
    await client.ready
    server.advance(25_000)
    server.advance(10_000)
    expect(await client.closeCode).toBe(4201)
    expect(server.totals.silentClosed).toBe(1)
    expect(server.core.hub.connectionCount).toBe(0)
  })

  test('one that answers native pings only stays', async () => {
    await using server = await start(QUICK)
    await using client = await server.raw()
    for (let round = 0; round < 3; round++) {
      server.advance(25_000)
      expect(await client.next('a ping')).toBe('{"event":"pusher:ping","data":"{}"}')
      await client.expectNothing() // its pong came before this ping of ours
    }
    server.advance(10_000)
    await client.expectNothing()
  })

  test('pusher-js answers the ping and stays connected', async () => {
    await using server = await start(QUICK)
    await using client = server.pusher()
    await client.subscribe('room')
    const before = server.totals.messagesReceived
    server.advance(25_000)
    while (server.totals.messagesReceived === before) await turn()
    server.advance(10_000)
    await server.sdk().trigger('room', 'still-here', '')
    expect((await client.nextEvent()).event).toBe('still-here')
  })
})

/** One turn of the event loop: lets sockets be read, waits for no time. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A TCP peer that shakes hands and then never answers anything, not even a native ping. */
async function mute(port: number) {
  const opened = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<number>()
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open(peer) {
        peer.write(handshakeOf(KEY))
      },
      data(_, bytes) {
        if (bytes.includes('connection_established')) opened.resolve()
        const close = bytes.indexOf(0x88) // the close frame: opcode 8, then length and code
        if (close !== -1 && bytes.length >= close + 4) closed.resolve(bytes.readUInt16BE(close + 2))
      },
    },
  })
  return {
    ready: opened.promise,
    closeCode: closed.promise,
    async [Symbol.asyncDispose]() {
      socket.end()
    },
  }
}
