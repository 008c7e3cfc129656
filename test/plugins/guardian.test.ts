/** Guardian: each way in which a token arrives, and what its claims let its bearer do. */
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'bun:test'
import { testPlugin } from 'carillon/plugin-kit'
import { guardian, type GuardianOptions } from '../../plugins/guardian'
import { start, type PusherClientOptions, type RawClient, type TestServer } from '../harness'
import { makeClaims, makeHmacToken, makePath, tokenOf } from './tokens'

const startGuarded = (options?: GuardianOptions): Promise<TestServer> =>
  start({ plugins: [guardian(options)], config: UNPINGED })
/** While a token lives. */
const UNPINGED = { activityTimeoutSeconds: 120 }

/** What stock pusher-js needs instead of an auth endpoint. */
const withTokens = (token: () => string, userId?: string): PusherClientOptions => ({
  options: {
    channelAuthorization: {
      endpoint: '',
      transport: 'ajax',
      customHandler: (_, callback) =>
        callback(null, {
          auth: token(),
          ...(userId && { channel_data: JSON.stringify({ user_id: userId }) }),
        }),
    },
  },
})

/** Subscribes in vain; the text that the client is shown. */
async function readRefusal(client: RawClient, channel: string, auth?: string): Promise<string> {
  client.subscribe(channel, auth)
  const { event, data } = await client.nextJson()
  expect([event, (data as { type: string }).type]).toEqual([
    'pusher:subscription_error',
    'AuthError',
  ])
  await client.next('the error')
  return (data as { error: string }).error
}

test('keeps the contract of plugins', async () => {
  await using server = await startGuarded()
  await testPlugin(guardian())
  await testPlugin(guardian(), { arrive: { path: makePath(server, { token: tokenOf(server) }) } })
})

describe('a token in the place of auth', () => {
  test('lets stock pusher-js into a private channel without an auth endpoint', async () => {
    await using server = await startGuarded()
    await using client = server.pusher(withTokens(() => tokenOf(server, { listen: ['private-a'] })))
    await client.subscribe('private-a')
    await server.sdk().trigger('private-a', 'greeting', { hello: 'world' })
    expect(await client.nextEvent()).toMatchObject({ event: 'greeting', data: { hello: 'world' } })
  })

  test('says who somebody is on a presence channel, whatever channel_data says', async () => {
    await using server = await startGuarded()
    const token = () => tokenOf(server, { sub: 7, info: { name: 'Ada' } })
    await using client = server.pusher(withTokens(token, 'somebody-else'))
    const channel = await client.subscribe('presence-room')
    expect((channel as unknown as { members: { members: object } }).members.members).toEqual({
      7: { name: 'Ada' },
    })
  })

  test('is refused where listen does not name the channel', async () => {
    await using server = await startGuarded()
    await using client = await server.raw()
    const token = tokenOf(server, { listen: ['private-a', 'presence-*'] })
    expect(await readRefusal(client, 'private-ab', token)).toBe(
      'The token does not let its bearer listen to private-ab',
    )
    await client.subscribed('presence-b', token)
  })

  test('wins over the token of the connection, also where it is worse', async () => {
    await using server = await startGuarded()
    await using client = await server.raw({ path: makePath(server, { token: tokenOf(server) }) })
    const bad = makeHmacToken('another secret', makeClaims(server))
    expect(await readRefusal(client, 'private-a', bad)).toContain(
      'not signed with a key of this app',
    )
    await client.subscribed('private-a')
  })
})

