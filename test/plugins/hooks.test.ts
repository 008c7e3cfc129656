/** HOOKS, row by row: what each is shown, what it may answer, and what happens when it throws. */
import { describe, expect, test } from 'bun:test'
import { definePlugin, reject, replace, type Hooks } from 'carillon/plugin'
import { HOOKS, type HookName } from '../../src/core/plugin'
import { pluginOf, start, type RawClient, type TestServer } from '../harness'

const fails = (): never => {
  throw new Error('secret detail')
}

const INTERNAL = '"message":"Internal server error"'

/** For each hook: something that asks it, and what is seen of a plugin that throws there. */
const THROWING: Readonly<
  Record<Exclude<HookName, 'start'>, (server: TestServer) => Promise<void>>
> = {
  upgrade: async (server) => closedWith4100(server),
  connect: async (server) => closedWith4100(server),
  connected: async (server) => void (await subscribed(server, 'room')),
  frame: async (server) => {
    await using client = await server.raw()
    client.send({ event: 'pusher:ping', data: {} })
    expect(await client.next()).toContain(INTERNAL)
  },
  subscribe: async (server) => refusesSubscription(server, 'room'),
  authorize: async (server) => refusesSubscription(server, 'private-room'),
  signin: async (server) => {
    await using client = await server.raw()
    server.signin(client, '{"id":"7"}')
    expect(await client.next()).toContain(INTERNAL)
    await client.expectNothing()
  },
  subscribed: async (server) => void (await subscribed(server, 'room')),
  clientEvent: async (server) => {
    await using client = await server.raw()
    await server.signedIn(client, 'private-room')
    client.send({ event: 'client-e', channel: 'private-room', data: 1 })
    expect(await client.next()).toContain(INTERNAL)
    await client.expectNothing()
  },
  unsubscribed: async (server) => {
    await using client = await server.raw()
    await client.subscribed('room')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await client.expectNothing()
    expect(server.core.hub.channel(server.core.apps.byId('1')!, 'room' as never)).toBeUndefined()
  },
  presence: async (server) => {
    await using client = await server.raw()
    await server.signedIn(client, 'presence-room', { user_id: '1' })
  },
  refused: async (server) => {
    await using client = await server.raw()
    client.send('nonsense')
    expect(await client.next()).toContain('Invalid message')
    await client.expectNothing()
  },
  disconnected: async (server) => {
    const client = await server.raw()
    await client[Symbol.asyncDispose]()
    await expectGone(server)
  },
  authenticate: async (server) => expectStatus(server, 500),
  request: async (server) => expectStatus(server, 500),
  publish: async (server) => {
    const response = await server.trigger({ channel: 'room', name: 'e', data: '' })
    expect([response.status, await response.text()]).toEqual([500, 'Internal server error\n'])
  },
  webhook: async (server) => {
    const app = server.core.apps.byId('1')!
    const webhooks = [{ url: 'http://127.0.0.1:9/hook' }]
    server.core.apps.change(app, { ...app.record, webhooks }, 0)
    await subscribed(server, 'room')
    expect(server.core.counters.webhookEventsRefused).toBe(1)
  },
  apiRequested: async (server) => expectPushed(server, 200),
  authorizePush: async (server) => expectPushed(server, 500),
  pushRequested: async (server) => expectPushed(server, 200),
  pushDelivered: async (server) => {
    await using client = await server.raw()
    await client.subscribed('room')
    await expectPushed(server, 200)
    expect((await client.nextJson()).event).toBe('e')
  },
  apiProcessed: async (server) => expectPushed(server, 200),
  response: async (server) => expectStatus(server, 200),
  stop: async (server) => server.stop(),
}

async function closedWith4100(server: TestServer): Promise<void> {
  await using client = await server.raw({ hello: false })
  expect(await client.next()).toContain('"code":4100')
  expect((await client.closing()).code).toBe(4100)
}

async function subscribed(server: TestServer, channel: string): Promise<void> {
  await using client = await server.raw()
  await client.subscribed(channel)
}

