/** Facts of what is refused and of how requests were answered. */
import { describe, expect, test } from 'bun:test'
import { EVENT, post } from '../dialects/expusherlite/requests'
import { start } from '../harness'
import { listen } from '../listen'
import { KEY, connectPhoenix } from '../phoenix'

const remoteAddress = '127.0.0.1'
const NOWHERE = { channel: undefined, event: undefined }
const ELSEWHERE =
  'Cannot broadcast client event (connection not subscribed to channel private-elsewhere)'

describe('refused, on a socket,', () => {
  test('has the command: its app, its channel, its event', async () => {
    await using server = await start()
    const facts = listen(server, 'refused')
    await using client = await server.raw()
    client.subscribe('private-room', 'x:y')
    client.send({ event: 'client-a', channel: 'private-elsewhere', data: {} })
    server.signin(client, '{}')
    client.send('{}')
    await client.heard()
    const at = { where: 'socket', app: '1', socketId: client.socketId, remoteAddress } as const
    const code = 'client_event_not_subscribed'
    const message = expect.any(String)
    const text = `${client.socketId}:private-room`
    const wrongSignature = { of: 'subscription', key: 'x', text, signature: 'y' }
    expect(facts as unknown).toEqual([
      {
        ...at,
        ...NOWHERE,
        channel: 'private-room',
        code: 'auth_key_unknown',
        message,
        wrongSignature,
      },
      { ...at, channel: 'private-elsewhere', event: 'client-a', code, message: ELSEWHERE },
      { ...at, ...NOWHERE, code: 'signin_refused', message },
      { ...at, ...NOWHERE, code: 'message_invalid', message },
    ])
  })

  test('has the name that the client wrote, where it is none', async () => {
    await using server = await start()
    const facts = listen(server, 'refused')
    await using client = await server.raw()
    client.subscribe('a:b')
    await client.next('the refusal')
    expect(facts).toMatchObject([{ channel: 'a:b', code: 'channel_invalid' }])
  })

  test('has the app that a command names, on a connection that names none', async () => {
    await using server = await start()
    const facts = listen(server, 'refused')
    await using client = await connectPhoenix(server)
    await client.request('1', '1', 'private:test-app', 'phx_join', {})
    expect(facts).toMatchObject([{ where: 'socket', app: '1', channel: '#scope-private:test-app' }])
  })

  test('is emitted for connections: of no app, of one that has too many, of one that is silent', async () => {
    await using server = await start({ limits: { maxConnectionsPerApp: 1 } })
    const facts = listen(server, 'refused')
    await using unknown = await server.raw({ path: '/app/nobody?protocol=7', hello: false })
    await unknown.closing()
    await using first = await server.raw()
    await using second = await server.raw({ hello: false })
    await second.closing()
    server.advance(125_000)
    server.advance(60_000)
    await first.closing()
    expect(facts.map(({ app, code }) => [app, code])).toEqual([
      [undefined, 'app_not_found'],
      ['1', 'app_over_quota'],
      ['1', 'pong_timeout'],
    ])
  })
})

describe('refused, over HTTP,', () => {
  test('has the path, the id of the request, and the app that the path names', async () => {
    await using server = await start()
    const facts = listen(server, 'refused')
    const headers = { 'x-request-id': 'request-number-one-of-the-test' }
    await server.http('/apps/1/events?x=1', { method: 'POST', headers })
    await server.http('/apps/99/events', { method: 'POST' })
    await post(server, JSON.stringify({ ...EVENT, scope: '' }))
    await server.http('/api/push?app_key=nobody', { method: 'POST' })
    await server.http('/nowhere')
    const [first] = facts
    expect(first as unknown).toEqual({
      where: 'http',
      app: '1',
      remoteAddress: '127.0.0.1',
      requestId: 'request-number-one-of-the-test',
      path: '/apps/1/events',
      code: 'request_unauthorized',
      message: 'Authentication key required',
    })
    expect(facts.map((fact) => [fact.app, 'path' in fact && fact.path, fact.code])).toEqual([
      ['1', '/apps/1/events', 'request_unauthorized'],
      [undefined, '/apps/99/events', 'app_not_found'],
      ['1', '/api/apps/test-app/events', 'app_invalid'],
      [undefined, '/api/push', 'request_refused'],
      [undefined, '/nowhere', 'path_not_found'],
    ])
  })

  test('is emitted for what is refused before the API: a handshake that is none, a poll of another version', async () => {
    await using server = await start()
    const facts = listen(server, 'refused')
    await server.http('/socket/websocket')
    await server.http('/socket/longpoll?vsn=1.0.0')
    expect(facts.map((fact) => ['path' in fact && fact.path, fact.code])).toEqual([
      ['/socket/websocket', 'upgrade_missing'],
      ['/socket/longpoll', 'protocol_unsupported'],
    ])
  })
})