describe('a token in the query', () => {
  const raw = Buffer.alloc(32, 7).toString('base64').replaceAll('/', '_').replaceAll('+', '-')
  const csrfToken = (server: TestServer): string => {
    const s_csrf = createHmac('sha256', server.app.secret).update(raw).digest('base64url')
    return makeHmacToken(server.app.secret, makeClaims(server, { aud: 'csrf', s_csrf }))
  }
  const WAYS: readonly (readonly [
    name: string,
    query: (server: TestServer) => Record<string, string>,
  ])[] = [
    ['token', (server) => ({ token: tokenOf(server) })],
    ['guardian_token', (server) => ({ guardian_token: tokenOf(server) })],
    [
      'csrf_token, the raw value in guardian_token',
      (server) => ({ guardian_token: raw, csrf_token: csrfToken(server) }),
    ],
    [
      'guardian_token, the raw value in csrf_token',
      (server) => ({ csrf_token: raw, guardian_token: csrfToken(server) }),
    ],
    [
      'guardian_token, the raw value in guardian_csrf',
      (server) => ({ guardian_token: csrfToken(server), guardian_csrf: raw }),
    ],
  ]
  test.each(WAYS)('%s opens channels that it grants, without a signature', async (_, query) => {
    await using server = await startGuarded()
    await using client = await server.raw({ path: makePath(server, query(server)) })
    await client.subscribed('private-a')
    expect(await client.subscribed('presence-a')).toContain('\\"ids\\":[\\"7\\"]')
  })

  test('leaves what it does not grant to a signature, and refuses without one', async () => {
    await using server = await startGuarded()
    const token = tokenOf(server, { listen: ['private-mine'] })
    await using client = await server.raw({ path: makePath(server, { token }) })
    expect(await readRefusal(client, 'private-other')).toBe(
      'The token does not let its bearer listen to private-other',
    )
    await server.signedIn(client, 'private-other')
    await client.subscribed('room')
  })

  test.each([[{}], [{ token: 'undefined' }], [{ guardian_token: raw }]])(
    'is missing in %p: signatures decide as ever',
    async (query) => {
      await using server = await startGuarded()
      await using client = await server.raw({ path: makePath(server, query as never) })
      await server.signedIn(client, 'private-a')
      expect(await readRefusal(client, 'private-b', `${server.app.key}:00`)).toContain(
        'Invalid signature',
      )
      expect(await readRefusal(client, 'private-c', 'abc')).toContain("of format 'key:signature'")
      expect(await readRefusal(client, 'private-c')).toContain('Auth info required')
    },
  )

  test('is good for the app whose secret verified it only', async () => {
    await using server = await startGuarded()
    const { apps } = server.core
    const { record } = apps.byId('1')!
    const keys = [{ key: 'key-2', secret: 'secret-2' }]
    apps.create({ ...record, id: '2', name: 'another', slug: 'another', keys }, server.clock.now())
    const path = `/app/key-2?protocol=7&token=${tokenOf(server, { listen: ['*'] })}`
    await using client = await server.raw({ path, hello: false })
    expect(await client.closing()).toEqual({
      code: 4009,
      reason: 'Token refused: it is not signed with a key of this app',
    })
  })
})

describe('who somebody is', () => {
  const SUBJECTS: readonly (readonly [sub: unknown, info: unknown, member: object])[] = [
    ['7', undefined, { ids: ['7'], hash: { 7: {} } }],
    [7, { name: 'Ada' }, { ids: ['7'], hash: { 7: { name: 'Ada' } } }],
    [
      { id: 7, name: 'Ada', crews: ['web'] },
      undefined,
      { ids: ['7'], hash: { 7: { id: 7, name: 'Ada', crews: ['web'] } } },
    ],
    [{ id: '7', email: 'a@b' }, { name: 'Ada' }, { ids: ['7'], hash: { 7: { name: 'Ada' } } }],
  ]
  test.each(SUBJECTS)('sub %p with info %p', async (sub, info, member) => {
    await using server = await startGuarded()
    await using client = await server.raw()
    const frame = await client.subscribed('presence-a', tokenOf(server, { sub, info }))
    expect(JSON.parse(JSON.parse(frame).data).presence).toMatchObject(member)
  })

  test.each([[undefined], [{}]])('sub %p is nobody: private channels only', async (sub) => {
    await using server = await startGuarded()
    await using client = await server.raw()
    await client.subscribed('private-a', tokenOf(server, { sub }))
    client.subscribe('presence-a', tokenOf(server, { sub }), '{"user_id":"admin"}')
    expect(await client.next()).toContain('does not say who its bearer is')
  })
})

