/** What happens in an app, live: every kind, filters, bounds, and the end of a stream. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { LIVE_KIND_NAMES, LIVE_KINDS, type LiveKind } from '../../src/http/live-rows'
import { Stream } from './live-stream'
import { start, type TestServer } from '../harness'
import { bearer, makeToken } from '../tokens'
import { Receiver, waitUntil } from '../webhooks/receiver'

let server: TestServer
const hooks = new Receiver()
beforeAll(async () => {
  server = await start({
    config: {
      webhooks: [{ url: `${hooks.url}?key=secret`, event_types: ['channel_occupied'] }],
      webhookFlushMs: 0,
    },
    limits: { maxLiveStreams: 2 },
  })
})
afterAll(async () => {
  await server.stop()
  await hooks[Symbol.asyncDispose]()
})

const LIVE = '/api/admin/apps/test-app/live'

/** A stream whose `hello` was read. */
async function watch(query = '', on = server): Promise<Stream> {
  const stream = new Stream(on, await on.admin(`${LIVE}${query}`))
  expect(await stream.next()).toEqual({
    event: 'hello',
    data: { app: 'test-app', at: expect.any(Number) },
  })
  return stream
}

/** What brings about each kind, and what is shown of it. */
const CASES: Readonly<Record<LiveKind, (stream: Stream) => Promise<readonly [object, object]>>> = {
  connected: async (stream) => {
    await using client = await server.raw()
    const shown = await stream.nextOf('connected')
    return [shown, { socket_id: client.socketId, address: '127.0.0.1', protocol: 'pusher' }]
  },
  disconnected: async (stream) => {
    const client = await server.raw()
    client.socket.close(4999, 'enough')
    await client.closing()
    await waitUntil('it has left', () => server.connectionCount === 0)
    const shown = await stream.nextOf('disconnected')
    return [shown, { socket_id: client.socketId, code: 4999, reason: 'enough', by: 'client' }]
  },
  subscribed: async (stream) => {
    await using client = await server.raw()
    await server.signedIn(client, 'presence-a', { user_id: 'ada' })
    const shown = await stream.nextOf('subscribed')
    return [shown, { socket_id: client.socketId, channel: 'presence-a', user_id: 'ada' }]
  },
  unsubscribed: async (stream) => {
    await using client = await server.raw()
    await client.subscribed('room')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await client.expectNothing()
    const shown = await stream.nextOf('unsubscribed')
    return [shown, { socket_id: client.socketId, channel: 'room' }]
  },
  channel_occupied: async (stream) => {
    await using client = await server.raw()
    await client.subscribed('room')
    return [await stream.nextOf('channel_occupied'), { channel: 'room' }]
  },
  channel_vacated: async (stream) => {
    await using client = await server.raw()
    await client.subscribed('room')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await client.expectNothing()
    return [await stream.nextOf('channel_vacated'), { channel: 'room' }]
  },
  member_added: async (stream) => {
    await using client = await server.raw()
    await server.signedIn(client, 'presence-a', { user_id: 'ada' })
    return [await stream.nextOf('member_added'), { channel: 'presence-a', user_id: 'ada' }]
  },
  member_removed: async (stream) => {
    await using client = await server.raw()
    await server.signedIn(client, 'presence-a', { user_id: 'ada' })
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'presence-a' } })
    await client.expectNothing()
    return [await stream.nextOf('member_removed'), { channel: 'presence-a', user_id: 'ada' }]
  },
  cache_miss: async (stream) => {
    await using client = await server.raw()
    await client.subscribed('cache-a')
    return [await stream.nextOf('cache_miss'), { channel: 'cache-a' }]
  },
  published: async (stream) => {
    await server.trigger({ channel: 'room', name: 'e', data: '{"a":1}' })
    const shown = await stream.nextOf('published')
    return [shown, { channel: 'room', event: 'e', api: 'pusher', bytes: 11, data: '{"a":1}' }]
  },
  client_event: async (stream) => {
    await using client = await server.raw()
    await server.signedIn(client, 'private-a')
    const data = '[1,\r\n\n\r"</script>"]' // line ends would end the row, and begin another
    client.socket.send(`{"event":"client-x","channel":"private-a","data":${data}}`)
    await client.expectNothing()
    const shown = await stream.nextOf('client_event')
    const about = { socket_id: client.socketId, channel: 'private-a', event: 'client-x' }
    return [shown, { ...about, bytes: 19, data: [1, '</script>'] }]
  },
  refused: async (stream) => {
    await using client = await server.raw()
    client.subscribe('private-a', `${server.app.key}:wrong`)
    await client.next('the refusal')
    const shown = await stream.nextOf('refused')
    const { socketId: socket_id } = client
    const message = expect.stringContaining(`${socket_id}:private-a, but got wrong`)
    return [shown, { code: 'auth_signature_invalid', message, socket_id, channel: 'private-a' }]
  },
  slow_reader: async (stream) => {
    const app = server.core.apps.byId('1')!
    server.core.facts.emit({ type: 'cut', app, socketId: '1.1' as never, bytes: 2_000_000 })
    return [await stream.nextOf('slow_reader'), { socket_id: '1.1', unread_bytes: 2_000_000 }]
  },
  webhook: async (stream) => {
    hooks.answer = () => 503
    await using client = await server.raw()
    await client.subscribed('told')
    await hooks.requests.next('a webhook')
    await waitUntil('it is answered', () => server.totals.webhookRequestsFailed > 0)
    const shown = await stream.nextOf('webhook')
    const [status, error] = [503, 'answered 503']
    const endpoint = `${hooks.url}?key=***`
    return [shown, { endpoint, events: 1, status, error, duration_ms: 0 }]
  },
  app_changed: async (stream) => {
    await server.change({ name: 'another name' })
    return [await stream.nextOf('app_changed'), {}]
  },
}

