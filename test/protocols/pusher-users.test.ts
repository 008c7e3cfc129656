/**
 * Users: sign-in, what only the signed-in user hears, and the end of all that a user has open. What
 * contract 5 says of them is in `users-rows.test.ts`.
 */
import { describe, expect, test } from 'bun:test'
import { Inbox, makePlugin, start, waitFor, type PusherClient, type TestServer } from '../harness'
import { makeSignedIn, connectSignedIn } from './signed-in'

const USER = '{"id":"ada","user_info":{"name":"Ada"},"more":[1]}'
describe('pusher:signin', () => {
  const REFUSED: readonly (readonly [
    name: string,
    data: (sign: (text: string) => string) => unknown,
    says: string,
  ])[] = [
    ['no data', () => undefined, 'expected data with auth and user_data'],
    ['a list', () => [], 'expected data with auth and user_data'],
    ['auth of another type', () => ({ auth: 1, user_data: USER }), 'expected data with auth'],
    [
      'user_data of another type',
      (sign) => ({ auth: sign(USER), user_data: { id: 'ada' } }),
      'expected data with auth and user_data',
    ],
    [
      'no colon',
      () => ({ auth: 'x', user_data: USER }),
      "Invalid auth: 'x' is not the key of this app",
    ],
    ['another key', () => ({ auth: 'other:x', user_data: USER }), "Invalid auth: 'other:x'"],
    [
      'a wrong signature',
      () => ({ auth: 'test-app-fake-key:00', user_data: USER }),
      'Invalid signature: Expected HMAC SHA256 hex digest of',
    ],
    [
      'other data than signed',
      (sign) => ({ auth: sign(USER), user_data: '{"id":"eve"}' }),
      'Invalid signature',
    ],
    ...[
      '{}',
      '[]',
      'null',
      '"ada"',
      'ada',
      '{"id":1}',
      '{"id":""}',
      '{"id":null}',
      '{"id":["ada"]}',
      '{"id":"\\ud800"}',
    ].map(
      (text) =>
        [
          text,
          (sign: (text: string) => string) => ({ auth: sign(text), user_data: text }),
          'Invalid user_data: expected a JSON object with an id',
        ] as const,
    ),
    ...['.', '..'].map(
      (id) =>
        [
          `the id ${id}`,
          (sign: (text: string) => string) => {
            const text = JSON.stringify({ id })
            return { auth: sign(text), user_data: text }
          },
          'Invalid user_data: an id of dots alone cannot stand in a URL',
        ] as const,
    ),
    [
      'an id that is too long',
      (sign) => {
        const text = JSON.stringify({ id: 'x'.repeat(129) })
        return { auth: sign(text), user_data: text }
      },
      'an id of 129 characters exceeds the limit of 128 (maxUserIdChars)',
    ],
  ]
  test.each(REFUSED)('with %s is refused, and the connection stays', async (_, data, says) => {
    await using server = await start()
    await using client = await server.raw()
    const sign = (text: string) => server.sign({ socketId: `${client.socketId}::user:` }, text)
    client.send({ event: 'pusher:signin', data: data(sign) })
    const frame = await client.next()
    expect(frame).toStartWith('{"event":"pusher:error","data":{"code":null,')
    expect(JSON.parse(frame).data.message).toContain(says)
    client.subscribe('#server-to-user-ada')
    expect(await client.next()).toContain('subscription_error')
    await client.next('the error')
    await client.expectNothing()
  })
})

describe('the channel of a user', () => {
  test('leaves out the excluded connection, and is in no list and no fact', async () => {
    await using server = await start()
    await using first = await connectSignedIn(server, USER)
    await using second = await connectSignedIn(server, USER)
    const channels = ['#server-to-user-ada']
    const event = { name: 'e', data: 'x', channels, socket_id: first.socketId }
    await server.signed('POST', '/events', JSON.stringify(event))
    expect((await second.nextJson()).event).toBe('e')
    await first.expectNothing()
    const listed = await (await server.signed('GET', '/channels')).json()
    expect(listed).toEqual({ channels: {} })
    await first[Symbol.asyncDispose]()
    await second[Symbol.asyncDispose]()
    await server.waitForConnections(0)
    expect(server.listFactNames()).toEqual([
      'connected',
      'connected',
      'disconnected',
      'disconnected',
    ])
    const app = server.core.apps.byId('1')!
    expect(server.core.hub.channel(app, '#server-to-user-ada' as never)).toBeUndefined()
    expect([...server.core.users.connectionsOf(app, 'ada' as never)]).toEqual([])
  })
})

