/** `allow({ expiresAt })`: at its end `authorize` is asked again with what the client sent. */
import { describe, expect, test } from 'bun:test'
import {
  allow,
  definePlugin,
  reject,
  type Allow,
  type Reject,
  type SubscribeRequest,
} from '../../src/plugin'
import { start, type RawClient, type StartOptions, type TestServer } from '../harness'
import { connectPhoenix, KEY } from '../phoenix'

type Answer = Allow | Reject | undefined
type Asked = Pick<SubscribeRequest, 'channel' | 'auth' | 'channelData' | 'params'>

/** A server whose plugin allows for ten seconds, then answers what `later` says. */
async function startExpiring(later: () => Answer | Promise<Answer>, options: StartOptions = {}) {
  const asked: Asked[] = []
  const refused: string[] = []
  const plugin = definePlugin({
    name: 'expires',
    carillon: 1,
    setup: ({ clock }) => ({
      authorize(_, { channel, auth, channelData, params }) {
        const isFirst = !asked.some((each) => each.channel === channel)
        asked.push({ channel, auth, channelData, params })
        if (!isFirst) return later()
        return allow({ channelData: '{"user_id":"ann"}', expiresAt: clock.now() + 10_000 })
      },
      refused: (_, { message }) => void refused.push(message),
    }),
  })
  const server = await start({ ...options, plugins: [plugin] })
  return { server, asked, refused }
}

const ENDED = (channel: string, error: string) => ({
  event: 'pusher:subscription_error',
  channel,
  data: { type: 'AuthError', error, status: 403 },
})

/** Past an expiry of ten seconds, with the second in which it may be noticed. */
const expire = (server: TestServer) => server.advance(12_000)

const never = () => undefined

describe('a subscription that expires', () => {
  test('is asked about then and not before, with what its client sent', async () => {
    const { server, asked } = await startExpiring(() => allow())
    await using client = await server.raw()
    await client.subscribed('private-room', 'a token', '{"more":1}')
    server.advance(9000)
    expect(asked).toHaveLength(1)
    server.advance(2000)
    const sent = { channel: 'private-room', auth: 'a token', channelData: '{"more":1}', params: {} }
    expect(asked).toEqual([sent, sent])
    await client.expectNothing()
    server.advance(100_000)
    expect(asked).toHaveLength(2) // allowed for good
    expect(server.core.expiries.size).toBe(0)
    await server.stop()
  })

  test('is asked about as often as it expires', async () => {
    const { server, asked } = await startExpiring(() =>
      allow({ expiresAt: server.clock.now() + 5000 }),
    )
    await using client = await server.raw()
    await client.subscribed('private-room')
    server.advance(30_000)
    expect(asked.length).toBeGreaterThanOrEqual(4)
    expect(asked.length).toBeLessThanOrEqual(5)
    await client.expectNothing()
    await server.stop()
  })

  test('ends where it is refused, and its connection stays', async () => {
    const { server, refused } = await startExpiring(() => reject('Your ticket is over'))
    await using client = await server.raw()
    await client.subscribed('private-room')
    await client.subscribed('other')
    expire(server)
    expect(await client.nextJson()).toEqual(ENDED('private-room', 'Your ticket is over'))
    await client.expectNothing()
    expect(refused).toEqual(['Your ticket is over'])
    expect(server.countsOf('private-room').subscriptions).toBe(0)
    expect(server.countsOf('other').subscriptions).toBe(1)
    await server.stop()
  })

  test('ends on a Phoenix socket with phx_close, after a question with the payload of its join', async () => {
    const { server, asked } = await startExpiring(() => reject('Your ticket is over'))
    await using client = await connectPhoenix(server, { query: KEY })
    await client.join('private-room', { token: 'abc', auth: 'x' }, '7')
    expire(server)
    const reason = { reason: 'Your ticket is over' }
    expect(await client.next()).toEqual(['7', '7', 'private-room', 'phx_close', reason])
    const params = { token: 'abc', auth: 'x' }
    expect(asked[1]).toEqual({ ...asked[0]!, params })
    await server.stop()
  })

  test.each<[string, () => Answer | Promise<Answer>]>([
    [
      'throws',
      () => {
        throw new Error('secret detail')
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret detail'))],
    ['answers nonsense', () => 7 as never],
  ])('ends where the gate %s', async (_, later) => {
    const { server } = await startExpiring(later)
    await using client = await server.raw()
    await client.subscribed('private-room')
    expire(server)
    expect(await client.nextJson()).toEqual(ENDED('private-room', 'Internal server error'))
    await server.stop()
  })

  test('ends where the gate gives no answer in time', async () => {
    const { server } = await startExpiring(() => new Promise(never))
    await using client = await server.raw()
    await client.subscribed('private-room')
    expire(server)
    await client.expectNothing()
    server.advance(3000)
    expect(await client.nextJson()).toEqual(ENDED('private-room', 'Internal server error'))
    await server.stop()
  })

  test('is left to its signature where no plugin answers', async () => {
    const { server } = await startExpiring(never)
    await using signed = await server.raw()
    await signed.subscribed('private-a', server.sign(signed, 'private-a'))
    await using unsigned = await server.raw()
    await unsigned.subscribed('private-b')
    expire(server)
    expect((await unsigned.nextJson()).data).toMatchObject({
      error: 'Auth info required to subscribe to private-b',
    })
    await signed.expectNothing()
    expect(server.core.expiries.size).toBe(0)
    await server.stop()
  })

  test.each([
    ['the same member stays', '{"user_id":"ann"}', undefined],
    ['another one goes', '{"user_id":"bob"}', 'another one now'],
    ['one who is none goes', '{"user_id":""}', 'user_id supplied'],
  ])('of a presence channel: %s', async (_, channelData, error) => {
    const { server } = await startExpiring(() => allow({ channelData }))
    await using client = await server.raw()
    await client.subscribed('presence-room')
    expire(server)
    if (error === undefined) await client.expectNothing()
    else expect(await client.next()).toContain(error)
    const users = error === undefined ? 1 : 0
    expect(server.countsOf('presence-room')).toEqual({ subscriptions: users, users })
    await server.stop()
  })
})

describe('nothing is asked, and nothing kept', () => {
  test.each<[string, (client: RawClient, server: TestServer) => Promise<unknown> | void]>([
    [
      'when it was left',
      async (client) => {
        client.send({ event: 'pusher:unsubscribe', data: { channel: 'private-room' } })
        await client.expectNothing()
      },
    ],
    [
      'when the connection has closed',
      async (client, server) => {
        await client[Symbol.asyncDispose]()
        await server.waitForConnections(0)
      },
    ],
    [
      'when the app is gone',
      async (client, server) => {
        await server.change({ active: false })
        await client.closing()
        await server.waitForConnections(0)
      },
    ],
  ])('%s', async (_, leave) => {
    const { server, asked } = await startExpiring(() => allow())
    const client = await server.raw()
    await client.subscribed('private-room')
    expect(server.core.expiries.size).toBe(1)
    await leave(client, server)
    expect(server.core.expiries.size).toBe(0)
    expire(server)
    await server.http('/up')
    expect(asked).toHaveLength(1)
    await client[Symbol.asyncDispose]()
    await server.stop()
  })

  test('a late answer says nothing of a subscription that came after', async () => {
    const answer = Promise.withResolvers<Answer>()
    let later: () => Answer | Promise<Answer> = () => answer.promise
    const { server, asked } = await startExpiring(() => later())
    await using client = await server.raw()
    await client.subscribed('private-room')
    expire(server)
    expect(asked).toHaveLength(2)
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'private-room' } })
    later = () => allow()
    await client.subscribed('private-room')
    answer.resolve(reject('Too late'))
    await server.http('/up')
    await client.expectNothing()
    expect(server.countsOf('private-room').subscriptions).toBe(1)
    await server.stop()
  })
})

