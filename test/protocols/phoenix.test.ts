/** The Phoenix socket in raw frames; numbers in names are cases of contract section 6. */
import { describe, expect, test } from 'bun:test'
import { allow, reject } from '../../src/plugin'
import { Inbox, pluginOf, start } from '../harness'
import { phoenixRaw, reply, type Wire } from '../phoenix'

const KEY = 'app_key=test-app-fake-key'
const TWO_APPS = [7, 8].map((id) => ({
  id: `${id}`,
  name: `App ${id}`,
  key: `k${id}`,
  secret: 's',
}))

describe('the upgrade', () => {
  const REFUSED = ['2', '1.1.0', '2.1.0', '123.1.1', 'abc', '', '2.0.0-rc'].map((v) => `vsn=${v}`)
  test.each([...REFUSED, 'vsn[x]=1', 'vsn=2.0.0&app_key=nobody'])(
    '%s is 403 (2)',
    async (query) => {
      await using server = await start()
      for (const mount of ['/socket', '/push_socket']) {
        const response = await server.http(`${mount}/websocket?${query}`, {
          headers: {
            upgrade: 'websocket',
            connection: 'upgrade',
            'sec-websocket-version': '13',
            'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
          },
        })
        expect([response.status, await response.text()]).toEqual([403, ''])
        expect(response.headers.get('x-request-id')).toBeString()
      }
      expect(server.core.hub.connectionCount).toBe(0)
    },
  )

  test.each(['GET', 'POST', 'PUT'])('%s without an upgrade is 400 (3)', async (method) => {
    await using server = await start()
    for (const path of ['/socket/websocket', '/push_socket/websocket/?vsn=2.0.0']) {
      const response = await server.http(path, { method })
      expect([response.status, await response.text()]).toEqual([400, ''])
    }
  })

  test('plugins refuse with 403, also those that wait', async () => {
    const wall = pluginOf('wall', {
      upgrade: (_, { query }) => (query.has('early') ? reject('no') : undefined),
      connect: async (_, { query }) => (query.has('late') ? reject('no') : undefined),
    })
    await using server = await start({ plugins: [wall] })
    await expect(phoenixRaw(server, { query: 'early' })).rejects.toThrow('no connection')
    await expect(phoenixRaw(server, { query: 'late' })).rejects.toThrow('no connection')
    await using client = await phoenixRaw(server)
    await client.expectNothing()
    expect(server.core.counters.connectionsRefused).toBe(2)
  })

  test.each(['', 'vsn=1.0.0', 'vsn=1.0.7', 'a[b]=1&&c=&__proto__=1&', 'vsn=x&vsn=2.0.4'])(
    'with ?%s it is open, and silent until it is spoken to (1, 6, trap 12)',
    async (query) => {
      await using server = await start()
      const client = await server.raw({ path: `/socket/websocket?${query}`, hello: false })
      await client.opened
      const ref = '"1"'
      client.send(
        query === 'vsn=x&vsn=2.0.4'
          ? `[null,${ref},"phoenix","heartbeat",{}]`
          : `{"topic":"phoenix","event":"heartbeat","payload":{},"ref":${ref}}`,
      )
      expect(await client.next()).toContain('"phx_reply"')
      client.socket.close()
    },
  )

  test('of the protocols that are offered phoenix is chosen, and no token sent back (5)', async () => {
    await using server = await start()
    const protocols = ['base64url.bearer.phx.c2VjcmV0', 'phoenix']
    await using client = await phoenixRaw(server, { protocols })
    expect(client.client.socket.protocol).toBe('phoenix')
  })

  test('a leaving server refuses newcomers', async () => {
    await using server = await start()
    server.core.state.draining = true
    await expect(phoenixRaw(server)).rejects.toThrow('no connection')
  })

  test('/push_socket belongs to the only app; with several a client says which', async () => {
    await using server = await start({ apps: TWO_APPS })
    await expect(phoenixRaw(server, { mount: '/push_socket' })).rejects.toThrow('no connection')
    await using client = await phoenixRaw(server, { mount: '/push_socket', query: 'app_key=k8' })
    expect(await client.join('room')).toEqual({})
    expect(server.core.hub.channel(server.core.apps.byId('8')!, 'room' as never)).toBeDefined()
  })

  test('in development they are the published app’s, whatever else there is', async () => {
    await using server = await start()
    await server.admin('/api/admin/apps', { method: 'POST', body: '{"app":{"name":"another"}}' })
    await using client = await phoenixRaw(server, { mount: '/push_socket' })
    await client.join('room')
    expect(server.core.hub.channel(server.core.apps.byId('1')!, 'room' as never)).toBeDefined()
  })
})

