/** Plugins end subscriptions: one of a connection, or a user's in a channel. */
import { describe, expect, test } from 'bun:test'
import type { AppView, ConnectionView, PluginContext } from '../../src/plugin'
import { Inbox, waitUntil, type RawClient, type TestServer } from '../harness'
import { connectPhoenix, GENERATIONS, KEY, PhoenixJs } from '../phoenix'
import { startActing } from './acting'

const ENDED = (channel: string, error = 'Your trial is over') => ({
  event: 'pusher:subscription_error',
  channel,
  data: { type: 'AuthError', error, status: 403 },
})

/** A server whose plugin ends the subscription of whoever sends `client-end`, and notes what it is told. */
async function startEnding() {
  const told: string[] = []
  const results: boolean[] = []
  const acting = await startActing(({ unsubscribe }: PluginContext) => ({
    subscribed: (_, { channel }) => void told.push(`subscribed ${channel}`),
    unsubscribed: (_, { channel }) => void told.push(`unsubscribed ${channel}`),
    frame: (conn, text) => {
      const [, channel] = /client-end.*>([^"]*)/.exec(text) ?? []
      if (channel) results.push(unsubscribe(conn, channel, 'Your trial is over'))
    },
  }))
  return { ...acting, told, results }
}

const end = (client: RawClient, channel: string) =>
  client.send({ event: 'client-end', channel: 'x', data: `>${channel}` })

/** Reads the refusal of the client event by which it was asked. */
async function skipError(client: RawClient): Promise<void> {
  expect((await client.nextJson()).event).toBe('pusher:error')
}

describe('one subscription', () => {
  test.each(['room', 'private-room', 'presence-room', 'cache-room'])(
    'to %s ends as if the client had left, and its client is told why',
    async (channel) => {
      const { server, told, results } = await startEnding()
      await using client = await server.raw()
      await using other = await server.raw()
      for (const [index, each] of [client, other].entries()) {
        await server.signedIn(each, channel, { user_id: `user-${index}` })
        if (channel === 'cache-room') await each.next('the cache miss')
      }
      if (channel === 'presence-room')
        expect((await client.nextJson()).event).toBe('pusher_internal:member_added')
      end(client, channel)
      expect(await client.nextJson()).toEqual(ENDED(channel))
      await skipError(client)
      if (channel === 'presence-room')
        expect(await other.nextJson()).toMatchObject({ event: 'pusher_internal:member_removed' })
      await server.trigger({ channel, name: 'e', data: '' })
      expect((await other.nextJson()).event).toBe('e')
      await client.expectNothing()
      expect(told.at(-1)).toBe(`unsubscribed ${channel}`)
      expect(results).toEqual([true])
      expect((await server.askCounts(channel)).subscriptions).toBe(1)
      await server.signedIn(client, channel, { user_id: 'user-0' })
      await server.stop()
    },
  )

  test('ends with a text for its client, also where the plugin has none', async () => {
    const { server, context, app } = await startActing(({ unsubscribe }) => ({
      subscribed: (conn, { channel }) => void unsubscribe(conn, channel, undefined as never),
    }))
    await using client = await server.raw()
    client.subscribe('room')
    const frames = [await client.nextJson(), await client.nextJson()]
    expect(frames).toContainEqual(ENDED('room', 'Refused, and no reason was given'))
    expect(await context.counts(app, 'room')).toMatchObject({ subscriptions: 0 })
    await server.stop()
  })

  test('that there is not, or that is to the own user, is none', async () => {
    const { server, results, told } = await startEnding()
    await using client = await server.raw()
    server.signin(client, '{"id":"ann"}')
    await client.next('the sign-in')
    for (const channel of ['room', '#server-to-user-ann']) {
      end(client, channel)
      await skipError(client)
    }
    expect(results).toEqual([false, false])
    expect(told).toEqual([])
    await server.sdk().sendToUser('ann', 'e', 'x')
    expect((await client.nextJson()).event).toBe('e')
    await server.stop()
  })

  test('may end in the hook that is told of its member, who is then announced as gone', async () => {
    const conns: ConnectionView[] = []
    const told: string[] = []
    const { server } = await startActing(({ unsubscribe }) => ({
      connected: (conn) => void conns.push(conn),
      presence: (_, { type, channel, userId }) => {
        told.push(type)
        if (userId === 'bob' && type === 'member_added')
          unsubscribe(conns[1]!, channel, 'Not you again')
      },
      subscribed: (_, { userId }) => void told.push(`subscribed ${userId}`),
      unsubscribed: (_, { userId }) => void told.push(`unsubscribed ${userId}`),
    }))
    await using ann = await server.raw()
    await server.signedIn(ann, 'presence-room', { user_id: 'ann' })
    await using bob = await server.raw()
    await server.signedIn(bob, 'presence-room', { user_id: 'bob' })
    expect(await bob.nextJson()).toEqual(ENDED('presence-room', 'Not you again'))
    const events = [(await ann.nextJson()).event, (await ann.nextJson()).event]
    expect(events).toEqual(['pusher_internal:member_added', 'pusher_internal:member_removed'])
    await waitUntil('all is told', () => told.length >= 5)
    const news = told.slice(2)
    expect(news[0]).toBe('member_added')
    expect(news.sort()).toEqual(['member_added', 'member_removed', 'unsubscribed bob'])
    expect(await server.askCounts('presence-room')).toEqual({ subscriptions: 1, users: 1 })
    await server.stop()
  })

  test('pusher-js hears of it on the channel, and may subscribe again', async () => {
    const conns: ConnectionView[] = []
    const { server, context } = await startActing(() => ({
      connected: (conn) => void conns.push(conn),
    }))
    await using client = server.pusher()
    await client.subscribe('private-room')
    context.unsubscribe(conns[0]!, 'private-room', 'Your trial is over')
    expect(await client.nextEvent()).toEqual(ENDED('private-room'))
    client.pusher.unsubscribe('private-room')
    await client.subscribe('private-room')
    expect((await server.askCounts('private-room')).subscriptions).toBe(1)
    expect(client.errors.unread).toEqual([])
    await server.stop()
  })
})

describe('on a Phoenix socket', () => {
  const RAW = [
    [2, ['7', '7', 'room', 'phx_close', { reason: 'Over' }]],
    [1, [undefined, '7', 'room', 'phx_close', { reason: 'Over' }]],
  ] as const

  test.each(RAW)('version %d is sent phx_close with the reason', async (version, frame) => {
    const conns: ConnectionView[] = []
    const { server, context } = await startActing(() => ({
      connected: (conn) => void conns.push(conn),
    }))
    await using client = await connectPhoenix(server, { query: KEY, version })
    await client.join('room', {}, '7')
    expect(context.unsubscribe(conns[0]!, 'room', 'Over')).toBe(true)
    expect(await client.next()).toEqual(frame as never)
    await client.expectNothing()
    await client.join('room', {}, '8')
    await server.stop()
  })

  test('a group is named as plugins know it', async () => {
    const conns: ConnectionView[] = []
    const { server, context } = await startActing(() => ({
      connected: (conn) => void conns.push(conn),
    }))
    await using client = await connectPhoenix(server)
    await client.join('public:test-app')
    expect(context.unsubscribe(conns[0]!, 'public:test-app', 'Over')).toBe(true)
    expect((await client.next())[3]).toBe('phx_close')
    await server.stop()
  })

  test.each(GENERATIONS)(
    'phoenix.js %s is closed with the reason, and stays out',
    async (version) => {
      const conns: ConnectionView[] = []
      const { server, context } = await startActing(() => ({
        connected: (conn) => void conns.push(conn),
      }))
      await using client = new PhoenixJs(server, version, { params: { app_key: server.app.key } })
      const channel = await client.join('room', [])
      const reasons = new Inbox<unknown>()
      channel.onClose((payload) => reasons.push(payload))
      context.unsubscribe(conns[0]!, 'room', 'Over')
      expect(await reasons.next('the end of the channel')).toEqual({ reason: 'Over' })
      await client.join('other', [])
      expect((await server.askCounts('room')).subscriptions).toBe(0)
      await server.stop()
    },
  )
})

describe('a user in a channel', () => {
  const expel = (context: PluginContext, app: AppView, channel: string) =>
    context.unsubscribeUser(app, 'ann', channel, 'Not here')

  async function enterAs(server: TestServer, channel: string, id: string, how: 'user' | 'member') {
    const client = await server.raw()
    if (how === 'user') {
      server.signin(client, JSON.stringify({ id }))
      await client.next('the sign-in')
    }
    await server.signedIn(client, channel, { user_id: id })
    return client
  }

  test.each([
    ['room', 'user'],
    ['private-room', 'user'],
    ['presence-room', 'user'],
    ['presence-room', 'member'],
  ] as const)('leaves %s with every connection, as a signed-in %s', async (channel, how) => {
    const { server, context, app } = await startActing()
    const anns = [await enterAs(server, channel, 'ann', how)]
    anns.push(await enterAs(server, channel, 'ann', how))
    await using bob = await enterAs(server, channel, 'bob', 'user')
    if (channel === 'presence-room') for (const each of anns) await each.next('member_added')
    await expel(context, app, channel)
    for (const each of anns) {
      expect(await each.nextJson()).toEqual(ENDED(channel, 'Not here'))
      await each.expectNothing()
    }
    if (channel === 'presence-room')
      expect((await bob.nextJson()).event).toBe('pusher_internal:member_removed')
    await bob.expectNothing()
    expect((await server.askCounts(channel)).subscriptions).toBe(1)
    for (const each of anns) await each[Symbol.asyncDispose]()
    await server.stop()
  })

  test('who is not there leaves nothing; a name of no channel rejects', async () => {
    const { server, context, app } = await startActing()
    await expel(context, app, 'room')
    await using bob = await enterAs(server, 'room', 'bob', 'user')
    await expel(context, app, 'room')
    await bob.expectNothing()
    await expect(expel(context, app, 'a b')).rejects.toThrow('Invalid channel name')
    await server.stop()
  })
})
