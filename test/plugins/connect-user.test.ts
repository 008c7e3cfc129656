/** `connect` names the user of a connection: signed in without a sign-in. */
import { describe, expect, test } from 'bun:test'
import { allow, reject, type AllowOptions, type GivenUser, type Hooks } from '../../src/plugin'
import {
  Inbox,
  makePlugin,
  start,
  waitFor,
  waitUntil,
  type RawClient,
  type TestServer,
} from '../harness'
import { connectPhoenix, KEY } from '../phoenix'
import { makeSignedIn } from '../protocols/signed-in'
import { startActing } from './acting'

/** The user is in the query, as JSON: `?user={"id":"ann"}`. */
const NAMING: Hooks = {
  connect: (_, { query }) => {
    const user = query.get('user')
    return user === null ? undefined : allow({ user: JSON.parse(user) as GivenUser })
  },
}

const startNaming = (hooks: Hooks = {}, options: Parameters<typeof start>[0] = {}) =>
  start({ ...options, plugins: [makePlugin('names', NAMING), makePlugin('other', hooks)] })

const pathOf = (user: object) =>
  `/app/test-app-fake-key?protocol=7&user=${encodeURIComponent(JSON.stringify(user))}`

const connectAs = (server: TestServer, user: object): Promise<RawClient> =>
  server.raw({ path: pathOf(user) })

const WATCHED = (...groups: readonly (readonly [string, readonly string[]])[]) => ({
  event: 'pusher_internal:watchlist_events',
  data: JSON.stringify({ events: groups.map(([name, ids]) => ({ name, user_ids: ids })) }),
})

const appOf = ({ core }: TestServer) => core.apps.byId('1')!

describe('a connection that is given a user', () => {
  test('gets its hello, then what a sign-in causes, and no reply to one', async () => {
    await using server = await startNaming()
    await using bob = await connectAs(server, { id: 'bob' })
    await using ann = await connectAs(server, { id: 'ann', watchlist: ['bob', 'eve'] })
    expect(await ann.nextJson()).toEqual(WATCHED(['offline', ['eve']], ['online', ['bob']]))
    for (const client of [ann, bob]) await client.expectNothing()
  })

  test('is online for those who watch the user, until it closes', async () => {
    await using server = await startNaming()
    await using watcher = await server.raw()
    server.signin(watcher, '{"id":"watcher","watchlist":["ann"]}')
    await watcher.frames.take(2)
    const tabs = [await connectAs(server, { id: 'ann' }), await connectAs(server, { id: 'ann' })]
    expect(await watcher.nextJson()).toEqual(WATCHED(['online', ['ann']]))
    await tabs[0]![Symbol.asyncDispose]()
    await server.waitForConnections(2)
    await watcher.expectNothing()
    await tabs[1]![Symbol.asyncDispose]()
    expect(await watcher.nextJson()).toEqual(WATCHED(['offline', ['ann']]))
  })

  test('is shown to plugins with it, sent its events, and closed with it', async () => {
    const seen: (string | undefined)[] = []
    const { server, context, app } = await startActing(() => ({
      ...NAMING,
      connected: ({ userId }) => void seen.push(userId),
    }))
    const ann = await connectAs(server, { id: 'ann' })
    await using bob = await connectAs(server, { id: 'bob' })
    await using nobody = await server.raw()
    await waitUntil('all are seen', () => seen.length === 3)
    expect(seen.toSorted()).toEqual(['ann', 'bob', undefined])
    expect(context.connectionsOf(app, 'ann').map(({ socketId }) => socketId)).toEqual([
      ann.socketId,
    ])
    await server.sdk().sendToUser('ann', 'hello', 'x')
    const hello = { event: 'hello', channel: '#server-to-user-ann', data: 'x' }
    expect(await ann.nextJson()).toEqual(hello)
    await server.sdk().terminateUserConnections('ann')
    expect((await ann.closing()).code).toBe(4009)
    for (const client of [bob, nobody]) await client.expectNothing()
    await server.waitForConnections(2)
    expect(server.core.users.isOnline(appOf(server), 'ann' as never)).toBe(false)
    await server.stop()
  })

  test('is that member of presence channels, unless another is signed', async () => {
    await using server = await startNaming()
    await using ann = await connectAs(server, { id: 'ann', info: { age: 7 } })
    const rosterOf = (frame: string) =>
      (JSON.parse(JSON.parse(frame).data) as { presence: { hash: object } }).presence.hash
    const frame = await ann.subscribed('presence-a', server.sign(ann, 'presence-a'))
    expect(rosterOf(frame)).toEqual({ ann: { age: 7 } })
    const data = '{"user_id":"other"}'
    const signed = await ann.subscribed('presence-b', server.sign(ann, 'presence-b', data), data)
    expect(rosterOf(signed)).toEqual({ other: {} })
  })

  test('counts as authorized', async () => {
    await using server = await startNaming({}, { limits: { authorizeWithinSeconds: 5 } })
    await using ann = await connectAs(server, { id: 'ann' })
    await using nobody = await server.raw()
    server.advance(6000)
    expect((await nobody.closing()).code).toBe(4009)
    await ann.expectNothing()
  })

  test('may sign in again as the same user, and not as another', async () => {
    await using server = await startNaming()
    await using ann = await connectAs(server, { id: 'ann' })
    const again = '{"id":"ann","more":1}'
    server.signin(ann, again)
    expect(await ann.next()).toBe(makeSignedIn(again))
    server.signin(ann, '{"id":"bob"}')
    expect(await ann.next()).toContain('already associated with a different user id')
    await server.sdk().sendToUser('ann', 'hello', 'x')
    expect((await ann.nextJson()).event).toBe('hello')
    await ann.expectNothing()
  })

  test('is watched no more than the app allows', async () => {
    await using server = await startNaming({}, { limits: { maxWatchedUsers: 1 } })
    await using ann = await connectAs(server, { id: 'ann', watchlist: ['bob', 'eve'] })
    expect(await ann.nextJson()).toMatchObject({ event: 'pusher:error', data: { code: 4302 } })
    expect(await ann.nextJson()).toEqual(WATCHED(['offline', ['bob']]))
  })

  test('that waits hears its messages after its sign-in, in order', async () => {
    await using server = await startNaming()
    const held = server.hold()
    await using ann = await server.raw({ path: pathOf({ id: 'ann' }), hello: false })
    await ann.opened
    ann.subscribe('presence-a', 'x')
    ann.subscribe('room')
    held.release()
    const events = (await ann.frames.take(4)).map((frame) => JSON.parse(frame).event)
    expect(events).toEqual([
      'pusher:connection_established',
      'pusher:subscription_error',
      'pusher:error',
      'pusher_internal:subscription_succeeded',
    ])
  })
})

