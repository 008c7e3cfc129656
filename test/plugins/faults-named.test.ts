/** Mistakes of plugins that once harmed an answer or stayed silent: each is harmless, and named. */
import { describe, expect, test } from 'bun:test'
import {
  definePlugin,
  reject,
  type AnyPlugin,
  type Hooks,
  type PluginContext,
} from 'carillon/plugin'
import { ManualClock, MemoryLog } from 'carillon/plugin-kit'
import { createServed } from '../../kit/server'
import { makePlugin, start, type TestServer } from '../harness'

const pluginWith = (setup: (context: PluginContext) => Hooks): AnyPlugin =>
  definePlugin({ name: 'odd', carillon: 1, setup })

const trigger = (server: TestServer): Promise<Response> =>
  server.trigger({ channel: 'room', name: 'e', data: '' })

/** The faults in the log. */
const faultsOf = ({ log }: TestServer): string[] =>
  log.lines.flatMap(({ message, fields }) => {
    const { plugin, hook, err } = fields as Record<string, string> & { err?: Error }
    return message === 'plugin failed' ? [`${plugin} ${hook}: ${err?.message}`] : []
  })

describe('a counter', () => {
  const BAD = [undefined, NaN, Infinity, '5', null, 5n, {}, Symbol('one')]
  test.each(BAD)('that is set to %p keeps its number, and the report is there', async (value) => {
    const plugin = pluginWith(({ counter }) => {
      const seen = counter('seen', 'events')
      return {
        publish: () => {
          seen.count++
          seen.count = value as number
        },
      }
    })
    await using server = await start({ plugins: [plugin] })
    await trigger(server)
    const response = await server.admin('/api/admin/plugins')
    const { data } = await response.json()
    expect(data[0].counters).toEqual([{ name: 'seen', about: 'events', count: 1 }])
    expect(faultsOf(server)).toEqual([`odd counter: seen cannot be ${String(value)}`])
  })

  test('without a text stops the start', async () => {
    const plugin = pluginWith(({ counter }) => {
      counter('seen', undefined as unknown as string)
      return {}
    })
    await expect(start({ plugins: [plugin] })).rejects.toThrow(
      'plugin odd: counter(name, about) needs two texts',
    )
  })
})

test('a start that never ends is named after a moment, and stops the start at its limit', async () => {
  const called = Promise.withResolvers<void>()
  const plugin = makePlugin('stuck', {
    start: () => {
      called.resolve()
      return new Promise<void>(() => undefined)
    },
  })
  const [clock, log] = [new ManualClock(0), new MemoryLog()]
  const starting = createServed({ plugins: [plugin] }, { clock, log })
  const reason = starting.catch((error: Error) => error.message)
  await called.promise
  clock.advance(3000)
  const lines = log.lines.filter(({ message }) => message === 'plugin has not started yet')
  expect(lines.map(({ fields }) => fields)).toEqual([{ plugin: 'stuck', limitMs: 30_000 }])
  clock.advance(27_000)
  expect(await reason).toBe('plugin stuck: could not start: no answer within 30000 ms')
})

describe('the tap of refusals comes before the end of the connection', () => {
  const WAYS: readonly (readonly [way: string, hooks: Hooks, code: number])[] = [
    ['upgrade', { upgrade: () => reject('no') }, 4009],
    ['connect', { connect: () => reject('no') }, 4009],
    ['connect, later', { connect: async () => reject('no') }, 4009],
    ['a silent client', {}, 4201],
  ]
  test.each(WAYS)('%s', async (_, hooks, code) => {
    const order: string[] = []
    const plugin = makePlugin('taps', {
      ...hooks,
      refused: (conn, { code: refused }) => {
        order.push(`refused ${refused} ${conn.closed}`)
        conn.disconnect('again', { toReconnect: true }) // too late: it has got a reason
      },
      disconnected: () => void order.push('disconnected'),
    })
    await using server = await start({ plugins: [plugin] })
    const client = await server.raw({ hello: false })
    if (code === 4201) {
      await client.hello()
      server.advance(200_000)
    }
    expect((await client.closing()).code).toBe(code)
    await server.waitForConnections(0)
    while (order.length < 2) await new Promise<void>((done) => setImmediate(done))
    expect(order).toEqual([
      code === 4201 ? 'refused pong_timeout false' : 'refused connection_refused false',
      'disconnected',
    ])
  })
})

test.each([[undefined], [null], [''], [{}], [7]])(
  'a rejection with the text %p says so',
  async (message) => {
    const plugin = makePlugin('mute', { request: () => ({ type: 'reject', message }) as never })
    await using server = await start({ plugins: [plugin] })
    const response = await trigger(server)
    expect([response.status, await response.text()]).toEqual([
      403,
      'Refused, and no reason was given\n',
    ])
  },
)

