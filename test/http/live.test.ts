/** What happens in an app, live: every kind, filters, bounds, and the end of a stream. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { CAUSES } from '../../src/http/live-causes'
import { LIVE_KIND_NAMES, LIVE_KINDS, type LiveKind } from '../../src/http/live-rows'
import { Stream } from './live-stream'
import { start, type TestServer } from '../harness'
import { Receiver, waitUntil } from '../webhooks/receiver'

let server: TestServer
const hooks = new Receiver()
beforeAll(async () => {
  server = await start({
    config: {
      webhooks: [{ url: `${hooks.url}?key=secret`, event_types: ['channel_occupied'] }],
      webhookFlushMs: 0,
    },
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
    const path = `/app/${server.app.key}?protocol=7&client=js&version=8.4.0`
    await using client = await server.raw({ path, headers: { 'user-agent': 'browser' } })
    const shown = await stream.nextOf('connected')
    const about = { socket_id: client.socketId, address: '127.0.0.1', protocol: 'pusher' }
    return [shown, { ...about, library: 'js', version: '8.4.0', user_agent: 'browser' }]
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
    const about = { code: 'auth_signature_invalid', address: '127.0.0.1', channel: 'private-a' }
    const text = `${socket_id}:private-a`
    const signature = { of: 'subscription', key: server.app.key, should_sign: text, sent: 'wrong' }
    const why = { cause: 'not_a_digest', ...CAUSES.not_a_digest }
    return [shown, { ...about, message, socket_id, signature, ...why }]
  },
  unknown_app: async (stream) => {
    await using client = await server.raw({ path: '/app/nobody?protocol=7', hello: false })
    expect((await client.closing()).code).toBe(4001)
    const shown = await stream.nextOf('unknown_app')
    const about = { code: 'app_not_found', message: 'App key nobody does not exist' }
    const why = { cause: 'app_unknown', ...CAUSES.app_unknown }
    return [shown, { ...about, ...why, address: '127.0.0.1', socket_id: expect.any(String) }]
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
    const data = {
      time_ms: expect.any(Number),
      events: [{ name: 'channel_occupied', channel: 'told' }],
    }
    const body = { bytes: expect.any(Number), data }
    return [shown, { endpoint, events: 1, status, error, duration_ms: 0, ...body }]
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
  ['?limit=-1', { limit: ['"-1" is not a number from 0 to 999999999'] }],
])('%s is refused in words', async (query, errors) => {
  const response = await server.admin(`${LIVE}${query}`)
  expect([response.status, await response.json()]).toEqual([422, { errors }])
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
  const [, section = ''] = /\n## Live\n([^]*?)\n## /.exec(page) ?? []
  const rows = section.matchAll(/^\| `(\w+)` +\| (.+?) +\|$/gm)
  expect(Array.from(rows, ([, kind, about]) => [kind, about])).toEqual(
    LIVE_KIND_NAMES.map((kind) => [kind, LIVE_KINDS[kind].about]),
  )
})