test.each(LIVE_KIND_NAMES)('%s is shown', async (kind) => {
  const stream = await watch()
  const [shown, expected] = await CASES[kind](stream)
  expect(shown).toEqual({ kind, at: expect.any(Number), ...expected })
  await stream.cancel()
})

test('only some kinds, and what is about some channels', async () => {
  const stream = await watch('?kinds=published,refused&channel=b')
  await using client = await server.raw()
  await client.subscribed('b-1')
  for (const channel of ['a', 'b-1', 'a-b', 'b-2'])
    await server.trigger({ channel, name: 'e', data: 'x' })
  const shown = [await stream.next(), await stream.next()]
  expect(shown.map((each) => each?.data['channel'])).toEqual(['b-1', 'b-2'])
  await stream.cancel()
})

test.each([
  ['?kinds=published,x', { kinds: [`"x" is not one of ${LIVE_KIND_NAMES.join(', ')}`] }],
  ['?kinds=', { kinds: [`"" is not one of ${LIVE_KIND_NAMES.join(', ')}`] }],
  ['?kinds=__proto__', { kinds: [expect.stringContaining('"__proto__" is not one of')] }],
  ['?limit=-1', { limit: ['"-1" is not a number from 0 on'] }],
])('%s is refused in words', async (query, errors) => {
  const response = await server.admin(`${LIVE}${query}`)
  expect([response.status, await response.json()]).toEqual([422, { errors }])
})

test('of what is too much for one write it is told how much there was', async () => {
  const stream = await watch('?kinds=published')
  for (let n = 0; n < 60; n++) await server.trigger({ channel: 'room', name: `e${n}`, data: 'x' })
  for (let n = 0; n < 50; n++) expect((await stream.next())?.data['event']).toBe(`e${n}`)
  expect(await stream.next()).toEqual({ event: 'skipped', data: { published: 10 } })
  await server.trigger({ channel: 'room', name: 'later', data: 'x' })
  expect((await stream.next())?.data['event']).toBe('later')
  await stream.cancel()
})

