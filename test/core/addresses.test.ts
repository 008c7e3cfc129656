/** What one address may hold, and one app: by real sockets, behind a proxy that is trusted. */
import { describe, expect, test } from 'bun:test'
import { quotaKeyOf } from '../../src/core/addresses'
import { OWN_APP, start, type TestServer } from '../harness'
import { KEY } from '../phoenix'
import * as longPoll from '../transports/longpoll-client'
import { XhrClient } from '../transports/xhr-client'

const COUNTED: readonly (readonly [address: string, as: string | undefined])[] = [
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::ffff:cb00:7107', '203.0.113.7'],
  ['64:ff9b::203.0.113.7', '203.0.113.7'],
  ['64:ff9b::cb00:7108', '203.0.113.8'],
  ['64:ff9b:1::cb00:7107', '64:ff9b:1:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['172.15.255.255', '172.15.255.255'],
  ['172.32.0.0', '172.32.0.0'],
  ['100.63.255.255', '100.63.255.255'],
  ...[
    '',
    'unknown',
    '127.0.0.1',
    '127.255.255.255',
    '10.0.0.1',
    '172.16.0.0',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.0.1',
    '100.64.0.1',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:a00:1',
    'fd00::1',
    'fe80::1%eth0',
  ].map((address) => [address, undefined] as const),
]

test.each(COUNTED)('the address %p is counted as %p', (address, as) => {
  expect(quotaKeyOf(address)).toBe(as as never)
})

/** Behind a proxy no credentials are published: an app with the key that clients here use. */
const PROXIED = {
  config: { trustedProxies: ['127.0.0.1'] },
  apps: [{ ...OWN_APP, key: 'test-app-fake-key' }],
}
const from = (address: string) => ({ 'x-forwarded-for': address })

/** How each transport connects. Resolves with its hello, or the refusal. */
const TRANSPORTS: Readonly<
  Record<string, { over: unknown; connect: (server: TestServer, ip: string) => Promise<unknown> }>
> = {
  'a WebSocket of Pusher': {
    over: 4100,
    connect: async (server, ip) => {
      const client = await server.raw({ hello: false, headers: from(ip) })
      const { event, data } = await client.nextJson()
      return event === 'pusher:error' ? (data as { code: number }).code : 'in'
    },
  },
  'a WebSocket of Phoenix': {
    over: 403,
    connect: async (server, ip) => {
      const upgrade = { connection: 'upgrade', upgrade: 'websocket' }
      const key = { 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' }
      const headers = { ...from(ip), ...upgrade, ...key }
      const { status } = await server.http(`/socket/websocket?${KEY}&vsn=2.0.0`, { headers })
      return status === 101 ? 'in' : status
    },
  },
  'a session of pusher-js’ fallback': {
    over: 4100,
    connect: async (server, ip) => {
      const lines = await new XhrClient(server, { headers: from(ip) }).poll()
      return lines.join().includes('c[4100,') ? 4100 : 'in' // a socket id may have the digits, too
    },
  },
  'a session of the long-poll': {
    over: 403,
    connect: async (server, ip) => {
      const { status } = await longPoll.request(server, { headers: from(ip) })
      return status === 410 ? 'in' : status
    },
  },
}

describe.each(Object.entries(TRANSPORTS))('%s', (_, { over, connect }) => {
  test('is refused where its address has too many, and no other address is', async () => {
    await using server = await start({ ...PROXIED, limits: { maxConnectionsPerAddress: 2 } })
    const ipv6 = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8:0:1::1']
    expect(await Promise.all(ipv6.slice(0, 2).map((ip) => connect(server, ip)))).toEqual([
      'in',
      'in',
    ])
    expect(await connect(server, ipv6[2]!)).toBe(over)
    expect(await connect(server, ipv6[3]!)).toBe('in')
    for (let n = 0; n < 3; n++) expect(await connect(server, '10.0.0.1')).toBe('in')
  })
})

test('what has gone makes room, and nothing is kept of who has left', async () => {
  await using server = await start({ ...PROXIED, limits: { maxConnectionsPerAddress: 1 } })
  const { core } = server
  const open = (hello = true) => server.raw({ headers: from('203.0.113.7'), hello })
  for (let n = 0; n < 3; n++) {
    await using client = await open()
    await using refused = await open(false)
    expect(await refused.next()).toContain('CARILLON_MAX_CONNECTIONS_PER_ADDRESS')
    expect((await refused.closing()).code).toBe(4100)
    client.socket.close()
    await client.closed
    while (core.addresses.size > 0) await new Promise<void>((resolve) => setImmediate(resolve))
  }
})

test('the connections of an address have so many subscriptions, of one channel too; who leaves makes room', async () => {
  await using server = await start({ ...PROXIED, limits: { maxSubscriptionsPerAddress: 2 } })
  const open = (ip: string) => server.raw({ headers: from(ip) })
  const [one, two, other] = [
    await open('2001:db8::1'),
    await open('2001:db8::2'),
    await open('2001:db8:0:1::1'),
  ]
  await one.subscribed('a')
  await two.subscribed('a')
  const refusedIn = async (channel: string) => {
    two.send({ event: 'pusher:subscribe', data: { channel } })
    return two.next(`the refusal of ${channel}`)
  }
  expect(await refusedIn('b')).toContain('CARILLON_MAX_SUBSCRIPTIONS_PER_ADDRESS')
  await two.next('the error')
  await other.subscribed('b')
  one.send({ event: 'pusher:unsubscribe', data: { channel: 'a' } })
  await one.heard()
  await two.subscribed('b')
  one.socket.close()
  two.socket.close()
  other.socket.close()
  const { byAddress } = server.core.hub
  while (byAddress.size > 0) await new Promise<void>((resolve) => setImmediate(resolve))
})

describe('an app', () => {
  test('has so many channels, and who comes into one that is there is welcome', async () => {
    await using server = await start({ limits: { maxChannelsPerApp: 2 } })
    const [one, two] = [await server.raw(), await server.raw()]
    await one.subscribed('a')
    await one.subscribed('b')
    two.send({ event: 'pusher:subscribe', data: { channel: 'c' } })
    const { event, data } = await two.nextJson()
    expect([event, (data as { type: string }).type]).toEqual([
      'pusher:subscription_error',
      'LimitReached',
    ])
    await two.next('the error')
    await two.subscribed('a')
    one.send({ event: 'pusher:unsubscribe', data: { channel: 'b' } })
    await one.heard()
    await two.subscribed('c')
  })

  test.each(['a session of pusher-js’ fallback', 'a session of the long-poll'])(
    'has so many sessions that are fetched: %s',
    async (name) => {
      const { over, connect } = TRANSPORTS[name]!
      await using server = await start({ ...PROXIED, limits: { maxPullSessionsPerApp: 1 } })
      expect(await connect(server, '')).toBe('in')
      expect(await connect(server, '')).toBe(over)
      await using socket = await server.raw()
      await socket.expectNothing()
      server.advance(20_000)
      await server.waitForConnections(1)
      expect(await connect(server, '')).toBe('in')
    },
  )
})
