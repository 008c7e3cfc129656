/** Triggers with idempotency keys that arrive at once, while the first waits, or after it went wrong; and hostile keys. */
import { describe, expect, test } from 'bun:test'
import { makeBasicAuth, PAIR } from '../credentials'
import { crowdedRoom, limits } from '../core/crowded'
import { EVENT } from '../dialects/expusherlite/requests'
import { push } from '../dialects/pushex/requests'
import { definePlugin, reject } from '../../src/plugin'
import { start, waitFor, type TestServer } from '../harness'
import { post } from './event-requests'

const event = (more: object = {}): object => ({ name: 'last', channel: 'room', data: 'x', ...more })
const keyed = (more: object = {}): object => event({ idempotency_key: 'order-17', ...more })

const trigger = (server: TestServer, body: object = keyed()) =>
  server.signed('POST', '/events', JSON.stringify(body))

test('of a thousand repeats at once one is published', async () => {
  await using server = await start()
  await using client = await server.raw()
  await client.subscribed('room')
  const responses = await Promise.all(Array.from({ length: 1000 }, () => trigger(server)))
  const answers = new Set<string>()
  for (const response of responses) answers.add(`${response.status} ${await response.text()}`)
  const inUse = "409 The first request with idempotency key 'order-17' is under way; try again\n"
  expect([...answers].filter((answer) => answer !== inUse)).toEqual(['200 {}'])
  expect(server.totals.publications).toBe(1)
  expect((await client.nextJson()).event).toBe('last')
  await client.expectNothing()
})

test('of a hundred batches at once each event is published once', async () => {
  await using server = await start()
  await using client = await server.raw()
  await client.subscribed('room')
  const item = (n: number) => keyed({ data: `${n % 50}`, idempotency_key: `key-${n % 50}` })
  const bodies = Array.from({ length: 100 }, (_, n) => ({ batch: [item(n), item(n + 1)] }))
  const statuses = await Promise.all(
    bodies.map(async (body) => (await post(server.sdk(), '/batch_events', body))[0]),
  )
  expect(statuses.filter((status) => status !== 200 && status !== 409)).toEqual([])
  for (const body of bodies)
    expect(await post(server.sdk(), '/batch_events', body)).toEqual([200, '{}'])
  const data = (await client.frames.take(50)).map((frame) => Number(JSON.parse(frame).data))
  expect(data.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n))
  await client.expectNothing()
})

describe('while the first waits for a crowded channel', () => {
  test('a repeat is told to come again, and is then answered', async () => {
    await using server = await start({ limits })
    const { audience, letGo } = await crowdedRoom(server, 'room')
    const first = trigger(server)
    while (audience.waiting === 0) await server.http('/up')
    const early = await trigger(server)
    expect([early.status, early.headers.get('retry-after')]).toEqual([409, '1'])
    const batch = [event({ data: 'y' }), keyed()]
    expect(await post(server.sdk(), '/batch_events', { batch })).toEqual([409, await early.text()])
    expect((await trigger(server, keyed({ data: 'y' }))).status).toBe(422)
    const before = server.totals.publications
    letGo()
    expect((await waitFor('the answer', first)).status).toBe(200)
    expect((await trigger(server)).status).toBe(200)
    expect(server.totals.publications).toBe(before)
  })

  test('its end is not its answer’s', async () => {
    await using server = await start({ limits })
    const { audience, letGo } = await crowdedRoom(server, 'room')
    const abort = new AbortController()
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'order-17' }
    const body = '{"channel":"room","event":"last","data":"x"}'
    const first = server.http('/api/push', { method: 'POST', body, headers, signal: abort.signal })
    while (audience.waiting === 0) await server.http('/up')
    abort.abort()
    expect(first).rejects.toThrow()
    expect((await push(server, body, { 'idempotency-key': 'order-17' })).status).toBe(409)
    letGo()
    while (audience.waiting > 0) await server.http('/up')
    const repeat = await push(server, body, { 'idempotency-key': 'order-17' })
    expect([repeat.status, await repeat.json()]).toMatchObject([200, { channel: ['room'] }])
  })
})

