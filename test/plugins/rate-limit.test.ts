/** rate-limit on sockets: what one connection may send. */
import { describe, expect, test } from 'bun:test'
import { rateLimit, type RateLimitOptions } from '../../plugins/rate-limit'
import { reject } from 'carillon/plugin'
import { makePlugin, PONG, start, type RawClient, type TestServer } from '../harness'
import { connectPhoenix, makeReply } from '../phoenix'
import { makeErrorFrame } from '../frames'

const startLimited = (options: RateLimitOptions, ...others: ReturnType<typeof makePlugin>[]) =>
  start({ plugins: [rateLimit(options), ...others] })

const PING = { event: 'pusher:ping', data: {} }
const GARBAGE = 'garbage'
const NOT_JSON = makeErrorFrame(
  null,
  'Invalid message: expected a JSON object with a string "event"',
)

const tooMany = (text: string): string => makeErrorFrame(4301, `Too many ${text}`)

/** The plugin's counters, by `/api/admin/plugins`. */
function readCounters(server: TestServer): Record<string, number> {
  const counters = server.server.plugins[0]!.numbers.counters
  return Object.fromEntries(counters.map(({ name, count }) => [name, count]))
}

async function exchange(client: RawClient, message: object | string): Promise<string> {
  client.send(message)
  return client.next()
}

describe('frames', () => {
  const REFUSED = tooMany(
    'messages of one connection: the limit is 1 per second, 3 at once (frames)',
  )

  test('past the burst they are refused with 4301, and allowed again as time goes by', async () => {
    await using server = await startLimited({ frames: { perSecond: 1, burst: 3 } })
    await using client = await server.raw()
    for (let n = 0; n < 3; n++) expect(await exchange(client, PING)).toBe(PONG)
    for (let n = 0; n < 2; n++) expect(await exchange(client, PING)).toBe(REFUSED)
    server.advance(1000)
    expect(await exchange(client, PING)).toBe(PONG)
    expect(await exchange(client, PING)).toBe(REFUSED)
    expect(readCounters(server)['frames']).toBe(3)
  })

  test('a bucket holds no more than its burst, however long nobody speaks', async () => {
    await using server = await startLimited({ frames: { perSecond: 1, burst: 3 } })
    await using client = await server.raw()
    expect(await exchange(client, PING)).toBe(PONG)
    server.advance(30_000)
    for (let n = 0; n < 3; n++) expect(await exchange(client, PING)).toBe(PONG)
    expect(await exchange(client, PING)).toBe(REFUSED)
  })

  test('every connection has its own', async () => {
    await using server = await startLimited({ frames: { perSecond: 1, burst: 3 } })
    await using one = await server.raw()
    await using two = await server.raw()
    for (let n = 0; n < 3; n++) await exchange(one, PING)
    expect(await exchange(one, PING)).toBe(REFUSED)
    expect(await exchange(two, PING)).toBe(PONG)
  })

  test('the limit of an app holds in that app only; false switches it off there', async () => {
    await using server = await startLimited({
      frames: { perSecond: 1 },
      apps: { '1': { frames: { perSecond: 2 } }, '8': { frames: false } },
    })
    const { core } = server
    const base = core.apps.byId('1')!.record
    const keyOf = { '8': 'key-8', '9': 'key-9' }
    for (const [id, key] of Object.entries(keyOf))
      core.apps.create({ ...base, id, name: id, slug: id, keys: [{ key, secret: 's' }] }, 0)
    const countPassed = async (key: string): Promise<number> => {
      await using client = await server.raw({ path: `/app/${key}?protocol=7` })
      let pongs = 0
      for (let n = 0; n < 5; n++) if ((await exchange(client, PING)) === PONG) pongs++
      return pongs
    }
    expect([
      await countPassed(server.app.key),
      await countPassed(keyOf['8']),
      await countPassed(keyOf['9']),
    ]).toEqual([2, 5, 1])
  })
})

describe('client events', () => {
  test('are limited where options say so, besides the limit of core', async () => {
    await using server = await startLimited({ clientEvents: { perMinute: 2 } })
    await using one = await server.raw()
    await using two = await server.raw()
    for (const client of [one, two]) await server.signedIn(client, 'private-room')
    const sendEvent = (data: number) =>
      one.send({ event: 'client-x', channel: 'private-room', data })
    for (let n = 0; n < 3; n++) sendEvent(n)
    expect(await one.next()).toBe(
      tooMany('client events of one connection: the limit is 2 per minute (clientEvents)'),
    )
    server.advance(30_000)
    sendEvent(3)
    const heard = [await two.nextJson(), await two.nextJson(), await two.nextJson()]
    expect(heard.map(({ data }) => data)).toEqual([0, 1, 3])
    await two.expectNothing()
  })

  test('are left to core by default', async () => {
    await using server = await startLimited({})
    const client = server.core.hooks.clientEvent
    expect(client).toHaveLength(0)
  })
})