const V1_HEARTBEAT = { topic: 'phoenix', event: 'heartbeat', payload: {}, ref: '1' }

const NO_SUCH_APP = 'CARILLON_PUSHEX_APP names an app that does not exist'

test('or the setting says whose those are who say nothing', async () => {
  await using server = await start({ apps: TWO_APPS, config: { pushexApp: '8' } })
  expect(server.log.lines.map(({ message }) => message)).not.toContain(NO_SUCH_APP)
  await using client = await phoenixRaw(server, { mount: '/push_socket' })
  await client.join('room')
  expect(server.core.hub.channel(server.core.apps.byId('8')!, 'room' as never)).toBeDefined()
})

test('a setting that names nobody is said at the start', async () => {
  await using server = await start({ config: { pushexApp: 'nobody' } })
  const warnings = server.log.lines.filter(({ message }) => message === NO_SUCH_APP)
  expect(warnings).toMatchObject([{ level: 'warn', fields: { appId: 'nobody' } }])
})

describe.each([1, 2] as const)('V%d', (version) => {
  const join = (ref: unknown) => (version === 2 ? ref : undefined)
  const none = version === 2 ? null : undefined

  test('heartbeats are answered before any join, on both mounts (28)', async () => {
    await using server = await start()
    for (const mount of ['/socket', '/push_socket']) {
      await using client = await phoenixRaw(server, { mount, version })
      const heard = await client.ask(null, '12', 'phoenix', 'heartbeat', {})
      expect(heard).toEqual(reply([none, '12', 'phoenix'], 'ok'))
    }
  })

  test('a channel is joined, heard and left (10, 16, 17)', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server, { version, query: KEY })
    const joined = await client.ask('6', '6', 'room', 'phx_join', { want: 1 })
    expect(joined).toEqual(reply([join('6'), '6', 'room'], 'ok'))
    await server.trigger({ channel: 'room', name: 'shout', data: '{"b":2}' })
    expect(await client.next()).toEqual([none, null, 'room', 'shout', { b: 2 }])
    const left = await client.ask('6', '8', 'room', 'phx_leave', {})
    expect(left).toEqual(reply([join('6'), '8', 'room'], 'ok'))
    expect(await client.next()).toEqual([join('6'), '6', 'room', 'phx_close', {}])
    await server.trigger({ channel: 'room', name: 'shout', data: '{}' })
    const pushed = await client.ask('6', '9', 'room', 'client-x', {})
    expect(pushed).toEqual(reply([none, '9', 'room'], 'error', { reason: 'unmatched topic' }))
    expect(server.factNames()).toEqual(
      expect.arrayContaining(['channel_occupied room', 'channel_vacated room']),
    )
  })

  test.each([
    'phoenix',
    'public:nobody',
    'private:nobody',
    '',
    '#scope-public:test-app',
    'a'.repeat(256),
  ])('nobody joins %p, and the reply names no generation (11, 19, trap 4)', async (topic) => {
    await using server = await start()
    await using client = await phoenixRaw(server, {
      version,
      ...(topic && !topic.includes(':') && { query: KEY }),
    })
    const refused = await client.ask('3', '3', topic, 'phx_join', {})
    expect(refused).toEqual(reply([none, '3', topic], 'error', { reason: 'unmatched topic' }))
  })

  test.each(['room:42', 'constructor', '__proto__', 'ключ ☃', 'a'.repeat(255)])(
    '%p is joined (19, trap 20)',
    async (topic) => {
      await using server = await start()
      await using client = await phoenixRaw(server, { version, query: KEY })
      expect(await client.join(topic)).toEqual({})
    },
  )

  test('a second join replaces the first, without a copy of anything (13, 14, trap 19)', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server, { version, query: KEY })
    await client.join('room', {}, '1')
    const again = await client.ask('2', '2', 'room', 'phx_join', {})
    expect(again).toEqual(reply([join('2'), '2', 'room'], 'ok'))
    if (version === 2) expect(await client.next()).toEqual(['1', '1', 'room', 'phx_close', {}])
    await server.trigger({ channel: 'room', name: 'once', data: '{}' })
    expect(await client.next()).toEqual([none, null, 'room', 'once', {}])
    await client.expectNothing()
  })

  test('what is stale is passed over, what has no generation is not (16, 21)', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server, { version, query: KEY })
    await client.join('room', {}, '5')
    client.say('4', '6', 'room', 'phx_leave', {})
    client.say('4', '7', 'room', 'client-x', {})
    await client.expectNothing()
    const left = await client.ask(null, '8', 'room', 'phx_leave', {})
    expect(left).toEqual(reply([none, '8', 'room'], 'ok'))
    expect((await client.next())[3]).toBe('phx_close')
    const unknown = await client.ask('9', '9', 'stranger', 'phx_leave', {})
    expect(unknown).toEqual(reply([join('9'), '9', 'stranger'], 'ok'))
  })

  test('the 101st topic is one too many; a second join of one is not (11, trap 14)', async () => {
    await using server = await start({ limits: { maxTopicsPerConnection: 2 } })
    await using client = await phoenixRaw(server, { version, query: KEY })
    await client.join('a')
    await client.join('b')
    const refused = await client.ask('3', '3', 'c', 'phx_join', {})
    expect(refused).toEqual(
      reply([join('3'), '3', 'c'], 'error', { reason: 'too many channels joined' }),
    )
    const again = await client.ask('4', '4', 'b', 'phx_join', {})
    expect(again).toEqual(reply([join('4'), '4', 'b'], 'ok'))
  })

  const UNDECODABLE = [
    'no json',
    'null',
    '[]',
    '["1","1","t","phx_join"]',
    version === 2
      ? '{"topic":"t","event":"phx_join","payload":{},"ref":"1"}'
      : '["1","1","t","phx_join",{}]',
    version === 2 ? '[{},"1","t","e",{}]' : '{"topic":"t","event":"e","payload":{},"ref":[]}',
    version === 2 ? '["1","1",7,"e",{}]' : '{"topic":"t","event":"e","ref":"1"}',
  ]
  test.each(UNDECODABLE)('%p closes with 1011 and touches nobody (8)', async (text) => {
    await using server = await start()
    await using other = await phoenixRaw(server, { version })
    await using client = await phoenixRaw(server, { version })
    client.client.send(text)
    expect((await client.client.closing()).code).toBe(1011)
    await other.expectNothing()
  })

  test('of the other version they are told so: phoenix.js can be given the wrong vsn', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server, { version })
    const other = version === 1 ? [null, '1', 'phoenix', 'heartbeat', {}] : V1_HEARTBEAT
    client.client.send(JSON.stringify(other))
    expect(await client.client.closing()).toMatchObject({
      code: 1011,
      reason: 'Undecodable frame: it is not of the vsn that was asked for',
    })
  })

  test('a binary frame closes with 1011, too', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server, { version })
    client.client.send(new Uint8Array([0, 1, 2, 6, 3, 54, 49, 56]))
    expect((await client.client.closing()).code).toBe(1011)
  })

  test('a frame that is too large closes with 1009 (9)', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server, { version })
    client.client.send(' '.repeat(100_000))
    expect((await client.client.closing()).code).toBe(1009)
  })

  test('refs come back as they were (25, trap 3)', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server, { version })
    expect((await client.ask(null, 'x"y', 'phoenix', 'heartbeat', {}))[1]).toBe('x"y')
    expect((await client.ask(null, 7, 'phoenix', 'heartbeat', {}))[1]).toBe(7)
    expect((await client.ask(null, null, 'phoenix', 'heartbeat', {}))[1]).toBe(null)
  })

  test.each(['1e400', '12345678901234567890', '1.5'])(
    'a ref of %s could not come back as it was, and is none',
    async (ref) => {
      await using server = await start()
      await using client = await phoenixRaw(server, { version })
      const message = ['null', ref, '"phoenix"', '"heartbeat"', '{}']
      const [, , topic, event, payload] = message
      client.client.send(
        version === 2
          ? `[${message.join()}]`
          : `{"topic":${topic},"event":${event},"payload":${payload},"ref":${ref}}`,
      )
      expect((await client.client.closing()).code).toBe(1011)
    },
  )
})

