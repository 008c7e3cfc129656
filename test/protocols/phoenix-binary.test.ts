/** Binary frames of the Phoenix socket, byte for byte (contract 1.2); numbers are cases of contract section 6. */
import { describe, expect, test } from 'bun:test'
import { allow, reject, replace } from '../../src/plugin'
import { Inbox, makePlugin, start, type TestServer } from '../harness'
import { GENERATIONS, KEY, PhoenixJs, connectPhoenix, makeReply, type PhoenixRaw } from '../phoenix'

const ROOM = 'private-room'
const open = makePlugin('open', { authorize: () => allow() })

const bytes = (...parts: (number | string)[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) => (typeof part === 'number' ? part : [...Buffer.from(part)])),
  )

/** Kind 0, as phoenix.js writes it. */
function push(event: string, payload: number[], { join = '1', topic = ROOM } = {}): Uint8Array {
  const fields = [join, '7', topic, event]
  return bytes(0, ...fields.map((field) => Buffer.byteLength(field)), ...fields, ...payload)
}

const broadcast = (event: string, payload: number[], topic = ROOM): Uint8Array =>
  bytes(2, Buffer.byteLength(topic), Buffer.byteLength(event), topic, event, ...payload)

async function joinRoom(server: TestServer, version: 1 | 2 = 2, topic = ROOM): Promise<PhoenixRaw> {
  const client = await connectPhoenix(server, { query: topic === ROOM ? KEY : '', version })
  await client.join(topic)
  return client
}

describe('byte vectors (24)', () => {
  test('a push is read and broadcast as the contract writes them', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server)
    const topic = 'public:test-app'
    await client.join(topic, {}, '6')
    const head = [0, 1, 2, 15, 3]
    client.client.send(bytes(...head, '6', '18', topic, 'bin', 1, 2))
    expect(await client.nextBytes()).toEqual(bytes(2, 15, 3, topic, 'bin', 1, 2))
  })

  const PAYLOADS: readonly (readonly [string, string, number[]])[] = [
    ['an empty payload', 'client-e', []],
    ['bytes that are no text', 'client-e', [0, 255, 254, 128]],
    ['a name of 255 bytes', `client-${'x'.repeat(248)}`, [1]],
    ['a name beyond ASCII', 'client-ключ☃', [1]],
    ['a name with a mark at its start', 'client-\ufeff', [1]],
  ]
  test.each(PAYLOADS)('%s', async (_, event, payload) => {
    await using server = await start({ plugins: [open], limits: { maxEventNameChars: 255 } })
    await using ada = await joinRoom(server)
    await using bob = await joinRoom(server)
    ada.client.send(push(event, payload))
    expect(await ada.next()).toEqual(makeReply(['1', '7', ROOM], 'ok'))
    expect(await bob.nextBytes()).toEqual(broadcast(event, payload))
  })

  test('a push that names no generation is taken, a stale one is not', async () => {
    await using server = await start({ plugins: [open] })
    await using ada = await joinRoom(server)
    ada.client.send(push('client-e', [1], { join: '0' }))
    ada.client.send(push('client-e', [1], { join: '' }))
    expect(await ada.next()).toEqual(makeReply([null, '7', ROOM], 'ok'))
  })

  test('joins and heartbeats may be binary, too', async () => {
    await using server = await start()
    await using ada = await connectPhoenix(server, { query: KEY })
    ada.client.send(push('heartbeat', [], { topic: 'phoenix', join: '' }))
    expect(await ada.next()).toEqual(makeReply([null, '7', 'phoenix'], 'ok'))
    ada.client.send(push('phx_join', [1, 2], { topic: 'room' }))
    expect(await ada.next()).toEqual(makeReply(['1', '7', 'room'], 'ok'))
  })
})

const UNDECODABLE: readonly (readonly [string, Uint8Array])[] = [
  ['nothing', bytes()],
  ['a kind alone', bytes(0)],
  ['a kind of servers', bytes(2, 1, 1, 't', 'e')],
  ['an unknown kind', bytes(9, 0, 0, 0, 0)],
  ['three sizes', bytes(0, 0, 0, 0)],
  ['fields beyond the end', bytes(0, 1, 2, 6, 3, '618')],
  ['a topic that is no UTF-8', bytes(0, 0, 0, 1, 0, 255)],
  ['a frame of text', bytes('["1","1","room","phx_join",{}]')],
]
test.each(UNDECODABLE)('%s closes with 1011 and touches nobody (8)', async (_, frame) => {
  await using server = await start()
  await using other = await connectPhoenix(server)
  await using client = await connectPhoenix(server)
  client.client.send(frame)
  expect((await client.client.closing()).code).toBe(1011)
  await other.expectNothing()
})