describe('subscribes', () => {
  test('past the limit the client is told which channel it was', async () => {
    await using server = await startLimited({ subscribes: { perSecond: 2 } })
    await using client = await server.raw()
    for (const channel of ['a', 'b']) await client.subscribed(channel)
    client.subscribe('c')
    const text = 'Too many subscribes of one connection: the limit is 2 per second (subscribes)'
    expect(await client.nextJson()).toEqual({
      event: 'pusher:subscription_error',
      channel: 'c',
      data: { type: 'LimitReached', error: text, status: 429 },
    })
    expect((await client.nextJson()).data).toEqual({ code: 4301, message: text })
    server.advance(500)
    await client.subscribed('c')
  })

  test('by default a client may leave all channels that it may hold for as many others at once', async () => {
    await using server = await startLimited({})
    await using client = await server.raw()
    await using other = await server.raw() // channels that nobody is in are limited by core
    const channelsOf = (page: string) => Array.from({ length: 2000 }, (_, n) => `${page}-${n}`)
    for (const channel of channelsOf('second')) await other.subscribed(channel)
    for (const page of ['first', 'second']) {
      const channels = channelsOf(page)
      for (const channel of channels) client.subscribe(channel)
      const answers = await client.frames.take(2000)
      expect(answers.filter((frame) => !frame.includes('subscription_succeeded'))).toEqual([])
      for (const channel of channels)
        client.send({ event: 'pusher:unsubscribe', data: { channel } })
    }
    await client.expectNothing()
  })
})

describe('joins of Phoenix clients', () => {
  const TWO = { subscribes: { perSecond: 1, burst: 2 } }

  test.each([
    ['for everybody', TWO],
    ['for the app that the join names', { apps: { 1: TWO } }],
  ])('are limited %s: the socket stays, and the next may come later', async (_, options) => {
    await using server = await start({ plugins: [rateLimit(options)] })
    await using client = await connectPhoenix(server)
    for (const topic of ['public:test-app', 'public:test-app:a']) await client.join(topic)
    const topic = 'public:test-app:b'
    const refused = await client.request('3', '3', topic, 'phx_join', {})
    const text =
      'Too many subscribes of one connection: the limit is 1 per second, 2 at once (subscribes)'
    expect(refused).toEqual(makeReply(['3', '3', topic], 'error', { reason: text }))
    await client.expectNothing()
    server.advance(1000)
    expect(await client.join(topic)).toEqual({})
  })
})

describe('refused attempts', () => {
  const REFUSED = tooMany(
    'refused attempts of one connection: the limit is 1 per second, 3 at once (refused)',
  )
  const LIMIT = { refused: { perSecond: 1, burst: 3 } }

  test('once they are used up, whatever comes is refused unread, until time has gone by', async () => {
    await using server = await startLimited(LIMIT)
    await using client = await server.raw()
    for (let n = 0; n < 3; n++) expect(await exchange(client, GARBAGE)).toBe(NOT_JSON)
    expect(await exchange(client, GARBAGE)).toBe(REFUSED)
    expect(await exchange(client, PING)).toBe(REFUSED)
    expect(readCounters(server)['refused']).toBe(2)
    server.advance(1000)
    expect(await exchange(client, PING)).toBe(PONG)
  })

  test('who goes on meanwhile does not wait longer for it', async () => {
    await using server = await startLimited(LIMIT)
    await using client = await server.raw()
    for (let n = 0; n < 3; n++) await exchange(client, GARBAGE)
    for (let n = 0; n < 50; n++) expect(await exchange(client, PING)).toBe(REFUSED)
    server.advance(3000)
    for (let n = 0; n < 3; n++) expect(await exchange(client, GARBAGE)).toBe(NOT_JSON)
  })

  test('what this plugin refuses costs none', async () => {
    await using server = await startLimited({ ...LIMIT, subscribes: { perSecond: 1 } })
    await using client = await server.raw()
    await client.subscribed('a')
    for (let n = 0; n < 5; n++) {
      client.subscribe(`b-${n}`)
      expect(await client.next()).toContain('(subscribes)')
      await client.next('the error')
    }
    await client.expectNothing()
  })

  test('what another plugin refuses costs one, also when it says that it is too often', async () => {
    const other = makePlugin('other', {
      subscribe: () => reject('not now', { retryAfterSeconds: 1 }),
    })
    await using server = await startLimited(LIMIT, other)
    await using client = await server.raw()
    for (let n = 0; n < 3; n++) {
      client.subscribe('a')
      expect(await client.next()).toContain('not now')
      await client.next('the error')
    }
    expect(await exchange(client, PING)).toBe(REFUSED)
  })

  test('subscribes that waited behind another plugin’s gate are not decided any more', async () => {
    const opened = Promise.withResolvers<void>()
    let requests = 0
    const slow = makePlugin('slow', {
      authorize: async () => {
        requests++
        await opened.promise
        return reject('no')
      },
    })
    await using server = await startLimited(LIMIT, slow)
    await using client = await server.raw()
    for (let n = 0; n < 10; n++) client.subscribe(`private-${n}`)
    client.send(PING)
    await server.http('/up') // by now all of it has been read
    opened.resolve()
    const frames = await client.frames.take(21) // two for each subscribe, and the pong
    expect(frames.filter((frame) => frame.includes('"code":4301'))).toHaveLength(7)
    expect(requests).toBe(3)
  })

  test('by default a client whose 2000 channels are all refused may still talk', async () => {
    await using server = await startLimited({})
    await using client = await server.raw()
    for (let n = 0; n < 1999; n++) client.subscribe(`private-${n}`)
    await client.frames.take(2 * 1999)
    await client.subscribed('room')
  })
})