describe('a subscription that needs a signature', () => {
  test('says what to sign, and takes it with the next join', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server, { query: KEY })
    const [, , , , refused] = await client.ask('1', '1', 'private-room', 'phx_join', {})
    const { response } = refused as { response: { reason: string; socket_id: string } }
    expect(response).toEqual({ reason: 'unauthorized', socket_id: expect.any(String) })
    const auth = server.sign({ socketId: response.socket_id }, 'private-room')
    expect(await client.join('private-room', { auth })).toEqual({})
    const wrong = await client.ask('2', '2', 'private-other', 'phx_join', { auth })
    expect(wrong).toEqual(reply(['2', '2', 'private-other'], 'error', { reason: 'unauthorized' }))
  })

  test('encrypted channels are nobody’s who has no key for them (79)', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server, { query: KEY })
    const refused = await client.ask('1', '1', 'private-encrypted-a', 'phx_join', {})
    expect(refused[4]).toEqual({ status: 'error', response: { reason: 'unmatched topic' } })
  })
})

test('a plugin that fails is told as a join that crashed, and nothing of why (11)', async () => {
  const bad = pluginOf('bad', {
    subscribe: (_, { channel }) => {
      if (channel === 'room') throw new Error('secret detail')
    },
  })
  await using server = await start({ plugins: [bad] })
  await using client = await phoenixRaw(server, { query: KEY })
  const refused = await client.ask('1', '1', 'room', 'phx_join', {})
  expect(refused).toEqual(reply(['1', '1', 'room'], 'error', { reason: 'join crashed' }))
  expect(await client.join('other')).toEqual({})
})