test('V1, PushEx, long-poll and Pusher hear nothing of bytes (24)', async () => {
  await using server = await start({ plugins: [open] })
  await using ada = await joinRoom(server)
  await using old = await joinRoom(server, 1)
  await using pushex = await connectPhoenix(server, { mount: '/push_socket' })
  await pushex.join(ROOM)
  await using pusher = await server.raw()
  await pusher.subscribed(ROOM)
  const poll = async (query = '', init = {}) =>
    (await server.http(`/socket/longpoll?${KEY}&vsn=2.0.0${query}`, init)).json() as Promise<{
      token: string
      messages: string[]
    }>
  const { token } = await poll()
  await poll(`&token=${token}`, { method: 'POST', body: `["1","1","${ROOM}","phx_join",{}]` })
  ada.client.send(push('client-e', [1]))
  await ada.next('the reply')
  for (const client of [old, pushex, pusher]) await client.expectNothing()
  await server.trigger({ channel: ROOM, name: 'end', data: '{}' })
  const { messages } = await poll(`&token=${token}`)
  expect(messages.map((text) => JSON.parse(text)[3])).toEqual(['phx_reply', 'end'])
})

test('long-poll sends them as base64 (40)', async () => {
  await using server = await start({ plugins: [open] })
  await using ada = await joinRoom(server)
  const path = `/socket/longpoll?${KEY}&vsn=2.0.0`
  const { token } = (await (await server.http(path)).json()) as { token: string }
  const lines = [
    `["1","1","${ROOM}","phx_join",{}]`,
    Buffer.from(push('client-e', [9])).toString('base64'),
  ]
  await server.http(`${path}&token=${token}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.join('\n'),
  })
  expect(await ada.nextBytes()).toEqual(broadcast('client-e', [9]))
})

test('names that phoenix.js obeys are refused in bytes, too (27)', async () => {
  await using server = await start()
  await using client = await connectPhoenix(server)
  const topic = 'public:test-app'
  await client.join(topic)
  for (const event of ['phx_close', 'chan_reply_1', 'presence_state', '']) {
    client.client.send(push(event, [1], { topic }))
    expect((await client.next())[4]).toMatchObject({ status: 'error' })
  }
})

test('more bytes than an event may have are refused', async () => {
  await using server = await start({ plugins: [open], limits: { maxEventDataBytes: 10 } })
  await using client = await joinRoom(server)
  client.client.send(push('client-e', Array(11).fill(1)))
  expect((await client.next())[4]).toMatchObject({ status: 'error' })
})

test('plugins and webhooks are shown base64; a plugin may refuse bytes, or put JSON in their place', async () => {
  const shown = new Inbox<string>()
  const guard = makePlugin('guard', {
    authorize: () => allow(),
    frame: (_, text) => void shown.push(text),
    clientEvent: (_, { event, data }) => {
      shown.push(String(data))
      if (event === 'client-no') return reject('no')
      return event === 'client-json' ? replace({ size: JSON.parse(data!).length }) : undefined
    },
  })
  await using server = await start({ plugins: [guard] })
  await using ada = await joinRoom(server)
  await using bob = await joinRoom(server)
  await shown.take(2)
  const sent = push('client-e', [1, 2, 3])
  ada.client.send(sent)
  expect(await shown.take(2)).toEqual([Buffer.from(sent).toString('base64'), '"AQID"'])
  expect(await bob.nextBytes()).toEqual(broadcast('client-e', [1, 2, 3]))
  ada.client.send(push('client-no', [1]))
  await ada.next('the first reply')
  expect((await ada.next())[4]).toMatchObject({ status: 'error' })
  ada.client.send(push('client-json', [1, 2, 3]))
  expect(await bob.next()).toEqual([null, null, ROOM, 'client-json', { size: 4 }])
  const fact = server.facts.find(({ type }) => type === 'client_event')
  expect(fact).toMatchObject({ event: 'client-e', data: '"AQID"' })
})

test.each(GENERATIONS.filter((generation) => generation !== '1.2.1'))(
  'phoenix.js %s sends and hears an ArrayBuffer (24)',
  async (generation) => {
    await using server = await start()
    await using ada = new PhoenixJs(server, generation)
    await using bob = new PhoenixJs(server, generation)
    const channel = await ada.join('public:test-app', ['bin'])
    await bob.join('public:test-app', ['bin'])
    channel.push('bin', Uint8Array.of(1, 2, 3).buffer)
    for (const client of [ada, bob]) {
      const [, payload] = await client.events.next()
      expect(new Uint8Array(payload as ArrayBuffer)).toEqual(Uint8Array.of(1, 2, 3))
    }
  },
)
