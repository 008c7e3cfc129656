/** testPlugin(): a plugin that keeps its promises passes, and each broken promise is named. */
import { describe, expect, test } from 'bun:test'
import Pusher, { type Options } from 'pusher-js'
import {
  allow,
  definePlugin,
  reject,
  type AnyPlugin,
  type AppView,
  type Hooks,
  type PluginContext,
} from 'carillon/plugin'
import { serve, testPlugin } from 'carillon/plugin-kit'
import { makePlugin, throwSecret } from '../harness'

const never = (): Promise<undefined> => new Promise<undefined>(() => undefined)

const GOOD: readonly AnyPlugin[] = [
  makePlugin('nothing', {}),
  makePlugin('passes', {
    upgrade: () => undefined,
    connect: async () => undefined,
    authorize: async () => undefined,
    publish: () => undefined,
    disconnected: () => undefined,
  }),
  makePlugin('refuses-all', { connect: () => reject('closed') }),
  definePlugin({
    name: 'ticks',
    carillon: 1,
    setup({ clock }) {
      clock.every(1000, () => undefined)
      return {}
    },
  }),
]

test.each(GOOD)('$name keeps the contract', async (plugin) => {
  await testPlugin(plugin)
})

/** Plugins that are nothing but routes, which keep the contract or break it. */
const ROUTERS: readonly (readonly [says: string, add: (context: PluginContext) => unknown])[] = [
  [
    'kept',
    ({ routes, adminOnly }) =>
      routes.get('/', () => 'a').post('/:b', throwSecret, { beforeHandle: [adminOnly, () => 'b'] }),
  ],
  ['kept', ({ routes }) => routes.get('/later', () => new Promise<string>(() => undefined))],
  ['kept', ({ routes }) => routes.onError(() => 'mine').all('/*', throwSecret)],
  ['routes: plugin failed: secret detail', ({ routes }) => routes.get('/:id', throwSecret)],
  [
    'routes: plugin failed: secret detail',
    ({ routes, adminOnly }) => routes.delete('/', throwSecret, { beforeHandle: adminOnly }),
  ],
  [
    'routes: plugin failed: secret detail',
    ({ routes }) => routes.onRequest(throwSecret).get('/', () => 'a'),
  ],
  [
    'routes: plugin failed: secret detail',
    ({ routes }) => routes.onAfterResponse(throwSecret).get('/', () => 'a'),
  ],
  [
    'routes: plugin failed: null is not an object',
    ({ routes }) => routes.post('/', ({ body }) => (body as { a: string }).a),
  ],
  [
    'routes: plugin failed: the route GET /late was added too late',
    ({ routes, clock }) => clock.after(0, () => routes.get('/late', () => 'late')),
  ],
  [
    'no request reaches GET /up: it is not below /plugins/bad',
    ({ routes }) => {
      delete routes.config.prefix
      routes.get('/up', () => 'mine')
    },
  ],
]

test.each(ROUTERS)('a router that is %s', async (says, add) => {
  const bad = definePlugin({
    name: 'bad',
    carillon: 1,
    setup(context) {
      add(context)
      return {}
    },
  })
  const reason = await testPlugin(bad).then(
    () => 'kept',
    (error: Error) => error.message,
  )
  expect(reason).toContain(says)
})

const waits = (async () => undefined) as unknown as () => undefined

const BROKEN: readonly (readonly [says: string, hooks: Hooks])[] = [
  ['upgrade: plugin failed: answered with a promise, but upgrade may not wait', { upgrade: waits }],
  ['frame: plugin failed: answered with a promise', { frame: waits }],
  ['publish: plugin failed: answered with a promise', { publish: waits }],
  ['disconnected: plugin failed: answered with a promise', { disconnected: waits }],
  ['clientEvent: plugin failed: oops', { clientEvent: () => JSON.parse('oops').x }],
  ['request: plugin failed: answered neither', { request: () => false as never }],
  ['stop: plugin failed: no', { stop: () => Promise.reject(new Error('no')) }],
  [
    'a stranger entered private-carillon-test with auth "x"',
    { authorize: (_, { auth }) => (auth ? allow() : undefined) },
  ],
  [
    'a stranger triggered an event with Bearer x',
    { authenticate: ({ headers }) => (headers.has('authorization') ? allow() : undefined) },
  ],
]

test.each(BROKEN)('%s', async (says, hooks) => {
  const reason = await testPlugin(makePlugin('bad', hooks)).then(
    () => 'kept',
    (error: Error) => error.message,
  )
  expect(reason).toStartWith('plugin bad breaks its contract:')
  expect(reason.replace('JSON Parse error: Unexpected identifier "oops"', 'oops')).toContain(says)
})