async function refusesSubscription(server: TestServer, channel: string): Promise<void> {
  await using client = await server.raw()
  client.subscribe(channel, server.sign(client, channel))
  expect(await client.next()).toContain('subscription_error')
  expect(await client.next()).toContain(INTERNAL)
  await client.expectNothing()
}

async function expectStatus(server: TestServer, status: number): Promise<void> {
  const response = await server.signed('GET', '/channels')
  expect(response.status).toBe(status)
  expect(await response.text()).not.toContain('secret detail')
}

async function expectPushed(server: TestServer, status: number): Promise<void> {
  const body = '{"channel":"room","data":1,"event":"e"}'
  const response = await server.http('/api/push', { method: 'POST', body })
  expect(response.status).toBe(status)
  expect(await response.text()).not.toContain('secret detail')
}

/** Waits for the server to have seen every close: its hub is empty. */
async function expectGone(server: TestServer): Promise<void> {
  while (server.core.hub.connectionCount > 0)
    await new Promise<void>((resolve) => setImmediate(resolve))
}

describe('a plugin that throws', () => {
  test.each(Object.entries(THROWING))('in %s', async (hook, act) => {
    await using server = await start({ plugins: [pluginOf('bad', { [hook]: fails })] })
    await act(server)
    const faults = server.log.lines.filter(({ message }) => message === 'plugin failed')
    expect(faults[0]?.fields).toMatchObject({ plugin: 'bad', hook })
    const { stats } = server.core.hooks[hook as HookName][0]!
    expect(stats.faults).toBeGreaterThan(0)
    expect(server.core.counters.faults).toBe(0)
  })

  test('in start is told before the server listens, and the table has every other hook', () => {
    expect([...Object.keys(THROWING), 'start'].sort()).toEqual(Object.keys(HOOKS).sort())
  })
})

describe('a plugin that rejects', () => {
  const REJECTING: readonly (readonly [hook: HookName, often: boolean, seen: string])[] = [
    ['upgrade', false, '4009 no'],
    ['upgrade', true, '4100 no'],
    ['connect', false, '4009 no'],
    ['connect', true, '4100 no'],
    ['frame', false, '{"code":null,"message":"no"}'],
    ['frame', true, '{"code":4301,"message":"no"}'],
    ['subscribe', false, '{"type":"AuthError","error":"no","status":403}'],
    ['subscribe', true, '{"type":"LimitReached","error":"no","status":429}'],
    ['authorize', false, '{"type":"AuthError","error":"no","status":403}'],
    ['authorize', true, '{"type":"LimitReached","error":"no","status":429}'],
    ['signin', false, '{"code":null,"message":"no"}'],
    ['signin', true, '{"code":4301,"message":"no"}'],
    ['clientEvent', false, '{"code":null,"message":"no"}'],
    ['clientEvent', true, '{"code":4301,"message":"no"}'],
    ['authenticate', false, '401 no'],
    ['authenticate', true, '429 no retry-after 7'],
    ['request', false, '403 no'],
    ['request', true, '429 no retry-after 7'],
    ['publish', false, '403 no'],
    ['publish', true, '429 no retry-after 7'],
  ]
  test.each(REJECTING)('in %s (too often: %j) is answered %s', async (hook, often, seen) => {
    const no = () => (often ? reject('no', { retryAfterSeconds: 7 }) : reject('no'))
    await using server = await start({ plugins: [pluginOf('strict', { [hook]: no })] })
    expect(await answerTo(hook, server)).toBe(seen)
    const { stats } = server.core.hooks[hook][0]!
    expect([stats.calls, stats.refusals, stats.faults]).toEqual([1, 1, 0])
  })

  /** What a client or a backend is told that runs into a hook. */
  async function answerTo(hook: HookName, server: TestServer): Promise<string> {
    if (hook === 'upgrade' || hook === 'connect') {
      await using client = await server.raw({ hello: false })
      const { code, reason } = await client.closing()
      return `${code} ${reason}`
    }
    const ask = SAY[hook]
    if (ask) {
      await using client = await server.raw()
      await ask(client, server)
      return JSON.stringify((await client.nextJson()).data)
    }
    const response = await server.trigger({ channel: 'room', name: 'e', data: '' })
    const wait = response.headers.get('retry-after')
    return `${response.status} ${(await response.text()).trim()}${wait ? ` retry-after ${wait}` : ''}`
  }

  type Say = (client: RawClient, server: TestServer) => Promise<void>
  const SAY: { readonly [Name in HookName]?: Say } = {
    frame: async (client) => client.send({ event: 'pusher:ping' }),
    signin: async (client, server) => server.signin(client, '{"id":"7"}'),
    subscribe: async (client) => client.subscribe('room'),
    authorize: async (client) => client.subscribe('private-room'),
    clientEvent: async (client, server) => {
      await server.signedIn(client, 'private-room')
      client.send({ event: 'client-e', channel: 'private-room', data: 1 })
    },
  }
})

