/** What a local request is, and what it must not be: the function alone. */
import { describe, expect, test } from 'bun:test'
import { connect, createServer, type AddressInfo } from 'node:net'
import { Addresses } from '../../src/http/address'
import {
  Locality,
  NON_LOCAL_RULES,
  nonLocalReason,
  type RequestSource,
  type LocalityRules,
} from '../../src/http/local'
import type { Log } from '../../src/core/types'
import { ownerIn, SocketOwners } from '../../src/http/socket-owner'

type Given = {
  readonly address?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly user?: ReturnType<RequestSource['user']>
  readonly rules?: Partial<LocalityRules>
}

/** The row that is strange about a request that is local but for what is given. */
function strangeRow({ address = '127.0.0.1', headers = {}, user = 1000, rules = {} }: Given) {
  const source = {
    address,
    headers: new Headers({ host: 'localhost:6001', ...headers }),
    user: () => user,
  }
  const whole: LocalityRules = { hosts: ['myapp.test'], users: [0, 1000], origins: [], ...rules }
  const row = NON_LOCAL_RULES.find(({ reason }) => reason(source, whole) !== undefined)
  expect(nonLocalReason(source, whole) === undefined).toBe(row === undefined)
  return row?.name
}

const HOSTS: readonly (readonly [host: string, isLocal: boolean])[] = [
  ['localhost', true],
  ['localhost:6001', true],
  ['localhost:5173', true],
  ['LOCALHOST', true],
  ['localhost.', true],
  ['localhost.:80', true],
  ['a.b-c.localhost', true],
  ['127.0.0.1', true],
  ['127.0.0.1:80', true],
  ['127.8.9.10', true],
  ['[::1]', true],
  ['[::1]:6001', true],
  ['myapp.test', true],
  ['MyApp.test:443', true],
  ['', false],
  ['evil.example:6001', false],
  ['localhost.evil.example', false],
  ['evil-localhost', false],
  ['127.0.0.1.evil.example', false],
  ['127.0.0.1.nip.io', false],
  ['127.1', false],
  ['0.0.0.0', false],
  ['[::]', false],
  ['[::ffff:127.0.0.1]', false],
  ['::1', false],
  ['10.0.0.1', false],
  ['sub.myapp.test', false],
  ['localhost, evil.example', false],
  ['localhost, localhost', false],
  ['localhost@evil.example', false],
  ['localhost/', false],
  ['a b', false],
]
test.each(HOSTS)('the host %j is local: %p', (host, isLocal) => {
  expect(strangeRow({ headers: { host } })).toBe(isLocal ? undefined : 'host')
})

test('without a host, as in HTTP/1.0, nothing is', () => {
  const source = { address: '127.0.0.1', headers: new Headers(), user: () => 0 }
  expect(nonLocalReason(source, { hosts: [], users: [0], origins: [] })?.message).toContain(
    'asks for no host',
  )
})

const ROWS: readonly (readonly [name: string, given: Given, row: string | undefined])[] = [
  ['nothing', {}, undefined],
  ['another loopback address', { address: '127.4.5.6' }, undefined],
  ['that of IPv6', { address: '::1' }, undefined],
  ['an address of the network', { address: '192.168.0.7' }, 'address'],
  ['an address of IPv6', { address: 'fe80::1' }, 'address'],
  ['a socket that is gone', { address: '' }, 'address'],
  ['root’s process', { user: 0 }, undefined],
  ['a proxy’s process', { user: 33 }, 'user'],
  ['a process that should be told and is not', { user: 'unknown' }, 'user'],
  ['a system that tells of no process', { user: 'unsupported' }, undefined],
  ['a page of our own', { headers: { 'sec-fetch-site': 'same-origin' } }, undefined],
  ['what is typed into a browser', { headers: { 'sec-fetch-site': 'none' } }, undefined],
  ['our own origin', { headers: { origin: 'http://localhost:6001' } }, undefined],
  ['a page of another site', { headers: { 'sec-fetch-site': 'cross-site' } }, 'page'],
  ['a page on another port', { headers: { 'sec-fetch-site': 'same-site' } }, 'page'],
  ['a foreign origin', { headers: { origin: 'https://evil.example' } }, 'page'],
  ['the origin of a file', { headers: { origin: 'null' } }, 'page'],
  [
    'a foreign origin where pages may ask',
    { headers: { origin: 'https://a.example' }, rules: { origins: 'any' } },
    undefined,
  ],
  [
    'an origin that the admin has named',
    { headers: { origin: 'https://a.example' }, rules: { origins: ['https://a.example'] } },
    undefined,
  ],
]
test.each(ROWS)('%s', (_, given, row) => {
  expect(strangeRow(given)).toBe(row)
})

const FORWARDED =
  `x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port x-forwarded-prefix
  x-forwarded-server x-forwarded x_forwarded_for forwarded via x-real-ip x_real_ip x-client-ip x-cluster-client-ip
  client-ip true-client-ip cf-connecting-ip cf-connecting-ipv6 cf-ray cdn-loop fastly-client-ip fly-client-ip
  do-connecting-ip x-original-host x-original-forwarded-for x-envoy-external-address x-azure-clientip
  x-forward-for x-nginx-proxy x-scheme x-url-scheme x-host x-remote-ip x-remote-addr x-proxyuser-ip proxy-client-ip
  wl-proxy-client-ip x-rewrite-url x-amzn-trace-id x-arr-log-id x-varnish x-vercel-id tailscale-user-login`.split(
    /\s+/,
  )
test.each(FORWARDED)('what %s says is forwarded, empty or not', (name) => {
  for (const value of ['', '127.0.0.1'])
    expect(strangeRow({ headers: { [name]: value } })).toBe('forwarded')
})

