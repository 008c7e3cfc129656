/**
 * Hostile clients of the Phoenix socket: any bytes on every dialect, frames cut and sent twice, closes in
 * the middle, storms of joins that are refused. Nobody else notices, nothing stays behind.
 * Numbers in names are cases of contract section 6. Seeded; a failure prints the seed.
 */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { allow, reject } from '../../src/plugin'
import { makePlugin, start } from '../harness'
import { KEY, connectPhoenix, type PhoenixOptions, type PhoenixRaw } from '../phoenix'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)

const DIALECTS: readonly PhoenixOptions[] = [
  { version: 1 },
  { version: 2 },
  { version: 1, query: KEY },
  { version: 2, query: KEY },
  { version: 1, mount: '/push_socket' },
  { version: 2, mount: '/push_socket' },
]

const topic = fc.constantFrom(
  'room',
  'room:1',
  'private-room',
  'presence-room',
  'cache-room',
  'phoenix',
  'private-encrypted-x',
  'public:test-app',
  'public:test-app:x',
  'private:test-app',
  'public:other-app',
  'public:nobody',
  '__proto__',
  'constructor',
  '#scope-public:test-app',
  '#watchlist-1',
  '',
  ':',
  '\0',
  '\ud800',
  'é'.repeat(127),
  'é'.repeat(128),
  'x'.repeat(255),
  'x'.repeat(256),
)
const event = fc.constantFrom(
  'phx_join',
  'phx_join',
  'phx_leave',
  'heartbeat',
  'client-x',
  'msg',
  'phx_close',
  'phx_reply',
  'phx_error',
  'chan_reply_1',
  'presence_diff',
  'pusher:subscribe',
  '__proto__',
  '',
  '\ud800',
)
const ref = fc.oneof(
  fc.constantFrom('1', '2', null, '', 7, 1e308, '"', '\\', '\u2028', 'x'.repeat(300)),
  fc.jsonValue({ maxDepth: 1 }),
)
const payload = fc.oneof(
  fc.constantFrom(
    {},
    { me: 'ada' },
    { me: '__proto__' },
    { auth: 'a:b' },
    { auth: 7 },
    [],
    null,
    'text',
  ),
  fc.jsonValue(),
)
const parts = fc.tuple(ref, ref, topic, event, payload)

const binary = fc
  .tuple(
    fc.integer({ min: 0, max: 3 }),
    fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 5 }),
    fc.uint8Array({ maxLength: 60 }),
  )
  .map(([kind, sizes, rest]) => Uint8Array.of(kind, ...sizes, ...rest))
const push = fc.tuple(topic, event, fc.uint8Array({ maxLength: 20 })).map(([name, what, bytes]) => {
  const fields = ['1', '2', name, what].map((field) => Buffer.from(field).subarray(0, 255))
  return Uint8Array.from([
    0,
    ...fields.map(({ length }) => length),
    ...Buffer.concat(fields),
    ...bytes,
  ])
})

/** What a client may send: right frames of either version, then less and less so. */
const frame = fc.oneof(
  { weight: 6, arbitrary: parts.map((array) => JSON.stringify(array)) },
  {
    weight: 6,
    arbitrary: parts.map(([join_ref, own, where, what, data]) =>
      JSON.stringify({ join_ref, ref: own, topic: where, event: what, payload: data }),
    ),
  },
  parts.chain((array) => {
    const text = JSON.stringify(array)
    return fc.integer({ min: 0, max: text.length }).map((end) => text.slice(0, end))
  }),
  push,
  binary,
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.string({ unit: 'binary', maxLength: 100 }),
)

/** A plugin that admits a client as the user in the payload. */
const door = makePlugin('door', {
  authorize: (_, { params }) => {
    const user_id = params['me']
    return user_id === undefined ? undefined : allow({ channelData: JSON.stringify({ user_id }) })
  },
})

/** A heartbeat's answer, or the close: whatever was sent before has been read. */
async function waitUntilSettled(client: PhoenixRaw): Promise<void> {
  client.send(null, 'settled', 'phoenix', 'heartbeat', {})
  const answered = async (): Promise<void> => {
    for (;;) {
      const text = await Promise.race([
        client.client.next(),
        client.client.closed.then(() => 'closed'),
      ])
      if (text === 'closed' || text.includes('"settled"')) return
    }
  }
  await answered()
}

