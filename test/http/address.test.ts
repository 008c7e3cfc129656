/** The address of a client, by its socket and by headers of proxies, which may be forged. */
import { describe, expect, test } from 'bun:test'
import { Addresses } from '../../src/http/address'
import { MemoryLog } from '../../kit/clock'
import { OWN_APP, start } from '../harness'

/** The address of a request over a socket from `socket`. */
function addressOf(
  trusted: readonly string[],
  socket: string | null,
  forwardedFor?: string,
): string {
  const addresses = new Addresses(trusted, new MemoryLog())
  addresses.server = {
    requestIP: () => (socket === null ? null : { address: socket, family: 'IPv4', port: 1 }),
    timeout: () => undefined,
    port: 6001,
    pendingRequests: 0,
  }
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
  return addresses.of(new Request('http://localhost/', { headers }))
}

type Row = readonly [
  name: string,
  trusted: readonly string[],
  socket: string | null,
  told: string | undefined,
  address: string,
]

const PROXY = ['10.0.0.0/8']

const ROWS: readonly Row[] = [
  ['nobody is trusted: the socket’s', [], '203.0.113.1', '198.51.100.1', '203.0.113.1'],
  ['a stranger’s word is not taken', PROXY, '203.0.113.1', '198.51.100.1', '203.0.113.1'],
  ['a proxy’s is', PROXY, '10.0.0.1', '203.0.113.1', '203.0.113.1'],
  ['a proxy that says nothing is the client', PROXY, '10.0.0.1', undefined, '10.0.0.1'],
  ['an empty word is none', PROXY, '10.0.0.1', '', '10.0.0.1'],
  ['two proxies in a row', PROXY, '10.0.0.1', '203.0.113.1, 10.0.0.2', '203.0.113.1'],
  ['spaces do not matter', PROXY, '10.0.0.1', ' 203.0.113.1 ,10.0.0.2 ', '203.0.113.1'],
  [
    'what is left of the client is its own',
    PROXY,
    '10.0.0.1',
    '1.2.3.4, 203.0.113.1',
    '203.0.113.1',
  ],
  ['also where it looks like a proxy', PROXY, '10.0.0.1', '10.0.0.9, 203.0.113.1', '203.0.113.1'],
  [
    'also behind a second proxy',
    PROXY,
    '10.0.0.1',
    '1.2.3.4, 203.0.113.1, 10.0.0.2',
    '203.0.113.1',
  ],
  ['all are proxies: the farthest', PROXY, '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
  ['64 of a row', PROXY, '10.0.0.1', `203.0.113.1${',10.0.0.2'.repeat(63)}`, '203.0.113.1'],
  ['and no more', PROXY, '10.0.0.1', `203.0.113.1${',10.0.0.2'.repeat(64)}`, '10.0.0.2'],
  ['nonsense ends the chain', PROXY, '10.0.0.1', '203.0.113.1, unknown', '10.0.0.1'],
  ['nonsense before a proxy too', PROXY, '10.0.0.1', 'unknown, 10.0.0.2', '10.0.0.2'],
  ['a hole in the list too', PROXY, '10.0.0.1', '203.0.113.1,,10.0.0.2', '10.0.0.2'],
  ['a port is cut off', PROXY, '10.0.0.1', '203.0.113.1:4711', '203.0.113.1'],
  ['an IPv6 address', PROXY, '10.0.0.1', '2001:db8::1', '2001:db8::1'],
  ['in brackets', PROXY, '10.0.0.1', '[2001:db8::1]', '2001:db8::1'],
  ['in brackets, with a port', PROXY, '10.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
  [
    'an IPv4 address in an IPv6 one’s dress',
    PROXY,
    '10.0.0.1',
    '::ffff:203.0.113.1',
    '203.0.113.1',
  ],
  ['the same in brackets', PROXY, '10.0.0.1', '[::FFFF:203.0.113.1]:4711', '203.0.113.1'],
  ['a socket in that dress', PROXY, '::ffff:10.0.0.1', '203.0.113.1', '203.0.113.1'],
  ['a proxy without a network', ['10.0.0.1'], '10.0.0.1', '203.0.113.1', '203.0.113.1'],
  ['its neighbour is a stranger', ['10.0.0.1'], '10.0.0.2', '203.0.113.1', '10.0.0.2'],
  ['an IPv6 network of proxies', ['fd00::/8'], 'fd12::1', '203.0.113.1', '203.0.113.1'],
  ['the last network of several', ['::1', ...PROXY], '10.9.9.9', '203.0.113.1', '203.0.113.1'],
  ['a socket that is gone', PROXY, null, '203.0.113.1', ''],
]

describe('the address of a request', () => {
  test.each(ROWS)('%s', (_, trusted, socket, forwardedFor, address) => {
    expect(addressOf(trusted, socket, forwardedFor)).toBe(address)
  })
})

test('before the server listens there is none', () => {
  expect(new Addresses([], new MemoryLog()).of(new Request('http://localhost/'))).toBe('')
})

test('a proxy that nobody has named is told once; a private client behind a named one is none', async () => {
  const hints: (object[] | undefined)[] = []
  for (const trustedProxies of [[], ['127.0.0.1']]) {
    await using server = await start({ config: { trustedProxies }, apps: [OWN_APP] })
    await using plain = await server.raw()
    await plain.expectNothing()
    const requests = [{ 'x-forwarded-for': '203.0.113.1' }, { 'x-forwarded-for': '10.0.0.1' }]
    for (const headers of requests) await server.raw({ headers })
    hints.push(server.log.lines.filter(({ message }) => message.includes('TRUSTED_PROXIES')))
  }
  const fields = { remoteAddress: '127.0.0.1' }
  expect(hints).toEqual([[expect.objectContaining({ level: 'warn', fields })], []])
})