describe('requested', () => {
  test('is emitted for each answer of the API of an app, whatever it is', async () => {
    await using server = await start()
    const facts = listen(server, 'requested')
    const answers = [
      await server.trigger({ channel: 'room', name: 'e', data: '' }),
      await server.signed('GET', '/channels'),
      await server.http('/apps/1/events', { method: 'POST' }),
      await server.http('/apps/99/channels'),
      await post(server, JSON.stringify(EVENT)),
      await server.http('/api/push', {
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': 'application/json' },
        body: JSON.stringify({ channel: 'room', data: {}, event: 'e' }),
      }),
    ]
    for (const path of ['/up', '/swagger/json', '/nowhere', '/socket/websocket'])
      await server.http(path)
    await server.admin('/api/admin/apps/1')
    const ids = answers.map(({ headers }) => headers.get('x-request-id'))
    expect(ids.every((id) => id !== null)).toBe(true)
    expect(facts as unknown[]).toEqual(
      [
        { app: '1', method: 'POST', path: '/apps/1/events', status: 200 },
        { app: '1', method: 'GET', path: '/apps/1/channels', status: 200 },
        { app: '1', method: 'POST', path: '/apps/1/events', status: 401 },
        { app: undefined, method: 'GET', path: '/apps/99/channels', status: 404 },
        { app: '1', method: 'POST', path: '/api/apps/test-app/events', status: 200 },
        { app: '1', method: 'POST', path: '/api/push', status: 200 },
      ].map((fact, index) => ({ ...fact, ms: 0, requestId: ids[index] })),
    )
  })

  test('has the time that the answer took', async () => {
    await using server = await start()
    const facts = listen(server, 'requested')
    const { engine } = server.core
    const called = Promise.withResolvers<void>()
    const late = Promise.withResolvers<{ subscriptions: number; users: number }>()
    engine.counts = () => {
      called.resolve()
      return late.promise
    }
    const answer = server.signed('GET', '/channels/room', '', 'info=subscription_count')
    await called.promise
    server.advance(120)
    late.resolve({ subscriptions: 3, users: 0 })
    expect((await answer).status).toBe(200)
    expect(facts).toMatchObject([{ ms: 120, status: 200, path: '/apps/1/channels/room' }])
  })

  test('is emitted for what the server was too busy for', async () => {
    await using server = await start({ config: { maxRequests: 1 } })
    const facts = listen(server, 'requested')
    const { engine } = server.core
    const called = Promise.withResolvers<void>()
    const late = Promise.withResolvers<{ subscriptions: number; users: number }>()
    engine.counts = () => {
      called.resolve()
      return late.promise
    }
    const first = server.signed('GET', '/channels/room', '', 'info=subscription_count')
    await called.promise
    expect((await server.trigger({ channel: 'room', name: 'e', data: '' })).status).toBe(503)
    late.resolve({ subscriptions: 3, users: 0 })
    await first
    expect(facts.map(({ status, path }) => [status, path])).toEqual([
      [503, '/apps/1/events'],
      [200, '/apps/1/channels/room'],
    ])
  })

  test('of a listener that wants one app has nothing of the others', async () => {
    await using server = await start()
    const heard: (string | undefined)[] = []
    server.core.facts.listen({
      types: ['requested', 'refused'],
      receive: ({ app }) => heard.push(app?.id),
      wants: (_, app) => app?.id === '8',
    })
    server.addTenant()
    for (const id of ['1', '8', '99']) await server.http(`/apps/${id}/channels`)
    expect(heard).toEqual(['8', '8'])
  })
})

test('a wire that names apps in its URL is refused for that app', async () => {
  await using server = await start({ limits: { maxConnectionsPerApp: 0 } })
  const facts = listen(server, 'refused')
  await using client = await connectPhoenix(server, { query: KEY })
  await client.request('1', '1', 'private-room', 'phx_join', {})
  expect(facts).toMatchObject([{ app: '1', channel: 'private-room', event: undefined }])
})