const INNOCENT =
  `accept authorization content-type cookie connection user-agent x-request-id x-requested-with
  x-socket-id x-pusher-library upgrade sec-websocket-key forward viability proxy-connection client`.split(
    /\s+/,
  )
test.each(INNOCENT)('%s says nothing of a proxy', (name) => {
  expect(strangeRow({ headers: { [name]: 'x' } })).toBeUndefined()
})

test('the text says what is strange and names the settings', () => {
  const findRefusal = (given: Given) =>
    nonLocalReason(
      {
        address: given.address ?? '127.0.0.1',
        headers: new Headers({ host: 'localhost', ...given.headers }),
        user: () => given.user ?? 0,
      },
      { hosts: [], users: [0], origins: [] },
    )?.message
  expect(findRefusal({ headers: { 'x-real-ip': '1' } })).toMatch(
    /x-real-ip.*CARILLON_TRUSTED_PROXIES/,
  )
  expect(findRefusal({ headers: { host: 'evil.example' } })).toMatch(
    /evil.example.*CARILLON_LOCAL_HOSTS/,
  )
  expect(findRefusal({ user: 33 })).toMatch(/user \(33\).*PUSHER_APP_SECRET.*PUSHER_ADMIN_PASSWORD/)
})

test('whoever has left before the answer is refused, and is no problem to report', () => {
  const warned: unknown[] = []
  const log = { warn: (line: unknown) => warned.push(line) } as unknown as Log
  const addresses = new Addresses([], log) // has no socket of any request
  const locality = new Locality({ addresses, hosts: [], host: '127.0.0.1', log })
  const refused = locality.checkRequest(new Request('http://localhost:6001/'))
  expect(refused?.code).toBe('not_local')
  expect([...locality.brokenRules, ...warned]).toEqual([])
})

describe('whose process it is', () => {
  const LIST = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1771 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 225635 1 0 100 0 0 10 0
   1: 0100007F:1771 0100007F:A1B2 01 00000000:00000000 00:00000000 00000000  1000        0 225640 1 0 20 4 1 10 -1
   2: 0100007F:A1B2 0100007F:1771 01 00000000:00000000 00:00000000 00000000    33        0 225641 1 0 20 4 1 10 -1
   3: 0100007F:A1B2 0100007F:1772 01 00000000:00000000 00:00000000 00000000  1001        0 225642 1 0 20 4 1 10 -1
   4: 0100007F:A1B3 0100007F:1771 06 00000000:00000000 03:00000F2B 00000000     0        0 0 3 0
`
  const LIST6 = `  sl  local_address                         remote_address                        st
   1: 00000000000000000000000001000000:A1B2 00000000000000000000000001000000:1771 01 0:0 00:0 0 1000        0 7 1
   2: 0000000000000000FFFF00000100007F:A1B4 0000000000000000FFFF00000100007F:1771 01 0:0 00:0 0 1002        0 8 1
`
  const ends = (port: number, address = '127.0.0.1') => ({
    peer: { address, port },
    own: { address, port: 6001 },
  })
  test('is the user of the client’s end, in the list of sockets', () => {
    expect(ownerIn(LIST, ends(0xa1b2), false)).toBe(33)
    expect(ownerIn(LIST6, ends(0xa1b2, '::1'), true)).toBe(1000)
    expect(ownerIn(LIST6, ends(0xa1b4), true)).toBe(1002)
  })

  test('is nobody’s where it is over, or not in the list', () => {
    expect(ownerIn(LIST, ends(0xa1b3), false)).toBeUndefined()
    expect(ownerIn(LIST, ends(0xa1b5), false)).toBeUndefined()
  })

  // Linux only: elsewhere nothing is told.
  test.skipIf(process.platform !== 'linux').each(['127.0.0.1', '127.3.2.1', '::1'])(
    'as the system tells it, for %s',
    async (hostname) => {
      const owners = new SocketOwners()
      let over: Parameters<SocketOwners['of']>[0] | undefined
      using server = Bun.serve({
        port: 0,
        hostname,
        fetch(request, listening) {
          const { address, port } = listening.requestIP(request)!
          over = { peer: { address, port }, own: { address: hostname, port: listening.port! } }
          return Response.json(owners.of(over))
        },
      })
      const host = hostname.includes(':') ? `[${hostname}]` : hostname
      const headers = { connection: 'close' }
      const answer = await fetch(`http://${host}:${server.port}/`, { headers })
      expect(await answer.json()).toBe(process.getuid!())
      // A port that is listened on is no client, and one that nobody has neither.
      expect(owners.of({ peer: over!.own, own: { ...over!.own, port: 1 } })).toBe('unknown')
      expect(owners.of({ ...over!, peer: { ...over!.peer, port: 1 } })).toBe('unknown')
      owners.close()
    },
  )

  test.skipIf(process.platform !== 'linux')('is nobody’s once the client has closed', async () => {
    const owners = new SocketOwners()
    const accepted = Promise.withResolvers<number>()
    const ended = Promise.withResolvers<void>()
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      accepted.resolve(socket.remotePort!)
      socket.resume().on('end', ended.resolve)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const client = connect(port, '127.0.0.1')
    const [address, peerPort] = ['127.0.0.1', await accepted.promise]
    const between = { peer: { address, port: peerPort }, own: { address, port } }
    expect(owners.of(between)).toBe(process.getuid!())
    client.destroy()
    await ended.promise // what is left of the client is the kernel's, and said to be root's
    expect(owners.of(between)).toBe('unknown')
    server.close()
    owners.close()
  })
})