test('a time that is over already is asked about at once, and not without end', async () => {
  const { server, asked } = await startExpiring(() => allow({ expiresAt: 1 }))
  await using client = await server.raw()
  await client.subscribed('private-room')
  expire(server)
  const before = asked.length
  server.advance(5000)
  expect(asked.length - before).toBe(5)
  await client.expectNothing()
  await server.stop()
})

test.each([Number.NaN, Infinity, 'soon'])('expiresAt of %p is a fault', async (expiresAt) => {
  const { server } = await startExpiring(() => allow({ expiresAt: expiresAt as number }))
  await using client = await server.raw()
  await client.subscribed('private-room')
  await client.subscribed('room')
  client.send({ event: 'pusher:unsubscribe', data: { channel: 'private-room' } })
  client.subscribe('private-room')
  expect(await client.next()).toContain('Internal server error')
  await server.stop()
})

test('what is too long to keep is refused', async () => {
  const { server } = await startExpiring(() => allow())
  await using client = await server.raw()
  client.subscribe('private-room', 'x'.repeat(20_000))
  expect((await client.nextJson()).data).toMatchObject({ type: 'LimitReached', status: 413 })
  await client.next('the error')
  expect(server.core.expiries.size).toBe(0)
  await server.stop()
})

describe('many at once', () => {
  const COUNT = 300

  async function enterMany(client: RawClient) {
    for (let n = 0; n < COUNT; n++) client.subscribe(`private-${n}`)
    await client.frames.take(COUNT)
  }

  test('are asked about over many turns', async () => {
    let steps = 0
    const { server, asked } = await startExpiring(() => allow(), { meter: () => steps++ })
    await using client = await server.raw()
    await enterMany(client)
    const { slices } = server.core
    const before = slices.turns
    expire(server)
    expect(asked.length).toBeLessThan(COUNT + 20)
    while (asked.length < 2 * COUNT) await server.http('/up')
    expect(slices.turns - before).toBeGreaterThan(COUNT / 8)
    await server.stop()
  })

  test('are asked about so many at a time, the others when these are answered', async () => {
    const answers: PromiseWithResolvers<Answer>[] = []
    const { server } = await startExpiring(() => {
      const answer = Promise.withResolvers<Answer>()
      answers.push(answer)
      return answer.promise
    })
    await using client = await server.raw()
    await enterMany(client)
    expire(server)
    await client.expectNothing()
    expect(answers).toHaveLength(256)
    for (const { resolve } of answers.splice(0)) resolve(allow())
    while (answers.length < COUNT - 256) await server.http('/up')
    for (const { resolve } of answers) resolve(reject('Over'))
    const frames = await client.frames.take(COUNT - 256)
    expect(frames.every((frame) => frame.includes('Over'))).toBe(true)
    await client.expectNothing()
    expect(server.core.expiries.size).toBe(0)
    await server.stop()
  })
})
