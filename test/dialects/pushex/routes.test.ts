/**
 * PushEx’s API: what is pushed, what is answered, what plugins are told of it;
 * numbers in names are cases of contract section 6.
 */
import { connect } from 'node:net'
import { describe, expect, test } from 'bun:test'
import { startCommon, Inbox, makePlugin, start, waitUntil } from '../../harness'
import { KEY, connectPhoenix } from '../../phoenix'
import { makeBasicAuth } from '../../credentials'
import { push } from './requests'

const INVALID = { error: 'Invalid push arguments: channel, data, event are required.' }

test('the guide’s curl is answered byte for byte (64)', async () => {
  await using server = await start()
  const response = await push(server, {
    channel: ['test', 'test2', 'test'],
    data: 'data',
    event: 'woohoo',
    more: 1,
  })
  expect(response.status).toBe(200)
  expect(await response.text()).toBe('{"channel":["test","test2"],"data":"data","event":"woohoo"}')
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(response.headers.get('cache-control')).toBe('max-age=0, private, must-revalidate')
  expect(response.headers.get('x-request-id')).toBeString()
})

const PUSHES: readonly (readonly [string, unknown, unknown])[] = [
  [
    'one channel',
    { channel: 'a', data: null, event: '' },
    { channel: ['a'], data: null, event: '' },
  ],
  ['no channel', { channel: [], data: 1, event: 'e' }, { channel: [], data: 1, event: 'e' }],
  [
    'a topic',
    { channel: 'user:1', data: [1], event: 'e' },
    { channel: ['user:1'], data: [1], event: 'e' },
  ],
]
test.each(PUSHES)('%s is taken (64, 65)', async (_, body, answer) => {
  await using server = await start()
  const response = await push(server, body)
  expect([response.status, await response.json()]).toEqual([200, answer])
})

test('a form is taken, and a multipart one (trap 21)', async () => {
  await using server = await start()
  const form = new FormData()
  for (const name of ['a', 'b']) form.append('channel[]', name)
  form.set('data', 'x')
  form.set('event', 'e')
  for (const body of [form, new URLSearchParams('channel[]=a&channel[]=b&data=x&event=e')]) {
    const response = await server.http('/api/push', { method: 'POST', body })
    expect(await response.json()).toEqual({ channel: ['a', 'b'], data: 'x', event: 'e' })
  }
})

const WRONG: readonly (readonly [unknown, number, unknown])[] = [
  [{ data: 1, event: 'e' }, 422, INVALID],
  [{ channel: 'a', event: 'e' }, 422, INVALID],
  [{ channel: 'a', data: 1 }, 422, INVALID],
  [{ channel: 'a', data: 1, event: 7 }, 422, INVALID],
  [{ channel: {}, data: 1, event: 'e' }, 422, INVALID],
  [{ channel: ['a', 7], data: 1, event: 'e' }, 422, INVALID],
  [[1], 422, INVALID],
  ['7', 422, INVALID],
  ['{', 400, { errors: { detail: 'Bad Request' } }],
  [
    { channel: '#server-to-user-ada', data: 1, event: 'e' },
    400,
    { errors: { detail: expect.any(String) } },
  ],
  [{ channel: 'a', data: 1, event: 'pusher:x' }, 400, { errors: { detail: expect.any(String) } }],
]
const startRefusing = startCommon()
test.each(WRONG)('%j is refused with %d (65)', async (body, status, answer) => {
  const response = await push(startRefusing(), body)
  expect([response.status, await response.json()]).toEqual([status, answer])
})

