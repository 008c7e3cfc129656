/** Triggers with idempotency keys: a repeat is answered as the first was, and publishes nothing more. */
import { describe, expect, test } from 'bun:test'
import { makePlugin, start, type TestServer } from '../harness'
import { reject } from '../../src/plugin'
import { post } from './event-requests'

const event = (more: object = {}): object => ({ name: 'e', channel: 'room', data: 'x', ...more })
const keyed = (more: object = {}): object => event({ idempotency_key: 'order-17', ...more })

/** A signed POST with a header, as a client that sends again what was not answered sets it. */
async function postWithHeader(
  server: TestServer,
  path: string,
  body: unknown,
  key: string,
): Promise<[number, string]> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const whole = `/apps/${server.app.id}${path}`
  const [place, query = ''] = whole.split('?')
  const params = Object.fromEntries(new URLSearchParams(query))
  const signed = server
    .sdk()
    .createSignedQueryString({ method: 'POST', path: place!, body: text, params })
  const headers = { 'idempotency-key': key }
  const response = await server.http(`${place}?${signed}`, { method: 'POST', headers, body: text })
  return [response.status, await response.text()]
}

const signedStatus = async (server: TestServer): Promise<number> =>
  (await server.signed('POST', '/events', JSON.stringify(keyed()))).status

/** The data of the events that a client got so far. */
async function readData(server: TestServer, client: { next(): Promise<string> }) {
  await server.trigger({ channel: 'room', name: 'end', data: '' })
  const data: string[] = []
  for (;;) {
    const frame = JSON.parse(await client.next()) as { event: string; data: string }
    if (frame.event === 'end') return data
    data.push(frame.data)
  }
}

const REUSED = "Idempotency key 'order-17' belongs to another request\n"

describe('a key in the body', () => {
  test('lets the stock library repeat a trigger', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    const trigger = (params: object) => server.sdk().trigger('room', 'e', 'x', params as never)
    for (let n = 0; n < 3; n++)
      expect((await trigger({ idempotency_key: 'order-17' })).status).toBe(200)
    expect(await readData(server, client)).toEqual(['x'])
    await trigger({ idempotency_key: 'order-18' })
    await trigger({})
    await trigger({})
    expect(await readData(server, client)).toEqual(['x', 'x', 'x'])
    expect([server.totals.publications, server.totals.repeatsAnswered]).toEqual([6, 2])
  })

  test('lets the stock library repeat a batch', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    const item = (data: string) => ({ ...event({ data }), idempotency_key: data }) as never
    const batches = [
      [item('a'), item('b')],
      [item('b'), item('c'), item('a')],
      [item('d'), item('d')],
    ]
    for (const batch of batches) expect((await server.sdk().triggerBatch(batch)).status).toBe(200)
    expect(await readData(server, client)).toEqual(['a', 'b', 'c', 'd'])
    expect(server.totals.repeatsAnswered).toBe(3)
  })

  test('is answered with the counts of the first time', async () => {
    await using server = await start()
    const body = keyed({ channels: ['room', 'a'], info: 'subscription_count' })
    const first = await post(server.sdk(), '/events', body)
    expect(first).toEqual([
      200,
      '{"channels":{"room":{"subscription_count":0},"a":{"subscription_count":0}}}',
    ])
    await using client = await server.raw()
    await client.subscribed('room')
    expect(await post(server.sdk(), '/events', body)).toEqual(first)
    expect(await post(server.sdk(), '/events', { ...body, info: undefined })).toEqual(first)
    const batch = [
      keyed({ info: 'subscription_count', idempotency_key: 'k' }),
      event({ data: 'plain' }),
      event({ info: 'subscription_count', data: 'counted' }),
    ]
    const answers = [
      await post(server.sdk(), '/batch_events', { batch: batch.slice(0, 1) }),
      await post(server.sdk(), '/batch_events', { batch }),
    ]
    expect(answers).toEqual([
      [200, '{"batch":[{"subscription_count":1}]}'],
      [200, '{"batch":[{"subscription_count":1},{},{"subscription_count":1}]}'],
    ])
    expect(await readData(server, client)).toEqual(['x', 'plain', 'counted'])
  })

  test('is one for the event, however a library writes it', async () => {
    await using server = await start()
    const php =
      '{"name":"e","data":"{\\"url\\":\\"\\\\\\/zo\\\\u00eb\\"}","channels":["room"],"idempotency_key":"order\\/17"}'
    const node = { ...JSON.parse(php), socket_id: undefined, info: null }
    expect(JSON.stringify(node)).not.toBe(php)
    expect((await server.signed('POST', '/events', php)).status).toBe(200)
    expect(await post(server.sdk(), '/events', node)).toEqual([200, '{}'])
    const batch = `{"batch":[${php.replace('"channels":["room"]', '"channel":"room"')}]}`
    expect((await server.signed('POST', '/batch_events', batch)).status).toBe(200)
    expect(server.totals.publications).toBe(1)
  })

  test('is one for the event, whichever request carries it', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    const statuses = [
      await post(server.sdk(), '/events', keyed()),
      await post(server.sdk(), '/batch_events', { batch: [keyed()] }),
      await postWithHeader(server, '/events', event(), 'order-17'),
      await postWithHeader(server, '/channels/room/events?name=e', 'x', 'order-17'),
    ].map(([status]) => status)
    expect(statuses).toEqual([200, 200, 200, 202])
    expect(await readData(server, client)).toEqual(['x'])
  })

  test.each<[string, object]>([
    ['name', { name: 'other' }],
    ['channel', { channel: 'other' }],
    ['channels', { channels: ['room', 'other'] }],
    ['socket_id', { socket_id: '1.1' }],
    ['data', { data: 'y' }],
  ])('belongs to one %s', async (_, more) => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    expect(await post(server.sdk(), '/events', keyed())).toEqual([200, '{}'])
    expect(await post(server.sdk(), '/events', keyed(more))).toEqual([422, REUSED])
    expect(await post(server.sdk(), '/events', keyed())).toEqual([200, '{}'])
    expect(await readData(server, client)).toEqual(['x'])
  })

  test('does not look at encrypted data, which libraries encrypt anew', async () => {
    await using server = await start()
    const sdk = server.sdk({ encryptionMasterKeyBase64: btoa('x'.repeat(32)) })
    await using client = await server.raw()
    await server.signedIn(client, 'private-encrypted-room')
    for (let n = 0; n < 3; n++) {
      const params = { idempotency_key: 'order-17' } as never
      expect((await sdk.trigger('private-encrypted-room', 'e', 'x', params)).status).toBe(200)
    }
    expect(await client.next()).toContain('ciphertext')
    await client.expectNothing()
  })

  test('is of one app', async () => {
    await using server = await start()
    const tenant = server.addTenant()
    const other = server.sdk({ appId: tenant.id, key: 'k', secret: 's' })
    expect(await post(server.sdk(), '/events', keyed())).toEqual([200, '{}'])
    expect(await post(other, '/events', keyed({ data: 'y' }))).toEqual([200, '{}'])
  })

  test('is forgotten ten minutes after its answer', async () => {
    await using server = await start()
    const counts: number[] = []
    const { slackMs } = server
    for (const ms of [0, 599_999 - slackMs, 1 + slackMs]) {
      await server.settle() // until the answer is kept
      await server.pass(ms)
      expect(await signedStatus(server)).toBe(200)
      counts.push(server.totals.publications)
    }
    expect(counts).toEqual([1, 1, 2])
  })

  test('is kept for what succeeded only', async () => {
    let refuses = true
    const plugin = makePlugin('strict', {
      publish: () => (refuses ? reject('not now') : undefined),
    })
    await using server = await start({ plugins: [plugin] })
    expect(await post(server.sdk(), '/events', keyed())).toEqual([403, 'not now\n'])
    expect(await post(server.sdk(), '/batch_events', { batch: [keyed()] })).toEqual([
      403,
      'not now\n',
    ])
    expect(await post(server.sdk(), '/events', keyed({ channel: 'a b' }))).toEqual([
      400,
      expect.any(String),
    ])
    refuses = false
    expect(await post(server.sdk(), '/events', keyed({ data: 'y' }))).toEqual([200, '{}'])
    refuses = true
    expect(await post(server.sdk(), '/events', keyed({ data: 'y' }))).toEqual([200, '{}'])
    expect(server.totals.publications).toBe(1)
  })
})