test.each(DIALECTS)(
  'any frames on %j: no fault, no cross-talk, nothing left (82)',
  async (dialect) => {
    const limits = { maxClientEventsPerSecond: 1_000_000 }
    await using server = await start({ plugins: [door], limits })
    const created = await server.admin('/api/admin/apps', {
      method: 'POST',
      body: '{"app":{"name":"other app","public_client_events":true}}',
    })
    const { key } = (await created.json()).data
    await using neighbour = await connectPhoenix(server, { query: `app_key=${key}` })
    await neighbour.join('room')
    await neighbour.join('room:1', {}, '2')
    await using group = await connectPhoenix(server, { version: 1 })
    await group.join('private:other-app', { me: 'x' })
    const property = fc.asyncProperty(
      fc.array(frame, { minLength: 1, maxLength: 25 }),
      async (frames) => {
        const client = await connectPhoenix(server, dialect)
        for (const each of frames) client.client.send(each)
        await waitUntilSettled(client)
        await client[Symbol.asyncDispose]()
        await server.waitForConnections(2)
        await neighbour.expectNothing()
        await group.expectNothing()
        expect(server.core.counters.faults).toBe(0)
        expect(server.occupied).toEqual([])
      },
    )
    await fc.assert(property, { seed, numRuns: 60 })
  },
)

test('any bodies and tokens over long-poll: an answer, and no fault (82)', async () => {
  await using server = await start({ plugins: [door] })
  const type = fc.constantFrom('application/x-ndjson', 'application/json', '', 'a/b; c')
  const path = `/socket/longpoll?${KEY}&vsn=2.0.0`
  const property = fc.asyncProperty(
    fc.array(frame, { maxLength: 8 }),
    type,
    async (frames, kind) => {
      const { token } = (await (await server.http(path)).json()) as { token: string }
      const body = frames
        .map((each) => (typeof each === 'string' ? each : Buffer.from(each).toString('base64')))
        .join('\n')
      const headers: Record<string, string> = kind ? { 'content-type': kind } : {}
      const sent = await server.http(`${path}&token=${token}`, { method: 'POST', body, headers })
      expect([200, 400]).toContain(sent.status)
      if (sent.status === 200) expect([200, 410]).toContain((await sent.json()).status)
      for (const conn of server.core.hub.connections()) conn.sink.close(1012, '')
      expect(server.core.counters.faults).toBe(0)
      expect(server.core.hub.connectionCount).toBe(0)
    },
  )
  await fc.assert(property, { seed, numRuns: 60 })
})

describe('storms', () => {
  test('joins and leaves of one topic by many, all at once, end with nobody in it', async () => {
    await using server = await start({ plugins: [door] })
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        connectPhoenix(server, { query: KEY, version: n % 2 ? 1 : 2 }),
      ),
    )
    for (let round = 0; round < 20; round++)
      for (const client of clients) {
        client.send(`${round}`, `${round}`, 'presence-room', 'phx_join', { me: `u${round % 3}` })
        if (round % 4 === 3) client.send(null, 'l', 'presence-room', 'phx_leave', {})
      }
    for (const client of clients) await waitUntilSettled(client)
    expect(
      server.core.hub.channel(server.core.apps.byId('1')!, 'presence-room' as never),
    ).toBeUndefined()
    const names = server.listFactNames()
    for (const [sent, received] of [
      ['member_added', 'member_removed'],
      ['channel_occupied', 'channel_vacated'],
    ])
      expect(names.filter((name) => name.startsWith(sent!)).length).toBe(
        names.filter((name) => name.startsWith(received!)).length,
      )
    for (const client of clients) await client[Symbol.asyncDispose]()
  })

  test('refused upgrades leave nothing behind, whatever they carried', async () => {
    const wall = makePlugin('wall', { connect: async () => reject('no') })
    await using server = await start({ plugins: [wall] })
    const tries = Array.from({ length: 100 }, (_, n) =>
      connectPhoenix(server, { query: `n=${n}`, version: n % 2 ? 1 : 2 }).catch(() => 'refused'),
    )
    expect(new Set(await Promise.all(tries))).toEqual(new Set(['refused']))
    expect(server.core.hub.connectionCount).toBe(0)
    expect(server.core.counters.faults).toBe(0)
    expect(server.log.lines.filter(({ level }) => level !== 'debug')).toMatchObject([
      { level: 'info', fields: { code: 'connection_refused', times: 1 } },
    ])
  })

  test('a client that joins a hundred topics and closes at once leaves none of them', async () => {
    await using server = await start()
    for (let round = 0; round < 10; round++) {
      const client = await connectPhoenix(server, { query: KEY })
      for (let n = 0; n < 100; n++) client.send(`${n}`, `${n}`, `room:${n}`, 'phx_join', {})
      client.client.socket.close()
    }
    await server.waitForConnections(0)
    expect(server.occupied).toEqual([])
  })

  test('a frame that closes is the last: what came with it is not run', async () => {
    await using server = await start()
    const client = await connectPhoenix(server, { query: KEY })
    client.client.send('[')
    client.send('1', '1', 'room', 'phx_join', {})
    await client.client.closing()
    expect(server.listFactNames()).not.toContain('channel_occupied room')
  })
})