test('a reader that stands still misses what does not fit, and holds up nobody', async () => {
  const socket = connect(server.port, '127.0.0.1')
  const { username, password } = server.server.credentials.admin
  const authorization = `Basic ${btoa(`${username}:${password}`)}`
  socket.write(
    `GET ${LIVE}?kinds=published HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${authorization}\r\n\r\n`,
  )
  await once(socket, 'readable') // and reads nothing
  const app = server.core.apps.byId('1')!
  const fact = { app, channel: 'room', event: 'e', origin: 'backend', api: 'pusher' } as const
  const data = JSON.stringify('x'.repeat(10_000))
  const published = { ...fact, type: 'published', data, socketId: undefined } as const
  for (let n = 0; n < 1500; n++) {
    server.core.facts.emit(published as never)
    server.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
  }
  let [text, rows, skipped] = ['', 0, 0]
  for await (const part of socket) {
    const blocks = `${text}${part}`.split('\n\n')
    text = blocks.pop()!
    rows += blocks.filter((block) => block.includes('event: published')).length
    for (const block of blocks) skipped += Number(/"published":(\d+)}$/.exec(block)?.[1] ?? 0)
    if (rows + skipped === 1500) break
  }
  expect(skipped).toBeGreaterThan(500) // the system's buffers have held the rest
})

test('of long data the beginning is shown', async () => {
  const stream = await watch('?kinds=published')
  await server.trigger({ channel: 'room', name: 'e', data: 'y'.repeat(10_240) })
  const { data } = (await stream.next())!
  expect(data).toMatchObject({ bytes: 10_242, data_beginning: `"${'y'.repeat(10_239)}` })
  await stream.cancel()
})

test('after its limit a stream ends', async () => {
  const stream = await watch('?kinds=published&limit=2&_=1')
  for (const name of ['a', 'b', 'c']) await server.trigger({ channel: 'room', name, data: 'x' })
  expect([(await stream.next())?.data['event'], (await stream.next())?.data['event']]).toEqual([
    'a',
    'b',
  ])
  expect(await stream.next()).toBeUndefined()
})

test('HEAD is answered at once, and watches nothing', async () => {
  const response = await server.admin(LIVE, { method: 'HEAD' })
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/event-stream; charset=utf-8',
  ])
  await waitUntil('nobody watches', () => !server.core.facts.hears('published'))
})

test('there are so many at most, and who goes makes room', async () => {
  const [first, second] = [await watch(), await watch()]
  const refused = await server.admin(LIVE)
  expect([refused.status, refused.headers.get('retry-after'), await refused.text()]).toEqual([
    503,
    '10',
    'Too many live streams: the limit is 2 (maxLiveStreams)\n',
  ])
  await first.cancel()
  let third = await server.admin(`${LIVE}?limit=0`)
  while (third.status !== 200) third = await server.admin(`${LIVE}?limit=0`)
  expect(await third.text()).toContain('event: hello')
  await second.cancel()
})

test('a token has half of the places at most', async () => {
  await waitUntil('nobody watches', () => !server.core.facts.hears('published'))
  const { token } = await makeToken(server, { name: 'reader', scope: 'read' })
  const as = { headers: bearer(token) }
  const own = new Stream(server, await server.http(LIVE, as))
  expect((await own.next())?.event).toBe('hello')
  const refused = await server.http(LIVE, as)
  expect([refused.status, await refused.text()]).toEqual([
    503,
    'Too many live streams of one token: the limit is 1, half of maxLiveStreams\n',
  ])
  const other = await watch()
  await Promise.all([own.cancel(), other.cancel()])
})

test('while nobody watches nothing is built', async () => {
  const app = server.core.apps.byId('1')!
  await waitUntil('nobody watches', () => !server.core.facts.wants('published', app))
  const stream = await watch()
  expect(server.core.facts.wants('published', app)).toBe(true)
  expect(server.core.facts.wants('published', server.addTenant())).toBe(false)
  await stream.cancel()
  await waitUntil('it has gone', () => !server.core.facts.hears('published'))
})

test('docs/admin-api.md lists the kinds', async () => {
  const page = await Bun.file(join(import.meta.dir, '../../docs/admin-api.md')).text()
  const rows = page.slice(page.indexOf('## Live')).matchAll(/^\| `(\w+)` +\| (.+?) +\|$/gm)
  expect(Array.from(rows, ([, kind, about]) => [kind, about])).toEqual(
    LIVE_KIND_NAMES.map((kind) => [kind, LIVE_KINDS[kind].about]),
  )
})