describe('a log line', () => {
  type Line = readonly [name: string, args: readonly unknown[], message: string, fields: object]
  const error = new Error('broken')
  const LINES: readonly Line[] = [
    ['of fields and a message', [{ n: 1 }, 'said'], 'said', { n: 1 }],
    ['of a message alone', ['said'], 'said', {}],
    ['of a message and fields', ['said', { n: 1 }], 'said', { n: 1 }],
    ['of fields alone', [{ n: 1 }], '', { n: 1 }],
    ['of an error', [error], 'broken', { err: error }],
    ['of nothing', [], '', {}],
    ['in the name of another plugin', [{ plugin: 'guardian' }, 'said'], 'said', {}],
  ]
  test.each(LINES)('%s', async (_, args, message, fields) => {
    const plugin = pluginWith(({ log }) => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const)
        (log[level] as (...given: readonly unknown[]) => void)(...args)
      return {}
    })
    await using server = await start({ plugins: [plugin] })
    expect(server.log.lines).toEqual(
      ['debug', 'info', 'warn', 'error'].map((level) => ({
        level,
        message,
        fields: { plugin: 'odd', ...fields },
      })),
    )
  })
})

describe('headers', () => {
  const HONOURED: readonly (readonly [name: string, answer: unknown])[] = [
    ['an object', { 'x-a': '1' }],
    ['a Headers object', new Headers({ 'x-a': '1' })],
    ['a Map', new Map([['x-a', '1']])],
    ['pairs', [['x-a', '1']]],
  ]
  test.each(HONOURED)('as %s are sent', async (_, answer) => {
    const plugin = makePlugin('heads', { response: () => answer as never })
    await using server = await start({ plugins: [plugin] })
    expect((await trigger(server)).headers.get('x-a')).toBe('1')
    expect(faultsOf(server)).toEqual([])
  })

  const FAULTS: readonly (readonly [name: string, answer: unknown])[] = [
    ['a Response', new Response('', { headers: { 'x-a': '1' } })],
    ['a list of names', ['x-a', '1']],
    ['an object of a class', new (class Own {})()],
    ['a Set', new Set(['x-a'])],
    ['a text', 'x-a: 1'],
  ]
  test.each(FAULTS)('as %s are a fault', async (_, answer) => {
    const plugin = makePlugin('heads', { response: () => answer as never })
    await using server = await start({ plugins: [plugin] })
    expect((await trigger(server)).headers.get('x-a')).toBeNull()
    expect(faultsOf(server)).toEqual([
      'heads response: answered what is neither an object of headers nor pairs of name and value',
    ])
  })
})

describe('the signal of a question', () => {
  const LATE: readonly (readonly [hook: 'connect' | 'subscribe' | 'authorize' | 'signin'])[] = [
    ['connect'],
    ['subscribe'],
    ['authorize'],
    ['signin'],
  ]
  const late = () => {
    const called = Promise.withResolvers<AbortSignal>()
    const gate = (...shown: readonly ({ readonly signal: AbortSignal } | undefined)[]) => {
      called.resolve((shown[1] ?? shown[0])!.signal)
      return new Promise<undefined>(() => undefined)
    }
    return { gate, called: called.promise }
  }

  test.each(LATE)(
    'of %s is aborted at the time limit, that of the connection is not',
    async (hook) => {
      const { gate, called } = late()
      let whole: AbortSignal | undefined
      const upgrade: Hooks['upgrade'] = ({ signal }) => void (whole = signal)
      await using server = await start({ plugins: [makePlugin('late', { upgrade, [hook]: gate })] })
      await using client = await server.raw({ hello: false })
      if (hook !== 'connect') await client.hello()
      if (hook === 'signin') server.signin(client, '{"id":"ada"}')
      else if (hook !== 'connect') client.subscribe('private-room')
      const signal = await called
      expect(signal.aborted).toBe(false)
      server.advance(3000)
      await client.next()
      expect([signal.aborted, whole?.aborted]).toEqual([true, hook === 'connect'])
      expect(signal.reason.message).toBe('no answer within 3000 ms')
    },
  )

  test('of a backend’s request is, too', async () => {
    const { gate, called } = late()
    await using server = await start({ plugins: [makePlugin('late', { authenticate: gate })] })
    const answer = trigger(server)
    const signal = await called
    server.advance(3000)
    expect([(await answer).status, signal.aborted]).toEqual([500, true])
  })

  test('is aborted with its connection', async () => {
    const { gate, called } = late()
    await using server = await start({ plugins: [makePlugin('late', { subscribe: gate })] })
    const client = await server.raw()
    client.subscribe('room')
    const signal = await called
    await client[Symbol.asyncDispose]()
    await new Promise<void>((done) => {
      if (signal.aborted) done()
      else signal.addEventListener('abort', () => done())
    })
    expect(signal.aborted).toBe(true)
  })
})

test('a batch that a plugin refuses has used nothing of the app’s quota', async () => {
  const limits = { maxBackendEventsPerSecond: 5 }
  const plugin = makePlugin('picky', {
    publish: (_, { event }) => (event === 'bad' ? reject('no') : undefined),
  })
  await using server = await start({ plugins: [plugin], limits })
  const batch = (names: readonly string[]) => {
    const events = names.map((name) => ({ channel: 'room', name, data: '' }))
    return server.signed('POST', '/batch_events', JSON.stringify({ batch: events }))
  }
  const good = Array.from({ length: 5 }, () => 'good')
  const statuses: number[] = []
  for (const names of [[...good.slice(1), 'bad'], good, ['good']])
    statuses.push((await batch(names)).status)
  expect(statuses).toEqual([403, 200, 429])
})