describe('filters', () => {
  const doubled = (name: string): ReturnType<typeof pluginOf> =>
    pluginOf(name, {
      publish: (_, { data }) => replace(JSON.parse(data) + name),
      clientEvent: (_, { data }) => replace({ ...JSON.parse(data), [name]: true }),
    })

  test('replace the data, each what the one before made of it', async () => {
    await using server = await start({ plugins: [doubled('a'), doubled('b')] })
    await using sender = await server.raw()
    await using receiver = await server.raw()
    for (const client of [sender, receiver]) await server.signedIn(client, 'private-room')
    await server.trigger({ channel: 'private-room', name: 'e', data: 'x' })
    expect((await receiver.nextJson()).data).toBe('xab')
    sender.send({ event: 'client-e', channel: 'private-room', data: { n: 1 } })
    expect((await receiver.nextJson()).data).toEqual({ n: 1, a: true, b: true })
  })

  test('may not make it larger than the app’s limit, nor no JSON', async () => {
    const plugins = [
      pluginOf('a', {
        publish: (_, { event }) => replace(event === 'big' ? 'é'.repeat(6) : fails),
      }),
    ]
    await using server = await start({ plugins, limits: { maxEventDataBytes: 10 } })
    const big = await server.trigger({ channel: 'room', name: 'big', data: '' })
    expect([big.status, await big.text()]).toEqual([
      413,
      'The data content of this event exceeds the allowed maximum (12 of 10 bytes)\n',
    ])
    const odd = await server.trigger({ channel: 'room', name: 'odd', data: '' })
    expect(odd.status).toBe(500)
  })

  test('add headers to answers, good and bad', async () => {
    const seen: string[] = []
    const plugin = pluginOf('a', {
      request: ({ area }) => (area === 'read' ? reject('no') : undefined),
      response: ({ method, area, app }, { status }) => {
        seen.push(`${method} ${area} ${app?.id} ${status}`)
        return { 'x-quota': '5' }
      },
    })
    await using server = await start({ plugins: [plugin] })
    const answers = [
      await server.trigger({ channel: 'room', name: 'e', data: '' }),
      await server.signed('GET', '/channels'),
      await server.admin('/api/admin/apps'),
      await server.http('/api/admin/apps'),
      await server.http('/apps/1/channels'),
    ]
    expect(answers.map(({ headers }) => headers.get('x-quota'))).toEqual(['5', '5', '5', '5', null])
    expect(seen).toEqual([
      'POST trigger 1 200',
      'GET read 1 403',
      'GET admin undefined 200',
      'GET admin undefined 401',
    ])
  })
})

