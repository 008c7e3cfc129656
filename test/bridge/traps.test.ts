/** Where two protocols could be mistaken for each other: traps of contract 4.7 that no other test falls into. */
import { describe, expect, test } from 'bun:test'
import { guardian } from '../../plugins/guardian'
import { makeBasicAuth, PAIR } from '../credentials'
import { start, type TestServer } from '../harness'
import { connectPhoenix } from '../phoenix'
import { makeHmacToken, tokenOf } from '../plugins/tokens'

const postScoped = (server: TestServer, fields: object): Promise<Response> =>
  server.http('/api/apps/test-app/events', {
    method: 'POST',
    headers: { ...makeBasicAuth(PAIR), 'content-type': 'application/json' },
    body: JSON.stringify({ scope: 'public', topic: 'room', event: 'e', ...fields }),
  })

describe('names', () => {
  const RESERVED: readonly (readonly [string, (server: TestServer) => Promise<Response>])[] = [
    ['a trigger', (server) => server.trigger({ channel: 'room', name: 'pusher:x', data: '' })],
    ['an event of a scope', (server) => postScoped(server, { event: 'pusher:x' })],
    [
      'a push',
      (server) =>
        server.http('/api/push', {
          method: 'POST',
          body: '{"channel":"room","data":1,"event":"pusher_internal:x"}',
        }),
    ],
  ]
  test.each(RESERVED)('Pusher’s own reach nobody by %s (trap 2)', async (_, send) => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    expect((await send(server)).status).toBe(400)
    await client.expectNothing()
  })

  test('Pusher’s clients subscribe to no topic (trap 5)', async () => {
    await using server = await start()
    await using client = await server.raw()
    for (const topic of ['public:test-app', 'private:test-app', '#scope-public:test-app']) {
      client.subscribe(topic)
      expect(await client.next()).toContain('subscription_error')
      await client.next('the error beside it')
    }
    await postScoped(server, { topic: '#general' })
    await client.expectNothing()
  })

  test('a topic that begins with # names no channel of Pusher’s (trap 6)', async () => {
    await using server = await start()
    await using client = await server.raw()
    await using member = await connectPhoenix(server)
    server.signin(client, '{"id":"ada"}')
    await client.next('the sign-in')
    await member.join('public:test-app')
    expect((await postScoped(server, { topic: '#server-to-user-ada' })).status).toBe(200)
    expect((await member.next())[3]).toBe('#server-to-user-ada:e')
    await client.expectNothing()
  })
})

