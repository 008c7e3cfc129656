/** rate-limit on arrival: how often one address may connect, and which address that is. */
import { describe, expect, test } from 'bun:test'
import { rateLimit, type RateLimitOptions } from '../../plugins/rate-limit'
import { OWN_APP, start, type TestServer } from '../harness'

/** Behind a trusted proxy that sends whatever address the test wants. */
const behindProxy = (options: RateLimitOptions) =>
  start({ plugins: [rateLimit(options)], config: { trustedProxies: ['127.0.0.1'] } })

const ONE = { connects: { perMinute: 1 } } as const

/** `hello`, or the close code. */
async function outcome(server: TestServer, forwardedFor?: string): Promise<string | number> {
  const headers: Record<string, string> =
    forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
  await using client = await server.raw({ headers, hello: false })
  const frame = await client.nextJson()
  if (frame.event === 'pusher:connection_established') return 'hello'
  return (await client.closing()).code
}

describe('connects', () => {
  test('past the limit the client is told why and closed with 4100; time lets it in again', async () => {
    await using server = await start({ plugins: [rateLimit({ ...ONE, exempt: [] })] })
    expect(await outcome(server)).toBe('hello')
    await using client = await server.raw({ hello: false })
    const text = 'Too many connections of one address: the limit is 1 per minute (connects)'
    expect((await client.nextJson()).data).toEqual({ code: 4100, message: text })
    expect(await client.closing()).toEqual({ code: 4100, reason: text })
    server.advance(59_999)
    expect(await outcome(server)).toBe(4100)
    server.advance(1)
    expect(await outcome(server)).toBe('hello')
  })

  test('stock pusher-js backs off, and comes back by itself', async () => {
    await using server = await start({ plugins: [rateLimit({ ...ONE, exempt: [] })] })
    await outcome(server)
    await using client = server.pusher()
    expect(await client.errors.next()).toMatchObject({ error: { data: { code: 4100 } } })
    server.advance(60_000)
    await client.state('connected')
    expect((await client.subscribe('room')).subscribed).toBe(true)
  })

  test('by default a fleet of 1000 behind one address is back at once', async () => {
    await using server = await behindProxy({})
    const headers = { 'x-forwarded-for': '203.0.113.9' }
    const wave = Array.from({ length: 1000 }, () => server.raw({ headers, hello: false }))
    const clients = await Promise.all(wave)
    const hellos = await Promise.all(clients.map((client) => client.nextJson()))
    expect(new Set(hellos.map(({ event }) => event))).toEqual(
      new Set(['pusher:connection_established']),
    )
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
  })
})

describe('whose connects they are', () => {
  test('every address has its own', async () => {
    await using server = await behindProxy(ONE)
    expect(await outcome(server, '203.0.113.1')).toBe('hello')
    expect(await outcome(server, '203.0.113.2')).toBe('hello')
    expect(await outcome(server, '203.0.113.1')).toBe(4100)
  })

  test('what a client writes before the proxy’s entry is ignored', async () => {
    await using server = await behindProxy(ONE)
    expect(await outcome(server, '198.51.100.1, 203.0.113.1')).toBe('hello')
    expect(await outcome(server, '198.51.100.2, 203.0.113.1')).toBe(4100)
    expect(await outcome(server, '127.0.0.1, 203.0.113.1')).toBe(4100)
  })

  test('without a trusted proxy what it says is not believed', async () => {
    await using server = await start({
      plugins: [rateLimit({ ...ONE, exempt: [] })],
      apps: [OWN_APP],
    })
    expect(await outcome(server, '203.0.113.1')).toBe('hello')
    expect(await outcome(server, '203.0.113.2')).toBe(4100)
  })

  test('an IPv6 client is its network of 64 bits', async () => {
    await using server = await behindProxy(ONE)
    expect(await outcome(server, '2001:db8:1:2::1')).toBe('hello')
    expect(await outcome(server, '2001:db8:1:2:ffff::7')).toBe(4100)
    expect(await outcome(server, '2001:db8:1:3::1')).toBe('hello')
  })

  test('an IPv4 address in an IPv6 one’s dress is the IPv4 address', async () => {
    await using server = await behindProxy(ONE)
    expect(await outcome(server, '203.0.113.1')).toBe('hello')
    expect(await outcome(server, '::ffff:203.0.113.1')).toBe(4100)
    expect(await outcome(server, '::ffff:cb00:7101')).toBe(4100)
    expect(await outcome(server, '64:ff9b::cb00:7101')).toBe(4100)
    expect(await outcome(server, '::ffff:203.0.113.2')).toBe('hello')
    expect(await outcome(server, '64:ff9b::203.0.113.3')).toBe('hello')
  })
})

describe('exempt', () => {
  test.each(['10.1.2.3', '172.31.0.1', '192.168.0.7', '::1', 'fd00::1', 'fe80::1', '100.64.0.1'])(
    'by default %s',
    async (address) => {
      await using server = await behindProxy(ONE)
      for (let n = 0; n < 3; n++) expect(await outcome(server, address)).toBe('hello')
    },
  )

  test.each(['172.32.0.1', '11.0.0.1', '2001:db8::1'])('by default not %s', async (address) => {
    await using server = await behindProxy(ONE)
    expect([await outcome(server, address), await outcome(server, address)]).toEqual([
      'hello',
      4100,
    ])
  })

  test('a list of one’s own replaces the default', async () => {
    await using server = await behindProxy({ ...ONE, exempt: ['203.0.113.0/24', '2001:db8::/32'] })
    for (const address of ['203.0.113.1', '203.0.113.1', '2001:db8::1', '2001:db8::1'])
      expect(await outcome(server, address)).toBe('hello')
    expect([await outcome(server, '10.0.0.1'), await outcome(server, '10.0.0.1')]).toEqual([
      'hello',
      4100,
    ])
  })
})