describe('what plugins are shown', () => {
  test('taps see a connection from its hello to its end, with the same locals', async () => {
    const seen: string[] = []
    const note = (text: string) => void seen.push(text)
    const plugin = definePlugin({
      name: 'diary',
      carillon: 1,
      locals: () => ({ n: 0 }),
      setup: () => ({
        connected: ({ locals }) => note(`connected ${locals.n++}`),
        subscribed: ({ locals }, { channel, userId }) =>
          note(`subscribed ${channel} ${userId} ${locals.n++}`),
        presence: ({ slug }, { type, channel, userId }) =>
          note(`${slug} ${type} ${channel} ${userId}`),
        refused: ({ locals }, { code }) => note(`refused ${code} ${locals.n++}`),
        unsubscribed: ({ locals, closed }, { channel }) =>
          note(`unsubscribed ${channel} ${locals.n++} ${closed}`),
        disconnected: ({ locals, signal }) => note(`disconnected ${locals.n} ${signal.aborted}`),
      }),
    })
    await using server = await start({ plugins: [plugin] })
    const client = await server.raw()
    await client.subscribed('room')
    await server.signedIn(client, 'presence-room', { user_id: '7' })
    client.send('nonsense')
    await client.next()
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await client.expectNothing()
    await client[Symbol.asyncDispose]()
    await expectGone(server)
    expect(seen).toEqual([
      'connected 0',
      'subscribed room undefined 1',
      'test-app member_added presence-room 7',
      'subscribed presence-room 7 2',
      'refused message_invalid 3',
      'unsubscribed room 4 false',
      'test-app member_removed presence-room 7',
      'unsubscribed presence-room 5 true',
      'disconnected 6 true',
    ])
  })

  test('a connection can be ended: for good with 4009, to reconnect with 4200', async () => {
    const plugin = pluginOf('end', {
      subscribed: (conn, { channel }) =>
        conn.disconnect('enough', { toReconnect: channel === 'again' }),
    })
    await using server = await start({ plugins: [plugin] })
    await using first = await server.raw()
    await first.subscribed('room')
    expect(await first.closing()).toEqual({ code: 4009, reason: 'enough' })
    await using second = await server.raw()
    await second.subscribed('again')
    expect(await second.closing()).toEqual({ code: 4200, reason: 'enough' })
  })

  test('views show no secret to a log, and an app as it is now', async () => {
    const apps: unknown[] = []
    const plugin = pluginOf('a', { connected: ({ app }) => void apps.push(app) })
    await using server = await start({ plugins: [plugin] })
    await using _client = await server.raw()
    expect(Bun.inspect(apps[0])).not.toContain('test-app-fake-secret')
    expect(JSON.stringify(apps)).not.toContain('secret')
    const app = server.core.apps.byId('1')!
    server.core.apps.change(app, { ...app.record, name: 'Renamed' }, 0)
    expect(apps).toMatchObject([{ name: 'Renamed', slug: 'test-app' }])
  })
})