describe('routes', () => {
  test('each API knows an app by one name of its own (trap 7)', async () => {
    const apps = [
      { id: '7', name: 'App seven', slug: 'eight', key: 'k7', secret: 's7' },
      { id: 'nine', name: 'App nine', slug: 'ten', key: 'k9', secret: 's9' },
    ]
    await using server = await start({ apps })
    const request = (slug: string, pair: string) =>
      server.http(`/api/apps/${slug}/channels`, {
        headers: makeBasicAuth(pair),
      })
    expect((await request('eight', 'k7:s7')).status).toBe(200)
    expect((await request('7', 'k7:s7')).status).toBe(404)
    expect((await request('nine', 'k9:s9')).status).toBe(404)
  })

  test('both kinds of events route are there, side by side (trap 8)', async () => {
    await using server = await start()
    expect((await server.trigger({ channel: 'room', name: 'e', data: '' })).status).toBe(200)
    expect((await postScoped(server, {})).status).toBe(200)
  })

  test('credentials of one API open no other (trap 9)', async () => {
    await using server = await start()
    const body = '{"name":"e","channel":"room","data":""}'
    const trigger = await server.http('/apps/1/events', {
      method: 'POST',
      headers: makeBasicAuth(PAIR),
      body,
    })
    expect(trigger.status).toBe(401)
    const { url } = await server.signed('GET', '/channels')
    const query = new URL(url).search
    expect((await server.http(`/api/apps/test-app/channels${query}`)).status).toBe(401)
    const admin = await server.admin('/api/apps/test-app/channels')
    expect(admin.status).toBe(401)
    expect((await server.http('/api/admin/apps', { headers: makeBasicAuth(PAIR) })).status).toBe(
      401,
    )
  })

  test('each tells errors in its own words, JSON with its charset (trap 10, trap 23)', async () => {
    await using server = await start()
    const readRefusal = async (requesting: Promise<Response>) => {
      const response = await requesting
      return [response.status, response.headers.get('content-type'), await response.text()]
    }
    const json = 'application/json; charset=utf-8'
    expect(await readRefusal(server.http('/apps/1/channels'))).toEqual([
      401,
      'text/plain; charset=utf-8',
      'Authentication key required\n',
    ])
    expect(
      await readRefusal(server.http('/api/apps/nobody/channels', { headers: makeBasicAuth(PAIR) })),
    ).toEqual([404, json, '{"errors":{"detail":"Not Found"}}'])
    expect(await readRefusal(postScoped(server, { topic: '' }))).toEqual([
      400,
      json,
      '{"errors":{"topic":["can\'t be blank"]}}',
    ])
    const wrong = { authorization: 'Basic eDp4' }
    expect(await readRefusal(server.http('/api/push', { method: 'POST', headers: wrong }))).toEqual(
      [403, json, '{"error":"Access forbidden"}'],
    )
    const fine = await postScoped(server, {})
    expect(fine.headers.get('content-type')).toMatch(/^application\/json; ?charset=utf-8$/)
  })
})

describe('who is refused', () => {
  test('costs no query and a line of log for each reason, however often it comes back (trap 17)', async () => {
    await using server = await start({ plugins: [guardian()] })
    const { store } = server.core.apps
    const watched = new Proxy(store, {
      get: (_, name) => {
        throw new Error(`the store was asked for ${String(name)}`)
      },
    })
    Object.assign(server.core.apps, { store: watched })
    await using client = await connectPhoenix(server)
    const bad = makeHmacToken('wrong secret', { exp: 9e9, listen: ['private:*'] })
    for (let n = 0; n < 500; n++) {
      const topic = n % 2 ? 'private:test-app' : `private:nobody-${n}`
      const payload = n % 3 ? {} : { guardian_token: bad }
      const [, , , , answer] = await client.request(`${n}`, `${n}`, topic, 'phx_join', payload)
      expect(answer).toMatchObject({ status: 'error' })
    }
    const codes = server.log.lines
      .filter(({ level }) => level !== 'debug')
      .map(({ fields }) => (fields as { code: string }).code)
    expect(codes.sort()).toEqual(['listen_denied', 'subscription_refused', 'topic_unmatched'])
    expect(server.core.hub.connectionCount).toBe(1)
    Object.assign(server.core.apps, { store })
  })
})

test('no token, secret or protocol of a client is logged, refused or not (trap 25)', async () => {
  await using server = await start({ plugins: [guardian()] })
  const token = tokenOf(server, { listen: ['private:*'] })
  const secrets = [token, 'raw-value', 'bad.token.value']
  const query = `guardian_token=${token}&csrf_token=raw-value`
  await using good = await connectPhoenix(server, { query })
  await good.join('private:test-app')
  await using bad = await connectPhoenix(server, {
    query: 'token=bad.token.value',
    protocols: ['phoenix', `base64url.bearer.phx.${btoa(token).replaceAll('=', '')}`],
  })
  await bad.request('1', '1', 'private:test-app', 'phx_join', { guardian_token: 'bad.token.value' })
  bad.client.send('[') // a fault of the client's that closes
  await bad.client.closing()
  await server.http(`/api/push?token=raw-value`, {
    method: 'POST',
    headers: { authorization: 'Bearer raw-value' },
  })
  await server.http(`/socket/longpoll?vsn=9&${query}`)
  const lines = JSON.stringify(server.log.lines)
  for (const secret of [...secrets, server.app.secret]) expect(lines).not.toContain(secret)
})
