/** Who keeps the thread busy is named; who merely shares a busy machine is not. */
import { describe, expect, test } from 'bun:test'
import { definePlugin, replace, type AnyPlugin, type Hooks } from 'carillon/plugin'
import { testPlugin } from 'carillon/plugin-kit'
import { makePlugin, start } from '../harness'
import { compute } from './compute'
import { mine } from './mine'

const TOO_LONG_MS = 60

/** Stands for a machine that does something else for that long. */
const loseTheCpu = (): void => Bun.sleepSync(TOO_LONG_MS)

const findBlocked = (plugin: string, hook: string) => ({
  level: 'warn',
  message: 'plugin blocked the event loop',
  fields: { code: 'plugin_blocked', plugin, hook, ms: expect.any(Number) },
})

const LATE_TEXT = {
  toJSON() {
    compute(TOO_LONG_MS)
    return 'text'
  },
}

type Row = { readonly name: string; readonly first: Answer; readonly named: readonly string[] }
type Answer = NonNullable<Hooks['publish']>

const ROWS: readonly Row[] = [
  { name: 'one that computes', first: () => compute(TOO_LONG_MS), named: ['first'] },
  { name: 'one that lost the CPU', first: loseTheCpu, named: [] },
  {
    name: 'one whose answer computes while it is written',
    first: () => replace(LATE_TEXT),
    named: ['first'],
  },
]

test.each(ROWS)('$name: in the log is $named', async ({ first, named }) => {
  const plugins = [
    makePlugin('first', { publish: first }),
    makePlugin('second', { publish: () => undefined }),
  ]
  await using server = await start({ plugins })
  await server.trigger({ channel: 'room', name: 'e', data: '' })
  expect(server.log.lines).toEqual(named.map((plugin) => findBlocked(plugin, 'publish')))
})

test('a timer that computes is named', async () => {
  const plugin = definePlugin({
    name: 'ticking',
    carillon: 1,
    setup({ clock }) {
      clock.after(1000, () => compute(TOO_LONG_MS))
      clock.after(2000, loseTheCpu)
      return {}
    },
  })
  await using server = await start({ plugins: [plugin] })
  server.advance(2000)
  expect(server.log.lines).toEqual([findBlocked('ticking', 'timer')])
})

const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

/** Ways to keep the thread that the call of the hook does not see; each has all of `subscribe`. */
const LATER: readonly (readonly [name: string, gate: () => Promise<void>])[] = [
  ['behind an await', async () => compute(await Promise.resolve(TOO_LONG_MS))],
  [
    'behind an await of something else',
    async () => {
      await turn()
      compute(TOO_LONG_MS)
    },
  ],
  [
    'behind a nested chain',
    () =>
      Promise.resolve()
        .then(() => Promise.resolve().then(() => turn()))
        .then(() => Promise.resolve().then(() => compute(TOO_LONG_MS))),
  ],
]

test.each(LATER)('a gate that computes %s is named', async (_, gate) => {
  await using server = await start({ plugins: [makePlugin('late', { subscribe: gate })] })
  await using client = await server.raw()
  await client.subscribed('room')
  const { fields, ...line } = findBlocked('late', 'subscribe')
  expect(server.log.lines).toEqual([{ ...line, fields: { ...fields, after: 'await' } }])
})

/** Ways to run later than any hook or route, each with what runs then. */
type Context = Parameters<AnyPlugin['setup']>[0]
type Later = (context: Context, run: () => Promise<void>) => unknown
const ALONE: readonly (readonly [name: string, hook: string, add: Later])[] = [
  ['a timer', 'timer', ({ clock }, run) => clock.after(0, run)],
  ['a timer that repeats', 'timer', ({ clock }, run) => clock.every(1000, run)],
  ['a deed in slices', 'inSlices', ({ inSlices }, run) => inSlices([1], run)],
  [
    'what comes after the answer of a route',
    'routes',
    ({ routes }, run) => routes.onAfterResponse(run).get('/', () => 'done'),
  ],
  [
    'a later part of an answer',
    'routes',
    ({ routes }, run) =>
      routes.get('/', async function* () {
        yield 'done'
        await run()
      }),
  ],
]

/** Runs it once, on a server that has nothing else to do; returns the first line that is logged. */
async function logOf(add: Later, run: () => Promise<void>) {
  let isDone = false
  const runOnce = async (): Promise<void> => {
    if (isDone) return
    isDone = true
    await run()
  }
  const plugin = definePlugin({
    name: 'late',
    carillon: 1,
    setup(context) {
      add(context, runOnce)
      return {}
    },
  })
  await using server = await start({ plugins: [plugin] })
  server.advance(1000)
  await (await server.http('/plugins/late/')).text()
  const faults = () => server.log.lines.filter(({ fields }) => 'hook' in fields)
  while (faults().length === 0) await turn()
  return faults()
}

describe.each(ALONE)('%s', (_, hook, add) => {
  test.each(LATER)('that computes %s is named', async (__, run) => {
    const { fields, ...line } = findBlocked('late', hook)
    expect(await logOf(add, run)).toEqual([{ ...line, fields: { ...fields, after: 'await' } }])
  })

  test('that fails behind an await is named', async () => {
    const fail = async (): Promise<void> => {
      await turn()
      throw new Error('behind')
    }
    const err = { message: 'behind', stack: expect.any(String) }
    const fields = { code: 'plugin_failed', plugin: 'late', hook, err }
    expect(await logOf(add, fail)).toEqual([{ level: 'error', message: 'plugin failed', fields }])
  })
})