test('while a plugin decides about the first, a repeat is told to come again', async () => {
  const { promise: decided, resolve: decide } = Promise.withResolvers<void>()
  let asked = 0
  const plugin = definePlugin({
    name: 'slow',
    carillon: 1,
    waits: ['publish'],
    setup: () => ({
      publish: async () => {
        if (++asked === 1) await decided
        return asked === 1 ? reject('not now') : undefined
      },
    }),
  })
  await using server = await start({ plugins: [plugin] })
  const first = trigger(server)
  while (asked === 0) await server.http('/up')
  expect((await trigger(server)).status).toBe(409)
  expect(asked).toBe(1)
  decide()
  expect((await first).status).toBe(403)
  for (let n = 0; n < 2; n++) expect((await trigger(server)).status).toBe(200)
  expect([asked, server.totals.publications]).toEqual([2, 1])
})

test('a rate is charged for what is published only', async () => {
  await using server = await start({ limits: { maxBackendEventsPerSecond: 1 } })
  for (let n = 0; n < 3; n++) expect((await trigger(server)).status).toBe(200)
  const other = keyed({ idempotency_key: 'other' })
  expect((await trigger(server, other)).status).toBe(429)
  server.advance(1000)
  expect((await trigger(server, other)).status).toBe(200)
})

test('an app that has its keys gets no new ones, and forgets none', async () => {
  await using server = await start({ limits: { maxIdempotencyKeys: 1 } })
  expect((await trigger(server)).status).toBe(200)
  server.advance(60_000)
  const late = await trigger(server, keyed({ idempotency_key: 'late' }))
  expect([late.status, late.headers.get('retry-after')]).toEqual([503, '540'])
  expect((await trigger(server)).status).toBe(200)
  expect((await trigger(server, event())).status).toBe(200)
  server.advance(540_000)
  expect((await trigger(server, keyed({ idempotency_key: 'late' }))).status).toBe(200)
})

describe('a hostile key', () => {
  const LONG = 'Idempotency key of 256 characters exceeds the limit of 255 (maxIdempotencyKeyChars)'
  const ODD = 'Expected the idempotency key to be of printable ASCII characters'
  const HOSTILE: readonly (readonly [name: string, key: unknown, message: string | undefined])[] = [
    ['a number', 17, undefined],
    ['a list', ['a'], undefined],
    ['an object', { toString: 'a' }, undefined],
    ['true', true, undefined],
    ['nothing', '', ODD],
    ['too long', 'x'.repeat(256), LONG],
    ['huge', 'x'.repeat(100_000), LONG.replace('256', '100000')],
    ['a line break', 'a\nb', ODD],
    ['half a character', '\ud800', ODD],
    ['beyond ASCII', 'zoë', ODD],
  ]
  test.each(HOSTILE)('%s: refused in words, and nothing is published', async (_, key, message) => {
    await using server = await start()
    const mistake = message ?? 'Expected idempotency_key parameter to be a string'
    const inBatch = message ?? 'Expected batch.1.idempotency_key parameter to be a string'
    const body = keyed({ idempotency_key: key })
    expect(await post(server.sdk(), '/events', body)).toEqual([400, `${mistake}\n`])
    expect(await post(server.sdk(), '/batch_events', { batch: [event(), body] })).toEqual([
      400,
      `${inBatch}\n`,
    ])
    const pushed = { channel: 'room', event: 'e', data: 'x', idempotency_key: key }
    expect(await readJson(await push(server, pushed))).toEqual([
      400,
      { errors: { detail: mistake } },
    ])
    const scoped = await server.http('/api/apps/test-app/events', {
      method: 'POST',
      headers: { ...makeBasicAuth(PAIR), 'content-type': 'application/json' },
      body: JSON.stringify({ ...EVENT, idempotency_key: key }),
    })
    expect(await readJson(scoped)).toEqual([400, { errors: { detail: mistake } }])
    expect(server.totals.publications).toBe(0)
  })

  test.each(['', 'x'.repeat(256), 'zo\u00eb'])('%j in the header is, too', async (key) => {
    await using server = await start()
    const response = await push(
      server,
      { channel: 'room', event: 'e', data: 'x' },
      { 'idempotency-key': key },
    )
    expect(response.status).toBe(400)
    expect(server.totals.publications).toBe(0)
  })

  test.each(['__proto__', 'constructor', 'toString', '0', ' '])(
    '%j is a key like any other',
    async (key) => {
      await using server = await start()
      const body = `{"__proto__":{"idempotency_key":"a"},"name":"e","channel":"room","data":"x","idempotency_key":${JSON.stringify(key)}}`
      for (let n = 0; n < 2; n++)
        expect((await server.signed('POST', '/events', body)).status).toBe(200)
      expect(server.totals.publications).toBe(1)
      expect((await trigger(server, keyed({ idempotency_key: key, data: 'y' }))).status).toBe(422)
    },
  )

  test('null is none, and one among very many keys of a body is found', async () => {
    await using server = await start()
    for (let n = 0; n < 2; n++)
      expect((await trigger(server, keyed({ idempotency_key: null }))).status).toBe(200)
    expect(server.totals.publications).toBe(2)
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`k${n}`, n]))
    for (let n = 0; n < 2; n++) expect((await trigger(server, keyed(many))).status).toBe(200)
    expect(server.totals.publications).toBe(3)
  })
})