test.each(['store', 'shared', undefined] as const)(
  'one that asks for %s is played',
  async (store) => {
    let starts = 0
    const setup = (context: PluginContext) => {
      if (store) expect(context[store]).toBeObject()
      return { start: () => void starts++ }
    }
    await testPlugin(definePlugin({ name: 'counts', carillon: 1, setup }))
    expect(starts).toBe(store ? 2 : 1)
  },
)

describe('a plugin with a store', () => {
  const forgetful = (onFault: () => ReturnType<typeof allow> | undefined) =>
    definePlugin({
      name: 'forgetful',
      carillon: 1,
      setup: ({ store }) => ({
        authorize(_, { channel }) {
          try {
            return store.get(channel) === 'all' ? allow() : undefined
          } catch {
            return onFault()
          }
        },
      }),
    })

  test('that opens its doors when the store fails is caught', async () => {
    await expect(testPlugin(forgetful(() => allow()))).rejects.toThrow('a stranger entered')
    await testPlugin(forgetful(() => undefined))
  })
})

describe('what a plugin changes, opens or leaves behind is named', () => {
  const withApps = (write: (app: AppView) => void) =>
    definePlugin({
      name: 'bad',
      carillon: 1,
      setup: ({ apps }) => ({
        connected: () => {
          for (const app of apps.all()) write(app)
        },
      }),
    })
  type Row = readonly [name: string, plugin: AnyPlugin, says: string]
  const ROWS: readonly Row[] = [
    [
      'hosts of an app',
      withApps(({ hosts }) => void ((hosts as string[]).length = 0)),
      'connected: plugin failed: Array length is not writable',
    ],
    [
      'the channel that is asked for',
      makePlugin('bad', {
        subscribe: (_, request) => void ((request as { channel: string }).channel = 'other'),
      }),
      'subscribe: plugin failed: Attempted to assign to readonly property.',
    ],
    [
      'an interval',
      makePlugin('bad', { start: () => void setInterval(() => undefined, 60_000) }),
      'a timer of setInterval runs on after the stop',
    ],
    [
      'a timeout',
      makePlugin('bad', { connected: () => void setTimeout(() => undefined, 60_000) }),
      'a timer of setTimeout runs on after the stop',
    ],
    [
      'a channel of its own',
      makePlugin('bad', {
        authorize: (_, { channel }) => (channel === 'private-club' ? allow() : undefined),
      }),
      'a stranger entered private-club',
    ],
    [
      'channels with a prefix of its own',
      makePlugin('bad', {
        authorize: (_, { channel }) => (channel.startsWith('private-club-') ? allow() : undefined),
      }),
      'a stranger entered private-club-carillon',
    ],
  ]
  test.each(ROWS)('%s', async (_, plugin, says) => {
    await expect(testPlugin(plugin)).rejects.toThrow(says)
  })

  const built = ['private', 'lobby'].join('-')
  const lobby = makePlugin('lobby', {
    authorize: (_, { channel }) => (channel === built ? allow() : undefined),
  })

  test('a channel whose name is not in the code is tried where it is given', async () => {
    await testPlugin(lobby)
    const channels = [built]
    await expect(testPlugin(lobby, { channels })).rejects.toThrow(`a stranger entered ${built}`)
    await testPlugin(lobby, { channels, openChannels: channels })
  })

  test('a timer that is ended, or has fired, is none', async () => {
    let timer: ReturnType<typeof setInterval> | undefined
    const tidy = makePlugin('tidy', {
      start: () => {
        timer = setInterval(() => undefined, 60_000)
        return new Promise((done) => setTimeout(done, 1))
      },
      stop: () => clearInterval(timer),
    })
    await testPlugin(tidy)
  })
})

test('a plugin for guests says so', async () => {
  const guests = makePlugin('guests', {
    authorize: () => allow({ channelData: '{"user_id":"g"}' }),
  })
  await testPlugin(guests, { open: true })
})

test('a gate that never answers does not keep the server from stopping', async () => {
  const called = Promise.withResolvers<void>()
  const plugin = makePlugin('never', {
    authorize: () => {
      called.resolve()
      return never()
    },
  })
  const kit = await serve({ plugins: [plugin] })
  const client = await kit.raw()
  client.subscribe('private-room')
  await called.promise
  await kit.stop()
  expect((await client.closing()).code).toBe(1001)
})

test('what a client does that another test has left behind is no breach of the plugin', async () => {
  const clients: Pusher[] = []
  const where = { wsHost: '127.0.0.1', wsPort: 1, forceTLS: false }
  const options: Options = { ...where, cluster: 'test', enabledTransports: ['ws'] }
  const beside = makePlugin('beside', {
    connected: () => void (clients[0] ??= new Pusher('key', options)),
  })
  try {
    await testPlugin(beside)
    expect(clients).toHaveLength(1)
  } finally {
    clients[0]?.disconnect()
  }
})