describe('a message that a plugin refuses', () => {
  const limiter = pluginOf('limiter', {
    frame: () => reject('too often', { retryAfterSeconds: 1 }),
  })
  const refused = { status: 'error', response: { reason: 'too often' } }

  test.each([1, 2] as const)('is answered as one, in V%d', async (version) => {
    await using server = await start({ plugins: [limiter] })
    await using client = await phoenixRaw(server, { query: KEY, version })
    const [, ref, , event, payload] = await client.ask('1', '2', 'room', 'phx_join', {})
    expect([ref, event, payload]).toEqual(['2', 'phx_reply', refused])
  })

  test('in bytes, too; what is no message is told nothing', async () => {
    await using server = await start({ plugins: [limiter] })
    await using client = await phoenixRaw(server, { query: KEY })
    client.client.send('[')
    client.client.send(Buffer.from([7, 7]))
    client.client.send(Buffer.from([0, 1, 1, 4, 1, ...Buffer.from('12roome')]))
    expect(await client.next()).toEqual(['1', '2', 'room', 'phx_reply', refused])
  })
})

describe('while a plugin thinks about a join', () => {
  const slow = () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const asked = new Inbox<string>()
    const plugin = pluginOf('slow', {
      subscribe: (_, { channel }) => {
        if (channel !== 'room') return undefined
        asked.push(channel)
        return promise
      },
    })
    return { plugin, asked, done: resolve }
  }

  test('a leave waits for it, and leaves nothing behind (16)', async () => {
    const { plugin, asked, done } = slow()
    await using server = await start({ plugins: [plugin] })
    await using client = await phoenixRaw(server, { query: KEY })
    client.say('1', '1', 'room', 'phx_join', {})
    client.say('1', '2', 'room', 'phx_leave', {})
    await asked.next()
    done()
    expect(await client.next()).toEqual(reply(['1', '1', 'room'], 'ok'))
    expect(await client.next()).toEqual(reply(['1', '2', 'room'], 'ok'))
    expect((await client.next())[3]).toBe('phx_close')
    expect(server.core.hub.channel(server.core.apps.byId('1')!, 'room' as never)).toBeUndefined()
  })

  test('bytes wait as they came', async () => {
    const { plugin, asked, done } = slow()
    await using server = await start({ plugins: [plugin] })
    await using client = await phoenixRaw(server)
    await using keyed = await phoenixRaw(server, { query: KEY })
    await client.join('public:test-app')
    keyed.say('1', '1', 'room', 'phx_join', {})
    const pushed = (byte: number) =>
      Buffer.from([0, 1, 1, 15, 1, ...Buffer.from('12public:test-appe'), byte])
    keyed.say('2', '2', 'public:test-app', 'phx_join', {})
    keyed.client.send(Buffer.from([0, 1, 1, 15, 1, ...Buffer.from('22public:test-appe'), 7]))
    await asked.next()
    client.client.send(pushed(9)) // what is read meanwhile must not write over what waits
    expect((await client.nextBytes()).at(-1)).toBe(9)
    done()
    expect((await client.nextBytes()).at(-1)).toBe(7)
  })

  const ENDS = [
    ['is renamed', '{"app":{"name":"another name"}}'],
    ['is switched off', '{"app":{"active":false}}'],
  ]
  test.each(ENDS)(
    'the app may end: who waits for a scope of one that %s is refused (trap 27)',
    async (_, body = '') => {
      const { promise, resolve: done } = Promise.withResolvers<void>()
      const asked = new Inbox<void>()
      const plugin = pluginOf('slow', {
        subscribe: async () => {
          asked.push()
          await promise
        },
      })
      await using server = await start({ plugins: [plugin] })
      await using client = await phoenixRaw(server)
      client.say('1', '1', 'public:test-app', 'phx_join', {})
      await asked.next()
      await server.admin('/api/admin/apps/test-app', { method: 'PATCH', body })
      done()
      const refused = reply(['1', '1', 'public:test-app'], 'error', { reason: 'unmatched topic' })
      expect(await client.next()).toEqual(refused)
      expect(server.core.hub.hasScopes(server.core.apps.byId('1')!)).toBe(false)
    },
  )

  test.each([
    ['is renamed', { slug: 'other' }],
    ['is switched off', { active: false }],
  ])(
    'the app may be another: who waits for a private scope of one that %s is refused',
    async (_, change) => {
      const decision = Promise.withResolvers<ReturnType<typeof allow>>()
      const asked = new Inbox<string>()
      const slow = pluginOf('slow', {
        authorize: (_, { channel }) => {
          asked.push(channel)
          return decision.promise
        },
      })
      await using server = await start({ plugins: [slow] })
      await using client = await phoenixRaw(server)
      client.say('1', '1', 'private:test-app', 'phx_join', {})
      await asked.next()
      const body = JSON.stringify({ app: change })
      await server.admin('/api/admin/apps/test-app', { method: 'PATCH', body })
      decision.resolve(allow())
      const refused = { reason: 'unmatched topic' }
      expect(await client.next()).toEqual(reply(['1', '1', 'private:test-app'], 'error', refused))
    },
  )

  test('the socket may close, and nobody is joined (16)', async () => {
    const { plugin, asked, done } = slow()
    await using server = await start({ plugins: [plugin] })
    const client = await phoenixRaw(server, { query: KEY })
    client.say('1', '1', 'room', 'phx_join', {})
    await asked.next()
    await client[Symbol.asyncDispose]()
    while (server.core.hub.connectionCount > 0)
      await new Promise<void>((resolve) => setImmediate(resolve))
    done()
    await using other = await phoenixRaw(server, { query: KEY })
    await other.expectNothing()
    expect(server.core.hub.channel(server.core.apps.byId('1')!, 'room' as never)).toBeUndefined()
  })
})