describe('of a batch', () => {
  test('all is refused where one key belongs to another event', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    await post(server.sdk(), '/events', keyed())
    const item = (key: string, data: string) => keyed({ idempotency_key: key, data })
    const batch = [item('new', 'y'), event({ data: 'z' }), item('order-17', 'other')]
    expect(await post(server.sdk(), '/batch_events', { batch })).toEqual([422, REUSED])
    const twice = [item('twice', 'a'), item('twice', 'b')]
    expect(await post(server.sdk(), '/batch_events', { batch: twice })).toEqual([
      422,
      expect.any(String),
    ])
    // What was new is new still, under any content.
    const again = [item('new', 'again'), item('twice', 'again')]
    expect(await post(server.sdk(), '/batch_events', { batch: again })).toEqual([200, '{}'])
    expect(await readData(server, client)).toEqual(['x', 'again', 'again'])
  })

  test('a header covers all, those with keys of their own, too', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    const batch = [event({ data: 'a', info: 'subscription_count' }), keyed({ data: 'b' })]
    const first = await postWithHeader(server, '/batch_events', { batch }, 'whole')
    expect(first).toEqual([200, '{"batch":[{"subscription_count":1},{}]}'])
    await using other = await server.raw()
    await other.subscribed('room')
    expect(await postWithHeader(server, '/batch_events', { batch }, 'whole')).toEqual(first)
    expect(await post(server.sdk(), '/batch_events', { batch: [batch[1]] })).toEqual([200, '{}'])
    const less = { batch: batch.slice(1) }
    expect(await postWithHeader(server, '/batch_events', less, 'whole')).toEqual([
      422,
      expect.any(String),
    ])
    expect(await postWithHeader(server, '/events', event({ data: 'a' }), 'whole')).toEqual([
      422,
      expect.any(String),
    ])
    expect(await readData(server, client)).toEqual(['a', 'b'])
  })
})

describe('a key in the header', () => {
  test('is the one in the body, or they are refused', async () => {
    await using server = await start()
    expect(await postWithHeader(server, '/events', keyed(), 'order-17')).toEqual([200, '{}'])
    expect(await postWithHeader(server, '/events', keyed(), 'order-18')).toEqual([
      400,
      'Expected the header Idempotency-Key and idempotency_key to be the same\n',
    ])
  })

  test('may be in quotes, as a structured field is', async () => {
    await using server = await start()
    expect(await postWithHeader(server, '/events', event(), '"a \\"b\\" \\\\"')).toEqual([
      200,
      '{}',
    ])
    const body = event({ idempotency_key: 'a "b" \\', data: 'y' })
    expect(await post(server.sdk(), '/events', body)).toEqual([422, expect.any(String)])
  })
})
