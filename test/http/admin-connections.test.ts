/** Connections of an app for its operators: a page, one, and the end of one. */
import { describe, expect, test } from 'bun:test'
import { start, startCommon, type RawClient, type TestServer } from '../harness'
import { connectPhoenix, KEY } from '../phoenix'
import { connectSignedIn } from '../protocols/signed-in'
import { bearer, makeToken } from '../tokens'
import { XhrClient } from '../transports/xhr-client'
import { requestAdmin } from './admin-requests'

type Row = { readonly socket_id: string } & Readonly<Record<string, unknown>>
type Page = { readonly data: readonly Row[]; readonly next: string | null }

async function list(server: TestServer, query = '', slug = 'test-app'): Promise<Page> {
  const { status, body } = await requestAdmin(server, 'GET', `/${slug}/connections${query}`)
  expect(status).toBe(200)
  return body as Page
}

const idsOf = ({ data }: Page): string[] => data.map((row) => row.socket_id)

async function show(server: TestServer, { socketId }: { readonly socketId: string }) {
  const path = `/test-app/connections/${socketId}`
  return (await requestAdmin(server, 'GET', path)).body.data as Row
}

const end = (server: TestServer, socketId: string, query = '', slug = 'test-app') =>
  requestAdmin(server, 'DELETE', `/${slug}/connections/${socketId}${query}`)

test('tells since when and from where it is, what its client is, as whom, and in which channels', async () => {
  await using server = await start()
  const { clock } = server
  const headers = { 'user-agent': 'sensor/2' }
  const at = clock.now()
  const path = `/app/${server.app.key}?protocol=7&client=esp&version=1.2`
  await using device = await server.raw({ path, headers })
  server.advance(1000)
  await using ada = await connectSignedIn(server, '{"id":"7","user_info":{"n":1.0}}')
  await server.signedIn(ada, 'presence-room', { user_id: '8' })
  await ada.subscribed('room')
  server.advance(1000)
  const fallback = await new XhrClient(server).open()
  const node = server.core.about.name
  const common = { address: '127.0.0.1', protocol: 'pusher', waiting_bytes: 0, node }
  const nobody = { user_id: null, channel_count: 0 }
  const rows: readonly Row[] = [
    {
      socket_id: fallback.socketId,
      since: Math.round(at + 2000),
      ...common,
      transport: 'http',
      client: 'js',
      client_version: '8.6.0',
      user_agent: `Bun/${Bun.version}`,
      ...nobody,
    },
    {
      socket_id: ada.socketId,
      since: Math.round(at + 1000),
      ...common,
      transport: 'websocket',
      client: 'test',
      client_version: '1',
      user_agent: null,
      user_id: '7',
      channel_count: 2,
    },
    {
      socket_id: device.socketId,
      since: Math.round(at),
      ...common,
      transport: 'websocket',
      client: 'esp',
      client_version: '1.2',
      user_agent: 'sensor/2',
      ...nobody,
    },
  ]
  expect(await list(server)).toEqual({ data: rows, next: null })
  expect(await list(server, '?channel=room')).toEqual({ data: rows.slice(1, 2), next: null })
  expect(await list(server, '?user=7')).toEqual({ data: rows.slice(1, 2), next: null })
  expect(await list(server, '?user=7&channel=room')).toEqual({ data: rows.slice(1, 2), next: null })
  for (const query of ['?user=8', '?user=7&channel=other', '?channel=%23a%00%20'])
    expect(await list(server, query)).toEqual({ data: [], next: null })
  const channels = [
    { name: 'presence-room', user_id: '8' },
    { name: 'room', user_id: null },
  ]
  expect(await show(server, ada)).toEqual({ ...rows[1]!, channels, user_info: { n: 1 } })
  expect(await show(server, device)).toMatchObject({ channels: [], user_info: null })
})

test('what a client says of itself is cut, and as much as nothing is none', async () => {
  await using server = await start()
  const long = (letter: string) => letter.repeat(4000)
  const path = `/app/${server.app.key}?protocol=7&client=${long('c')}&version=${long('v')}`
  await using loud = await server.raw({ path, headers: { 'user-agent': long('u') } })
  expect(await show(server, loud)).toMatchObject({
    client: 'c'.repeat(64),
    client_version: 'v'.repeat(32),
    user_agent: 'u'.repeat(256),
  })
  await using silent = await server.raw({ path: `/app/${server.app.key}` })
  expect(await show(server, silent)).toMatchObject({ client: null, user_agent: null })
})