describe('pusher-js', () => {
  test('hears what is sent to its user without signing in, and signs in afterwards', async () => {
    await using server = await startNaming()
    const sdk = server.sdk()
    const query = pathOf({ id: 'ann', watchlist: ['bob'] }).split('?')[1]
    await using client = server.pusher({
      options: {
        userAuthentication: {
          endpoint: '',
          transport: 'ajax',
          customHandler: ({ socketId }, callback) =>
            callback(null, sdk.authenticateUser(socketId, { id: 'ann' })),
        },
      },
      key: `test-app-fake-key?${query}&`, // it has no option for a query
    })
    const [heard, watched] = [new Inbox<unknown>(), new Inbox<unknown>()]
    client.pusher.bind('hello', (data: unknown) => heard.push(data))
    client.pusher.user.watchlist.bind('offline', (data: unknown) => watched.push(data))
    await client.state('connected')
    expect(await watched.next()).toEqual({ name: 'offline', user_ids: ['bob'] })
    await sdk.sendToUser('ann', 'hello', { n: 1 })
    expect(await heard.next()).toEqual({ n: 1 })
    client.pusher.signin()
    const { signinDonePromise } = client.pusher.user as unknown as {
      signinDonePromise: Promise<void>
    }
    await waitFor('the sign-in', signinDonePromise)
    expect(client.pusher.user.user_data).toEqual({ id: 'ann' })
    expect(client.errors.unread).toEqual([])
  })
})