describe('scopes of ExPusherLite', () => {
  const TOPIC = 'private:test-app'

  test('public ones are open, also to what is below, and occupy no channel (59, trap 15)', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server, { version: 1 })
    expect(await client.join('public:test-app')).toEqual({})
    expect(await client.join('public:test-app:lobby', {}, '2')).toEqual({})
    expect(server.factNames().filter((name) => name.includes('occupied'))).toEqual([])
  })

  test('others need a plugin’s word; a signature is none', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server)
    for (const topic of [TOPIC, 'presence:test-app', 'deploys:test-app:web']) {
      const refused = await client.ask('1', '1', topic, 'phx_join', { auth: 'k:s' })
      expect(refused).toEqual(reply(['1', '1', topic], 'error', 'authentication_required'))
    }
  })

  test('a plugin lets in, or says why not, and is shown app and payload', async () => {
    const seen: unknown[] = []
    const door = pluginOf('door', {
      authorize: (_, { app, channel, params }) => {
        seen.push([app.slug, channel, params])
        return params['token'] === 'good' ? allow() : reject('token_expired')
      },
      subscribed: (_, { channel }) => void seen.push(channel),
    })
    await using server = await start({ plugins: [door] })
    await using client = await phoenixRaw(server)
    const refused = await client.ask('1', '1', TOPIC, 'phx_join', { token: 'bad' })
    expect(refused).toEqual(
      reply(['1', '1', TOPIC], 'error', { error: 'token_expired', reason: 'token_expired' }),
    )
    expect(await client.join(TOPIC, { token: 'good' })).toEqual({ message: 'Joined' })
    const [bad, good] = [{ token: 'bad' }, { token: 'good' }]
    expect(seen).toEqual([['test-app', TOPIC, bad], ['test-app', TOPIC, good], TOPIC])
  })

  test('what clients push on a public one reaches all, the sender too, unanswered (20, 22)', async () => {
    await using server = await start()
    await using ada = await phoenixRaw(server)
    await using bob = await phoenixRaw(server, { version: 1 })
    await ada.join('public:test-app')
    await bob.join('public:test-app')
    ada.say('1', '2', 'public:test-app', 'msg', 'text')
    expect(await ada.next()).toEqual([null, null, 'public:test-app', 'msg', { data: 'text' }])
    expect((await bob.next())[4]).toEqual({ data: 'text' })
    await ada.expectNothing()
  })

  test('only where the app allows it', async () => {
    await using server = await start()
    const app = server.core.apps.byId('1')!
    server.core.apps.change(app, { ...app.record, publicClientEvents: false }, server.clock.now())
    await using client = await phoenixRaw(server)
    await client.join('public:test-app')
    const refused = await client.ask('1', '2', 'public:test-app', 'msg', {})
    expect(refused[4]).toMatchObject({ status: 'error' })
  })

  test.each([
    'phx_close',
    'phx_error',
    'chan_reply_2',
    'presence_state',
    'presence_diff',
    'pusher:x',
    '',
  ])('the event %p is refused (27, trap 1, trap 2)', async (event) => {
    await using server = await start()
    await using client = await phoenixRaw(server)
    await client.join('public:test-app')
    const refused = await client.ask('1', '2', 'public:test-app', event, {})
    expect(refused[4]).toMatchObject({ status: 'error' })
  })

  test('tenants are never mixed (78)', async () => {
    await using server = await start()
    server.addTenant()
    await using client = await phoenixRaw(server, { query: 'app_key=k' })
    await using member = await phoenixRaw(server)
    await member.join('public:test-app')
    await client.join('public:test-app') // a channel of its own app that is called so
    client.say('1', '2', 'public:test-app', 'client-x', {})
    expect((await client.next())[4]).toMatchObject({ status: 'error' })
    await member.expectNothing()
  })
})