test('pages stay right while connections come and go', async () => {
  await using server = await start()
  const clients: RawClient[] = []
  // Two of each moment: an order by time alone would not hold.
  for (let n = 0; n < 10; n++) {
    clients.push(await server.raw())
    if (n % 2 === 1) server.advance(1)
  }
  const all = idsOf(await list(server))
  const seen: string[] = []
  let page = await list(server, '?limit=3')
  const leave = async (id: string | undefined): Promise<void> => {
    await clients.find(({ socketId }) => socketId === id)![Symbol.asyncDispose]()
  }
  seen.push(...idsOf(page))
  await leave(seen.at(-1)) // the one that the cursor names
  await leave(all[4])
  await server.waitForConnections(8)
  clients.push(await server.raw())
  while (page.next !== null) {
    page = await list(server, `?limit=3&cursor=${encodeURIComponent(page.next)}`)
    seen.push(...idsOf(page))
  }
  expect(seen).toEqual(all.filter((id) => id !== all[4]))
})

describe('the end of one', () => {
  test.each([
    ['', 4009, 'You got disconnected by the app.'],
    ['?reconnect=false', 4009, 'You got disconnected by the app.'],
    ['?reconnect=true', 4200, 'Please reconnect'],
  ])('%p closes with %i, once, and is audited', async (query, code, reason) => {
    await using server = await start()
    await using other = await server.raw()
    await using ada = await connectSignedIn(server, '{"id":"7"}')
    expect((await end(server, ada.socketId, query)).status).toBe(204)
    expect(await ada.closing()).toEqual({ code, reason })
    expect((await end(server, ada.socketId)).status).toBe(404)
    const audit = (await (await server.admin('/api/admin/audit')).json()) as { data: object[] }
    expect(audit.data).toMatchObject([
      {
        action: 'connection.closed',
        app_id: '1',
        target: ada.socketId,
        before: { address: '127.0.0.1', user_id: '7' },
        after: null,
      },
    ])
    await other.expectNothing()
  })

  test('where it names no app it leaves the channels of this one, and stays in those of others', async () => {
    await using server = await start()
    server.addTenant()
    await using both = await connectPhoenix(server)
    await both.join('public:test-app')
    await both.join('public:other')
    const [{ socket_id: id }] = (await list(server)).data as [Row]
    expect(idsOf(await list(server, '', 'other'))).toEqual([id])
    expect(await show(server, { socketId: id })).toMatchObject({
      channel_count: 1,
      channels: [{ name: 'public:test-app' }],
    })
    expect((await end(server, id)).status).toBe(204)
    expect((await both.next()).slice(2, 4)).toEqual(['public:test-app', 'phx_close'])
    expect(await list(server)).toEqual({ data: [], next: null })
    expect(idsOf(await list(server, '', 'other'))).toEqual([id])
  })

  test('a thousand at once', async () => {
    await using server = await start()
    const clients = await Promise.all(Array.from({ length: 100 }, () => server.raw()))
    const ends = Array.from({ length: 1000 }, (_, n) => end(server, clients[n % 100]!.socketId))
    const statuses = (await Promise.all(ends)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 204)).toHaveLength(100)
    expect(statuses.filter((status) => status === 404)).toHaveLength(900)
    const codes = await Promise.all(clients.map((client) => client.closing()))
    expect(new Set(codes.map(({ code }) => code))).toEqual(new Set([4009]))
    expect(await list(server)).toEqual({ data: [], next: null })
  })
})

test('those of another app are not there, whoever asks, and whatever the id is', async () => {
  await using server = await start()
  server.addTenant()
  await using mine = await server.raw()
  await using _phoenix = (await connectPhoenix(server, { query: KEY })).client
  expect((await list(server)).data).toHaveLength(2)
  expect(await list(server, '', 'other')).toEqual({ data: [], next: null })
  const { token } = await makeToken(server, { name: 'of 8', scope: 'app:8' })
  const headers = bearer(token)
  const odd = ['%00', '..%2f', '1.2', '__proto__', 'x'.repeat(5000), encodeURIComponent('1.2\n')]
  for (const method of ['GET', 'DELETE']) {
    for (const id of [...odd, mine.socketId]) {
      expect((await requestAdmin(server, method, `/other/connections/${id}`)).status).toBe(404)
      const path = `/test-app/connections/${id}`
      expect((await requestAdmin(server, method, path, { headers })).status).toBe(404)
    }
  }
  await mine.expectNothing()
  const { next } = await list(server, '?limit=1')
  const cursor = encodeURIComponent(next!) // of another app: a place, which shows nothing
  expect(await list(server, `?cursor=${cursor}`, 'other')).toEqual({ data: [], next: null })
})

const common = startCommon()

test.each([
  ['limit=0', { limit: ['is 0; expected a number from 1 to 500'] }],
  ['limit=501', { limit: ['is 501; expected a number from 1 to 500'] }],
  ['limit=1e2', { limit: ['is 1e2; expected a number from 1 to 500'] }],
  ['cursor=x', { cursor: ['is x; expected the next of a page'] }],
  ['cursor=1:2', { cursor: ['is 1:2; expected the next of a page'] }],
])('a list with %s says what is wrong', async (query, errors) => {
  const path = `/test-app/connections?${query}`
  const { status, body } = await requestAdmin(common(), 'GET', path)
  expect({ status, body }).toEqual({ status: 422, body: { errors } })
})