const readJson = async (response: Response): Promise<unknown[]> => [
  response.status,
  await response.json(),
]

describe('over the APIs of ExPusherLite and PushEx', () => {
  const form = (more: Record<string, string>) => new URLSearchParams({ ...EVENT, ...more })
  const postForm = (server: TestServer, body: URLSearchParams, key?: string) =>
    server.http('/api/apps/test-app/events', {
      method: 'POST',
      headers: { ...makeBasicAuth(PAIR), ...(key !== undefined && { 'idempotency-key': key }) },
      body,
    })

  test('a repeat is answered alike', async () => {
    await using server = await start()
    const own = { idempotency_key: 'order-17' }
    const pushed = { channel: ['a', 'room'], event: 'e', data: { n: 1 } }
    const rounds = [0, 1].map(() => [
      () => postForm(server, form(own)),
      () => postForm(server, form({}), 'order-17'),
      () => push(server, { ...pushed, idempotency_key: 'order-18' }),
      () => push(server, pushed, { 'idempotency-key': 'order-18' }),
    ])
    const answers: unknown[][] = []
    for (const ask of rounds.flat()) answers.push(await readJson(await ask()))
    expect(answers.slice(0, 4)).toEqual([
      [200, {}],
      [200, {}],
      [200, pushed],
      [200, pushed],
    ])
    expect(answers.slice(4)).toEqual(answers.slice(0, 4))
    expect(server.totals.publications).toBe(3)
  })

  test('an empty field of a form is no key', async () => {
    await using server = await start()
    for (let n = 0; n < 2; n++)
      expect((await postForm(server, form({ idempotency_key: '' }))).status).toBe(200)
    expect(server.totals.publications).toBe(2)
  })

  test('another content is refused, and so is a key of the other API', async () => {
    await using server = await start()
    const own = { idempotency_key: 'order-17' }
    expect((await postForm(server, form(own))).status).toBe(200)
    const detail = "Idempotency key 'order-17' belongs to another request"
    const refused = [422, { errors: { detail } }]
    expect(await readJson(await postForm(server, form({ ...own, event: 'other' })))).toEqual(
      refused,
    )
    expect(await readJson(await postForm(server, form({ ...own, topic: '#general' })))).toEqual(
      refused,
    )
    const pushed = { channel: 'foo-topic', event: 'msg', data: EVENT.payload, ...own }
    expect(await readJson(await push(server, pushed))).toEqual(refused)
    expect(
      (await postForm(server, new URLSearchParams({ ...EVENT, 'idempotency_key[]': 'a' }))).status,
    ).toBe(400)
  })
})