describe('the topics of an app', () => {
  const CHANGES = [
    ['is renamed', '{"app":{"name":"another name"}}'],
    ['is switched off', '{"app":{"active":false}}'],
  ]
  test.each(CHANGES)('are over when it %s (trap 27)', async (_, body = '') => {
    await using server = await start()
    await using client = await phoenixRaw(server)
    await client.join('public:test-app')
    expect((await server.admin('/api/admin/apps/test-app', { method: 'PATCH', body })).status).toBe(
      200,
    )
    expect(await client.next()).toEqual(['1', '1', 'public:test-app', 'phx_close', {}])
    const again = await client.ask('2', '2', 'public:test-app', 'phx_join', {})
    expect(again[4]).toEqual({ status: 'error', response: { reason: 'unmatched topic' } })
  })
})

describe('client events on native channels', () => {
  const CASES: readonly (readonly [string, string, Wire[4]])[] = [
    ['private-room', 'client-x', { status: 'ok', response: {} }],
    [
      'private-room',
      'shout',
      { status: 'error', response: { reason: 'Names of client events begin with client-' } },
    ],
    [
      'private-room',
      'phx_error',
      { status: 'error', response: { reason: 'Names of client events begin with client-' } },
    ],
  ]
  test.each(CASES)('%s %s is answered (20)', async (channel, event, answer) => {
    const open = pluginOf('open', { authorize: () => allow() })
    await using server = await start({ plugins: [open] })
    await using ada = await phoenixRaw(server, { query: KEY })
    await using bob = await server.raw()
    await ada.join(channel)
    await bob.subscribed(channel)
    const answered = await ada.ask('1', '2', channel, event, { a: 1 })
    expect(answered).toEqual(['1', '2', channel, 'phx_reply', answer])
    if (event === 'client-x')
      expect(await bob.nextJson()).toEqual({ event, channel, data: { a: 1 } })
    await bob.expectNothing()
  })

  test('those of Pusher clients are heard', async () => {
    const open = pluginOf('open', { authorize: () => allow() })
    await using server = await start({ plugins: [open] })
    await using ada = await phoenixRaw(server, { query: KEY })
    await using bob = await server.raw()
    await ada.join('private-room')
    await bob.subscribed('private-room')
    bob.send({ event: 'client-y', channel: 'private-room', data: 'text' })
    expect(await ada.next()).toEqual([null, null, 'private-room', 'client-y', { data: 'text' }])
  })
})