describe('plugins watch a push', () => {
  /** Everything that they are told, in order. */
  function watcher() {
    const received: string[] = []
    const plugin = makePlugin('watcher', {
      apiRequested: ({ method, app }) => void received.push(`api_requested ${method} ${app?.slug}`),
      pushRequested: ({ slug }, { channel, event, data, at }) =>
        void received.push(`requested ${slug} ${channel} ${event} ${data} ${typeof at}`),
      pushDelivered: ({ socketId }, { channel }) =>
        void received.push(`delivered ${channel} ${/^\d+\.\d+$/.test(socketId)}`),
      apiProcessed: () => void received.push('api_processed'),
    })
    return { told: received, plugin }
  }

  test('without listeners it is requested, and delivered to nobody (68)', async () => {
    const { told, plugin } = watcher()
    await using server = await start({ plugins: [plugin] })
    expect((await push(server, { channel: ['a', 'b', 'a'], data: 'x', event: 'e' })).status).toBe(
      200,
    )
    expect(told).toEqual([
      'api_requested POST test-app',
      'requested test-app a e "x" number',
      'requested test-app b e "x" number',
      'api_processed',
    ])
  })

  test('three subscribers are three deliveries, of whatever protocol (68)', async () => {
    const { told, plugin } = watcher()
    await using server = await start({ plugins: [plugin] })
    await using one = await connectPhoenix(server, { mount: '/push_socket', version: 1 })
    await using two = await connectPhoenix(server, { mount: '/push_socket' })
    await using three = await server.raw()
    await one.join('a')
    await two.join('a')
    await three.subscribed('a')
    await push(server, { channel: 'a', data: 1, event: 'e' })
    // Another node delivers it when it hears of it.
    await waitUntil('all are told', () => told.length >= 6)
    const [processed, ...delivered] = told.slice(2).toSorted()
    expect([processed, delivered]).toEqual(['api_processed', Array(3).fill('delivered a true')])
  })

  const REFUSED: readonly (readonly [string, unknown, Record<string, string>, number])[] = [
    ['forbidden', {}, makeBasicAuth('nobody:x'), 403],
    ['incomplete', {}, {}, 422],
    ['broken', '{', {}, 400],
    ['to a channel that there can’t be', { channel: '', data: 1, event: 'e' }, {}, 400],
    ['of a reserved name', { channel: 'a', data: 1, event: 'pusher:e' }, {}, 400],
  ]
  test.each(REFUSED)(
    'one that is %s was never processed (68)',
    async (_, body, headers, status) => {
      const { told, plugin } = watcher()
      await using server = await start({ plugins: [plugin] })
      expect((await push(server, body, headers)).status).toBe(status)
      expect(told.map((line) => line.split(' ')[0])).toEqual(['api_requested'])
    },
  )
})

test('a client that leaves in the middle of its body is no fault of the server’s', async () => {
  const calls = new Inbox<string>()
  const answered = new Inbox<number>()
  const watch = makePlugin('watch', {
    apiRequested: ({ url }) => calls.push(url),
    response: (_, { status }) => {
      answered.push(status)
      return {}
    },
  })
  await using server = await start({ plugins: [watch] })
  const head = [
    'POST /api/push HTTP/1.1',
    'host: localhost',
    'content-length: 100',
    '',
    '{"channel',
  ]
  const socket = connect(server.port, '127.0.0.1', () => socket.write(head.join('\r\n')))
  await calls.next()
  socket.destroy()
  expect(await answered.next()).toBe(400)
  expect(server.core.counters.faults).toBe(0)
})

test('a leaving server says when to come back (69)', async () => {
  await using server = await start()
  server.core.state.draining = true
  const response = await push(server, { channel: 'a', data: 1, event: 'e' })
  expect(response.status).toBe(503)
  expect(response.headers.get('retry-after')).toBe('1')
})

const IDS: readonly (readonly [number, boolean])[] = [
  [19, false],
  [20, true],
  [200, true],
  [201, false],
]
test.each(IDS)('an x-request-id of %d characters is kept: %p (67)', async (length, kept) => {
  await using server = await start()
  const id = 'i'.repeat(length)
  const response = await push(server, {}, { 'x-request-id': id })
  expect(response.headers.get('x-request-id') === id).toBe(kept)
})

const VALUES: readonly (readonly [unknown, string])[] = [
  ['data', 'data'],
  ['123', '"123"'],
  ['{"a":1}', '"{\\"a\\":1}"'],
  [{ a: 1 }, '{"a":1}'],
  [[1], '[1]'],
  [7, '7'],
  [true, 'true'],
  [null, 'null'],
]
test.each(VALUES)('%j reaches every protocol as it is (74, 77)', async (data, text) => {
  await using server = await start()
  await using pusher = await server.raw()
  await using native = await connectPhoenix(server, { query: KEY, version: 1 })
  await using pushex = await connectPhoenix(server, { mount: '/push_socket' })
  await using scope = await connectPhoenix(server)
  await pusher.subscribed('room')
  await native.join('room')
  await pushex.join('room')
  await scope.join('public:test-app')
  await push(server, { channel: 'room', data, event: 'e' })
  const object = typeof data === 'object' && data !== null && !Array.isArray(data) ? data : { data }
  expect(await pusher.nextJson()).toEqual({ event: 'e', channel: 'room', data: text })
  expect((await native.next()).slice(1)).toEqual([null, 'room', 'e', object])
  expect(await pushex.next()).toEqual([null, null, 'room', 'msg', { data, event: 'e' }])
  expect(await scope.next()).toEqual([null, null, 'public:test-app', 'room:e', object])
})