describe('what plugins are given', () => {
  test('timers end with the server, and their faults are the plugin’s own', async () => {
    const ticks: number[] = []
    const plugin = definePlugin({
      name: 'timer',
      carillon: 1,
      setup({ clock, signal }) {
        clock.every(1000, () => void ticks.push(clock.now()))
        clock.after(1500, fails)
        const cancel = clock.after(500, fails)
        cancel()
        signal.addEventListener('abort', () => ticks.push(-1))
        return {}
      },
    })
    const server = await start({ plugins: [plugin], now: 0 })
    server.advance(2500)
    expect(ticks).toEqual([1000, 2000])
    expect(server.log.lines).toMatchObject([
      { message: 'plugin failed', fields: { plugin: 'timer', hook: 'timer' } },
    ])
    await server.stop()
    server.advance(5000)
    expect(ticks).toEqual([1000, 2000, -1])
    expect(server.clock.pending).toBe(0)
  })

  test('a store that lasts, by plugin, with values that expire', async () => {
    const stores: Record<string, Parameters<ReturnType<typeof keeper>['setup']>[0]['store']> = {}
    const keeper = (name: string) =>
      definePlugin({
        name,
        carillon: 1,
        setup: ({ store }) => {
          stores[name] = store
          return {}
        },
      })
    await using server = await start({ plugins: [keeper('one'), keeper('two')], now: 1000 })
    const { one, two } = stores
    one!.set('k', { deep: [1] })
    one!.set('soon', 'gone', { expiresAt: 2000 })
    expect(two!.get('k')).toBeUndefined()
    expect(one!.entries()).toEqual([
      ['k', { deep: [1] }],
      ['soon', 'gone'],
    ])
    server.advance(1000)
    expect(one!.get('soon')).toBeUndefined()
    expect(one!.entries()).toEqual([['k', { deep: [1] }]])
    one!.set('k', 2)
    expect(one!.get('k')).toBe(2)
    one!.delete('k')
    expect(one!.entries()).toEqual([])
    expect(() => one!.set('k', undefined)).toThrow('must be JSON')
  })

  test('routes of its own, for everybody or for the admin only, with request ids', async () => {
    const plugin = definePlugin({
      name: 'routes',
      carillon: 1,
      setup({ routes, adminOnly }) {
        routes
          .get('/open', () => ({ open: true }))
          .get('/closed', () => 'secret', { beforeHandle: adminOnly })
        return {}
      },
    })
    await using server = await start({ plugins: [plugin, pluginOf('none', {})] })
    const open = await server.http('/plugins/routes/open')
    expect([open.status, await open.json()]).toEqual([200, { open: true }])
    expect(open.headers.get('x-request-id')).toBeString()
    const stranger = await server.http('/plugins/routes/closed')
    expect([stranger.status, await stranger.text()]).toEqual([401, ''])
    expect(await (await server.admin('/plugins/routes/closed')).text()).toBe('secret')
    const { paths, tags } = await (await server.http('/swagger/json')).json()
    expect(paths).toHaveProperty('/plugins/routes/open')
    expect(tags).toContainEqual({ name: 'routes', description: 'Routes of the plugin routes' })
    expect(tags).not.toContainEqual(expect.objectContaining({ name: 'none' }))
  })

  test('counters, reported with what its hooks have done', async () => {
    const plugin = definePlugin({
      name: 'counting',
      carillon: 1,
      setup({ counter }) {
        const badWords = counter('bad_words', 'events with a bad word')
        return {
          publish(_, { event }) {
            if (event !== 'bad') return
            badWords.count++
            return reject('bad word')
          },
        }
      },
    })
    await using server = await start({ plugins: [plugin] })
    for (const name of ['good', 'bad']) await server.trigger({ channel: 'room', name, data: '' })
    const { data } = await (await server.admin('/api/admin/plugins')).json()
    expect(data).toEqual([
      {
        name: 'counting',
        hooks: [
          {
            name: 'publish',
            kind: 'filter',
            calls: 2,
            refusals: 1,
            faults: 0,
            busy_ms: expect.any(Number),
          },
        ],
        counters: [{ name: 'bad_words', about: 'events with a bad word', count: 1 }],
      },
    ])
  })

  test('a name in the log when they hold everybody up', async () => {
    const plugin = pluginOf('slow', {
      connected() {
        const end = performance.now() + 60
        while (performance.now() < end);
      },
    })
    await using server = await start({ plugins: [plugin] })
    await using _client = await server.raw()
    expect(server.log.lines).toMatchObject([
      {
        level: 'warn',
        message: 'plugin blocked the event loop',
        fields: { plugin: 'slow', hook: 'connected' },
      },
    ])
  })
})

test('authenticate vouches for a backend in place of the signature', async () => {
  const hooks: Hooks = {
    authenticate: async ({ headers, app, body }) => {
      const token = headers.get('authorization')
      if (token === null) return undefined
      return token === `Bearer ${app?.slug} ${body.length}`
        ? { type: 'allow', channelData: undefined }
        : reject('unknown token')
    },
  }
  await using server = await start({ plugins: [pluginOf('bearer', hooks)] })
  await using client = await server.raw()
  await client.subscribed('room')
  const body = '{"name":"e","channel":"room","data":"x"}'
  const trigger = (path: string, authorization?: string) =>
    server.http(path, {
      method: 'POST',
      body,
      headers: authorization === undefined ? {} : { authorization },
    })
  const right = `Bearer test-app ${body.length}`
  expect((await trigger('/apps/1/events', right)).status).toBe(200)
  expect((await client.nextJson()).data).toBe('x')
  const wrong = await trigger('/apps/1/events', 'Bearer x')
  expect([wrong.status, await wrong.text()]).toEqual([401, 'unknown token\n'])
  expect((await trigger('/apps/1/events')).status).toBe(401)
  expect((await trigger('/apps/77/events', right)).status).toBe(404)
  const signed = await server.trigger({ channel: 'room', name: 'e', data: 'signed' })
  expect(signed.status).toBe(200)
  const app = server.core.apps.byId('1')!
  server.core.apps.change(app, { ...app.record, active: false }, 0)
  expect((await trigger('/apps/1/events', right)).status).toBe(403)
})