describe('/push_socket', () => {
  test.each([1, 2] as const)('calls every event msg, V%d (71)', async (version) => {
    await using server = await start()
    await using client = await phoenixRaw(server, { mount: '/push_socket', version })
    await client.join('42')
    const events = [
      ['phx_close', '"text"', 'text'],
      ['e', 'text', 'text'],
      ['e', '[1]', [1]],
      ['e', 'null', null],
    ] as const
    for (const [name, data, read] of events) {
      await server.trigger({ channel: '42', name, data })
      expect((await client.next()).slice(2)).toEqual(['42', 'msg', { data: read, event: name }])
    }
  })

  test('takes nothing from clients, whose channel stays (72)', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server, { mount: '/push_socket' })
    await client.join('room')
    const refused = await client.ask('1', '2', 'room', 'client-x', {})
    expect(refused).toEqual(reply(['1', '2', 'room'], 'error', { reason: 'unsupported' }))
    await server.trigger({ channel: 'room', name: 'e', data: '1' })
    expect((await client.next())[4]).toEqual({ data: 1, event: 'e' })
  })
})

describe('events', () => {
  const DATA: readonly (readonly [string, unknown])[] = [
    ['{"a":1}', { a: 1 }],
    ['data', { data: 'data' }],
    ['"123"', { data: '123' }],
    ['123', { data: 123 }],
    ['[1,2]', { data: [1, 2] }],
    ['true', { data: true }],
    ['null', { data: null }],
    ['{"a":', { data: '{"a":' }],
    ['{"__proto__":{"x":1},"s":"\\u2028"}', JSON.parse('{"__proto__":{"x":1},"s":"\\u2028"}')],
  ]
  test.each(DATA)('%p is an object for Phoenix’s clients (23, 77)', async (data, payload) => {
    await using server = await start()
    await using two = await phoenixRaw(server, { query: KEY })
    await using one = await phoenixRaw(server, { query: KEY, version: 1 })
    await two.join('room')
    await one.join('room')
    await server.trigger({ channel: 'room', name: 'e', data })
    expect(await two.next()).toEqual([null, null, 'room', 'e', payload])
    expect((await one.next())[4]).toEqual(payload)
  })

  test('that would act on phoenix.js are not sent to it (27, trap 1)', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server, { query: KEY })
    await using other = await server.raw()
    await client.join('room')
    await other.subscribed('room')
    await server.trigger({ channel: 'room', name: 'phx_close', data: '{}' })
    expect((await other.nextJson()).event).toBe('phx_close')
    await client.expectNothing()
  })

  test('skip the excluded connection, whatever it speaks (76)', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server, { query: KEY })
    const id = [...server.core.hub.connections()][0]!.id
    await client.join('room')
    await server.sdk().trigger('room', 'e', {}, { socket_id: id })
    await client.expectNothing()
  })

  test('are encoded once for each format that is there (75)', async () => {
    await using server = await start()
    const clients = await Promise.all(
      [1, 2, 2, 2].map((version) => phoenixRaw(server, { query: KEY, version: version as 1 | 2 })),
    )
    for (const client of clients) await client.join('room')
    const channel = server.core.hub.channel(server.core.apps.byId('1')!, 'room' as never)!
    expect(channel.audiences.map(({ encoder, size }) => [encoder.name, size]).sort()).toEqual([
      ['phoenix-1', 1],
      ['phoenix-2', 3],
    ])
    for (const client of clients) await client[Symbol.asyncDispose]()
  })

  test('arrive in order (26)', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server, { query: KEY })
    await client.join('room')
    const { core } = server
    const app = core.apps.byId('1')!
    for (let n = 0; n < 1000; n++)
      core.broker.publish({
        type: 'event',
        app,
        channel: 'room',
        event: 'e',
        data: String(n),
        userId: undefined,
        except: undefined,
      } as never)
    for (let n = 0; n < 1000; n++) expect((await client.next())[4]).toEqual({ data: n })
  })
})