test('entries of a list that computes are named', async () => {
  let pages = 2
  const more = (): string[] => {
    compute(TOO_LONG_MS)
    return --pages > 0 ? ['entry'] : []
  }
  const plugin = mine(({ routes, listInSlices }) => routes.get('/', () => listInSlices(more)))
  await using server = await start({ plugins: [plugin] })
  expect(await (await server.http('/plugins/mine/')).json()).toEqual({ data: ['entry'] })
  const named = server.log.lines.filter(({ fields }) => !('after' in fields) && 'hook' in fields)
  expect(named).toContainEqual(findBlocked('mine', 'listInSlices'))
})

test.each(LATER)('a route that computes %s is named', async (_, handle) => {
  const plugin = definePlugin({
    name: 'late',
    carillon: 1,
    setup({ routes }) {
      routes.get('/', async () => {
        await handle()
        return 'done'
      })
      return {}
    },
  })
  await using server = await start({ plugins: [plugin] })
  expect(await (await server.http('/plugins/late/')).text()).toBe('done')
  const { fields, ...line } = findBlocked('late', 'routes')
  expect(server.log.lines).toEqual([{ ...line, fields: { ...fields, after: 'await' } }])
})

describe('between two awaits', () => {
  /** Computes, then waits until it is let go. */
  const busy = (begin = turn) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const subscribe = async (): Promise<void> => {
      await begin()
      compute(TOO_LONG_MS)
      await promise
    }
    return { plugin: makePlugin('busy', { subscribe }), release: resolve }
  }
  /** Servers of other tests in this process may wait, too. */
  const suspects: unknown = expect.any(Number)
  const named = (plugin: string, hook: string) => {
    const { fields, ...line } = findBlocked(plugin, hook)
    return { ...line, fields: { ...fields, after: 'await', suspects } }
  }

  test('who is waited for is named', async () => {
    const { plugin, release } = busy()
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    client.subscribe('room')
    while (server.log.lines.length === 0) await turn()
    release()
    expect(await client.next()).toContain('subscription_succeeded')
    expect(server.log.lines).toEqual([named('busy', 'subscribe')])
  })

  test('a route that has waited for long is not, whatever another server waits for', async () => {
    const stands = makePlugin('stands', { subscribe: () => new Promise(() => {}) })
    await using other = await start({ plugins: [stands] })
    await using waiting = await other.raw()
    waiting.subscribe('room')
    await other.waitForReceived(1)
    const { plugin, release } = busy(() => new Promise<void>((done) => setTimeout(done, 20)))
    const { promise: calm, resolve: calmDown } = Promise.withResolvers<string>()
    const waits = mine(({ routes }) => routes.get('/', () => calm))
    await using server = await start({ plugins: [plugin, waits] })
    await using client = await server.raw()
    const answer = server.http('/plugins/mine/')
    while (server.server.plugins[1]!.routes.stats.calls < 1) await turn()
    server.advance(6000)
    client.subscribe('room')
    while (server.log.lines.length === 0) await turn()
    release()
    expect(await client.next()).toContain('subscription_succeeded')
    calmDown('done')
    expect(await (await answer).text()).toBe('done')
    expect(server.log.lines).toEqual([named('busy', 'subscribe')])
  })

  test('each of several is', async () => {
    const { plugin, release } = busy()
    const { promise: calm, resolve: calmDown } = Promise.withResolvers<undefined>()
    const waits = makePlugin('calm', {
      connect: (_, { query }) => (query.has('wait') ? calm : undefined),
    })
    await using server = await start({ plugins: [plugin, waits] })
    await using client = await server.raw()
    await using other = await server.raw({
      path: `/app/${server.app.key}?protocol=7&wait=1`,
      hello: false,
    })
    while (server.core.hooks.connect[0]!.stats.calls < 2) await turn()
    client.subscribe('room')
    while (server.log.lines.length < 2) await turn()
    release()
    calmDown(undefined)
    await other.hello()
    expect(server.log.lines).toEqual([named('calm', 'connect'), named('busy', 'subscribe')])
  })
})

test('locals that compute are named by the hook that needed them first', async () => {
  const plugin = definePlugin({
    name: 'heavy',
    carillon: 1,
    locals: () => {
      compute(TOO_LONG_MS)
      return { n: 0 }
    },
    setup: () => ({ upgrade: () => undefined, connected: ({ locals }) => void locals.n++ }),
  })
  await using server = await start({ plugins: [plugin] })
  await using _client = await server.raw()
  expect(server.log.lines).toEqual([findBlocked('heavy', 'connected')])
})

/** Only the first time: the contract calls hooks often. */
function once(run: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) run()
    isDone = true
  }
}

test('the contract is broken by one that computes, not by one that lost the CPU or talks', async () => {
  const talks = definePlugin({
    name: 'talks',
    carillon: 1,
    setup: ({ log }) => ({
      connected: once(loseTheCpu),
      disconnected: () => log.warn({}, 'plugin says hello'),
    }),
  })
  await testPlugin(talks)
  const computes = makePlugin('computes', { connected: once(() => compute(TOO_LONG_MS)) })
  await expect(testPlugin(computes)).rejects.toThrow('connected: plugin blocked the event loop')
})