describe('terminate_connections', () => {
  test.each(['zoë 1', 'a,b;c', '100%', 'x'.repeat(128)])('finds the user %j', async (id) => {
    await using server = await start()
    await using client = await connectSignedIn(server, JSON.stringify({ id }))
    const path = `/users/${encodeURIComponent(id)}/terminate_connections`
    expect(await (await server.signed('POST', path)).json()).toEqual({})
    expect((await client.closing()).code).toBe(4009)
  })

  test('closes those whose sign-in waits for a plugin, too', async () => {
    const [called, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<undefined>()]
    const signin = () => {
      called.resolve()
      return opened.promise
    }
    await using server = await start({ plugins: [makePlugin('slow', { signin })] })
    await using client = await server.raw()
    server.signin(client, USER)
    await called.promise
    await server.sdk().terminateUserConnections('ada')
    expect((await client.closing()).code).toBe(4009)
    opened.resolve(undefined)
    await server.http('/up')
    const app = server.core.apps.byId('1')!
    expect([...server.core.users.signingIn(app, 'ada' as never)]).toEqual([])
    expect(server.core.users.isOnline(app, 'ada' as never)).toBe(false)
  })

  test('needs a signature', async () => {
    await using server = await start()
    const unsigned = await server.http('/apps/1/users/ada/terminate_connections', {
      method: 'POST',
    })
    expect(unsigned.status).toBe(401)
  })
})

describe('pusher-js', () => {
  const signingIn = (server: TestServer): PusherClient => {
    const sdk = server.sdk()
    return server.pusher({
      options: {
        userAuthentication: {
          endpoint: '',
          transport: 'ajax',
          customHandler: ({ socketId }, callback) =>
            callback(null, sdk.authenticateUser(socketId, { id: 'ada', watchlist: [] })),
        },
      },
    })
  }

  test('signs in, hears what is sent to its user, and stays away when it is terminated', async () => {
    await using server = await start()
    await using client = signingIn(server)
    const heard = new Inbox<unknown>()
    client.pusher.user.bind('hello', (data: unknown) => heard.push(data))
    client.pusher.signin()
    await waitFor(
      'the sign-in',
      (client.pusher.user as unknown as { signinDonePromise: Promise<void> }).signinDonePromise,
    )
    expect(client.pusher.user.user_data).toEqual({ id: 'ada', watchlist: [] })
    await server.sdk().sendToUser('ada', 'hello', { n: 1 })
    expect(await heard.next()).toEqual({ n: 1 })
    await server.sdk().terminateUserConnections('ada')
    await client.state('disconnected')
  })
})

describe('presence without channel_data', () => {
  test('takes a signed-in connection by its identity; what is signed for the channel wins', async () => {
    await using server = await start()
    await using ada = await connectSignedIn(server, USER)
    const frame = await ada.subscribed('presence-a', server.sign(ada, 'presence-a'))
    expect(JSON.parse(JSON.parse(frame).data).presence).toEqual({
      ids: ['ada'],
      hash: { ada: { name: 'Ada' } },
      count: 1,
    })
    expect(await server.signedIn(ada, 'presence-b', { user_id: 'guest' })).toContain('guest')
    ada.send({ event: 'client-e', channel: 'presence-a', data: 1 })
    await ada.expectNothing()
  })

  test('is refused to others', async () => {
    await using server = await start()
    await using nobody = await server.raw()
    nobody.subscribe('presence-a', server.sign(nobody, 'presence-a'))
    expect(await nobody.next()).toContain('channel_data is required')
  })

  test('three tabs and a phone are one member, four subscriptions', async () => {
    await using server = await start()
    await using watcher = await server.raw()
    await server.signedIn(watcher, 'presence-a', { user_id: 'watcher' })
    const tabs = await Promise.all(Array.from({ length: 4 }, () => connectSignedIn(server, USER)))
    for (const tab of tabs) await tab.subscribed('presence-a', server.sign(tab, 'presence-a'))
    expect((await watcher.nextJson()).event).toBe('pusher_internal:member_added')
    const info = await server.signed(
      'GET',
      '/channels/presence-a',
      '',
      'info=subscription_count,user_count',
    )
    expect(await info.json()).toEqual({ occupied: true, user_count: 2, subscription_count: 5 })
    await Promise.all(tabs.map((tab) => tab[Symbol.asyncDispose]()))
    expect((await watcher.nextJson()).event).toBe('pusher_internal:member_removed')
    await watcher.expectNothing()
  })
})

describe('connections that must show who they are', () => {
  test('have their whole time, wherever the sweep is, and longer while a gate thinks', async () => {
    const opened = Promise.withResolvers<undefined>()
    const called = Promise.withResolvers<void>()
    const signin = () => {
      called.resolve()
      return opened.promise
    }
    await using server = await start({
      limits: { authorizeWithinSeconds: 1 },
      plugins: [makePlugin('slow', { signin })],
    })
    server.advance(4999)
    await using client = await server.raw()
    server.advance(1)
    await client.expectNothing()
    server.signin(client, USER)
    await called.promise
    server.advance(2500)
    opened.resolve(undefined)
    expect(await client.next()).toBe(makeSignedIn(USER))
  })
})