describe('a Phoenix socket', () => {
  test('is closed with its user', async () => {
    await using server = await startNaming()
    const user = encodeURIComponent('{"id":"ann"}')
    await using client = await connectPhoenix(server, { query: `${KEY}&user=${user}` })
    await client.expectNothing()
    const found = server.servers.flatMap(({ core }) => [
      ...core.users.connectionsOf(core.apps.byId('1')!, 'ann' as never),
    ])
    expect(found).toHaveLength(1)
    await server.sdk().terminateUserConnections('ann')
    expect((await client.client.closing()).code).toBe(1001)
  })

  test('that names no app can have no user: 403', async () => {
    await using server = await startNaming()
    await expect(connectPhoenix(server, { query: 'user={"id":"ann"}' })).rejects.toThrow()
    expect(server.totals.connectionsRefused).toBe(1)
    expect(server.totals.faults).toBe(0)
  })
})

describe('a user is refused', () => {
  const throws = (): never => {
    throw new Error('secret detail')
  }
  test.each<[string, GivenUser, Hooks, number, string]>([
    ['by a signin gate', { id: 'ann' }, { signin: () => reject('Not ann') }, 4009, 'Not ann'],
    [
      'by one for now',
      { id: 'ann' },
      { signin: async () => reject('Later', { retryAfterSeconds: 1 }) },
      4100,
      'Later',
    ],
    ['where one fails', { id: 'ann' }, { signin: throws }, 4100, 'Internal server error'],
    ['with a long id', { id: 'x'.repeat(300) }, {}, 4009, 'maxUserIdChars'],
    ['with an id of dots', { id: '..' }, {}, 4009, 'dots alone'],
    ['watching no list', { id: 'ann', watchlist: 'bob' as never }, {}, 4009, 'watchlist'],
    ['with a number', { id: 7 as never }, {}, 4100, 'could not accept'],
    ['with info that is no object', { id: 'ann', info: [1] }, {}, 4100, 'could not accept'],
    ['that is none', 'ann' as never, {}, 4100, 'could not accept'],
  ])('%s, and nothing of them is left', async (_, user, hooks, code, text) => {
    await using server = await startNaming(hooks)
    await using client = await server.raw({ path: pathOf(user), hello: false })
    expect(await client.next()).toContain(text)
    expect((await client.closing()).code).toBe(code)
    await server.waitForConnections(0)
    const { users } = server.core
    expect([...users.signingIn(appOf(server), 'ann' as never)]).toEqual([])
    expect(server.core.hub.connectionCount).toBe(0)
  })

  test('the signin gate is shown who it is', async () => {
    const seen: unknown[] = []
    await using server = await startNaming({
      signin: (_, { userId, userData }) => void seen.push([userId, userData]),
    })
    await using _client = await connectAs(server, { id: 'ann', info: { a: 1 }, watchlist: [] })
    const data = { id: 'ann', user_info: { a: 1 }, watchlist: [] }
    expect(seen).toEqual([['ann', data]])
  })

  test.each(['terminated', 'gone'])('who is %s while a gate waits never enters', async (how) => {
    const [called, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<undefined>()]
    await using server = await startNaming({
      signin: () => {
        called.resolve()
        return opened.promise
      },
    })
    const client = await server.raw({ path: pathOf({ id: 'ann' }), hello: false })
    await client.opened
    await called.promise
    if (how === 'terminated') await server.sdk().terminateUserConnections('ann')
    else client.socket.close()
    const { code } = await client.closing()
    if (how === 'terminated') expect(code).toBe(4009)
    opened.resolve(undefined)
    await server.http('/up')
    await server.settle()
    const signingIn = server.servers.flatMap(({ core }) => [
      ...core.users.signingIn(core.apps.byId('1')!, 'ann' as never),
    ])
    expect(signingIn).toEqual([])
    expect(server.connectionCount).toBe(0)
    expect(server.core.engine.isOnline(appOf(server), 'ann' as never)).toBe(false)
  })

  test.each([
    ['user', { user: { id: 'ann' } }],
    ['expireAt', { expireAt: 1 }],
    ['data ', { 'data\n': {} }],
  ])('an allow with what its hook does not take is a fault: %s', async (named, options) => {
    await using server = await startNaming({ authorize: () => allow(options as AllowOptions) })
    await using client = await server.raw()
    client.subscribe('private-room')
    expect(await client.next()).toContain('Internal server error')
    const [line] = server.log.lines.filter(({ message }) => message === 'plugin failed')
    expect(line).toMatchObject({
      fields: { err: { message: `allow of authorize may not have ${named}` } },
    })
  })
})