describe('the end', () => {
  test('a leaving server closes with 1012 (32)', async () => {
    await using server = await start()
    await using client = await phoenixRaw(server)
    await client.expectNothing()
    const leaving = server.leave()
    expect((await client.client.closing()).code).toBe(1012)
    await leaving
  })

  describe.each(['/socket', '/push_socket'])('on %s', (mount) => {
    test('who sends no frame for a minute is closed with 1001, whatever pings it sends (30, trap 13)', async () => {
      await using server = await start()
      await using idle = await phoenixRaw(server, { mount })
      await using active = await phoenixRaw(server, { mount })
      for (let second = 0; second < 70; second += 5) {
        server.advance(5000)
        await idle.client.heard() // a native ping and its pong
        if (second % 30 === 0) await active.expectNothing()
      }
      expect((await idle.client.closing()).code).toBe(1001)
      await active.expectNothing()
      expect(server.core.counters.silentClosed).toBe(1)
    })
  })

  test('how long is a setting, and nothing is sent meanwhile (30)', async () => {
    await using server = await start({ config: { heartbeatTimeoutSeconds: 4 } })
    await using client = await phoenixRaw(server)
    server.advance(3000)
    await client.expectNothing()
    server.advance(10_000)
    expect((await client.client.closing()).code).toBe(1001)
    expect(client.client.frames.unread).toEqual([])
  })

  test('sessions of long-poll are no sockets: their polls are what counts (30)', async () => {
    await using server = await start({ config: { heartbeatTimeoutSeconds: 1 } })
    await server.http('/socket/longpoll?vsn=2.0.0')
    server.advance(10_000)
    expect(server.core.hub.connectionCount).toBe(1)
  })
})