describe('publish', () => {
  const subscribeTo = (client: RawClient, channel: string): void =>
    client.send({ event: 'client-hi', channel, data: 1 })

  test('names the channels that a token lets its bearer send client events on', async () => {
    await using server = await startGuarded()
    await using ada = await server.raw()
    await using bob = await server.raw()
    const token = tokenOf(server, { publish: ['private-b*'] })
    for (const each of [ada, bob])
      for (const channel of ['private-a', 'private-b']) await each.subscribed(channel, token)
    subscribeTo(ada, 'private-a')
    expect(await ada.next()).toContain('does not let its bearer publish on this channel')
    subscribeTo(ada, 'private-b')
    expect((await bob.nextJson()).channel).toBe('private-b')
  })

  test('limits nobody who came into the channel by a signature', async () => {
    await using server = await startGuarded()
    const path = makePath(server, { token: tokenOf(server, { listen: ['private-a'] }) })
    await using ada = await server.raw({ path })
    await using bob = await server.raw()
    for (const each of [ada, bob]) await server.signedIn(each, 'private-b')
    subscribeTo(ada, 'private-b')
    expect((await bob.nextJson()).event).toBe('client-hi')
  })

  test('is asked anew when a channel is entered anew, by a signature', async () => {
    await using server = await startGuarded()
    await using ada = await server.raw()
    await using bob = await server.raw()
    await ada.subscribed('private-a', tokenOf(server))
    ada.send({ event: 'pusher:unsubscribe', data: { channel: 'private-a' } })
    for (const each of [ada, bob]) await server.signedIn(each, 'private-a')
    subscribeTo(ada, 'private-a')
    expect((await bob.nextJson()).event).toBe('client-hi')
  })
})

test('what was accepted and refused is counted by reason, and never logged', async () => {
  await using server = await startGuarded()
  await using client = await server.raw()
  const foreign = makeHmacToken('another secret', makeClaims(server))
  await client.subscribed('private-a', tokenOf(server))
  await readRefusal(client, 'private-b', foreign)
  const { username, password } = server.server.credentials.admin
  const headers = { authorization: `Basic ${btoa(`${username}:${password}`)}` }
  const answer = await server.http('/api/admin/plugins', { headers })
  const [{ counters }] = (await answer.json()).data
  const counted = counters.filter(({ count }: { count: number }) => count > 0)
  expect(counted.map(({ name, count }: { name: string; count: number }) => [name, count])).toEqual([
    ['tokens_accepted', 1],
    ['tokens_refused_signature', 1],
  ])
  expect(server.log.lines).toContainEqual(
    expect.objectContaining({ level: 'debug', message: 'token refused' }),
  )
  expect(JSON.stringify(server.log.lines)).not.toContain(foreign.split('.')[2]!)
})

describe('the end of a token', () => {
  test('ends the connection that came with it with 4200, its tolerance later', async () => {
    await using server = await startGuarded()
    await using client = await server.raw({ path: makePath(server, { token: tokenOf(server) }) })
    server.advance(64_000)
    await client.expectNothing()
    server.advance(2000)
    expect(await client.closing()).toEqual({ code: 4200, reason: 'The token has expired' })
  })

  test('makes stock pusher-js reconnect at once, with a fresh token', async () => {
    await using server = await startGuarded()
    const minted: string[] = []
    const token = (): string => {
      minted.push(tokenOf(server))
      return minted.at(-1)!
    }
    await using client = server.pusher(withTokens(token))
    const channel = await client.subscribe('private-a')
    const { socketId } = client
    const again = new Promise((resolve) => channel.bind('pusher:subscription_succeeded', resolve))
    server.advance(66_000)
    await again
    expect(client.socketId).not.toBe(socketId)
    expect(new Set(minted).size).toBe(2)
  })

  test('does not concern a connection that has left what rested on it', async () => {
    await using server = await startGuarded()
    await using client = await server.raw()
    await client.subscribed('private-a', tokenOf(server))
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'private-a' } })
    await client.expectNothing()
    server.advance(66_000)
    await client.expectNothing()
  })

  test('does not concern a subscription that another plugin refused', async () => {
    const bouncer = guardian()
    const refusing = {
      ...bouncer,
      name: 'bouncer',
      setup: () => ({
        authorize: () => ({ type: 'reject', message: 'no', retryAfterSeconds: undefined }) as const,
      }),
    }
    await using server = await start({ plugins: [bouncer, refusing], config: UNPINGED })
    await using client = await server.raw()
    expect(await readRefusal(client, 'private-a', tokenOf(server))).toBe('no')
    server.advance(66_000)
    await client.expectNothing()
  })
})
