/** Counters with labels, and gauges: what the report shows, and what is named instead. */
import { describe, expect, test } from 'bun:test'
import { definePlugin, type PluginContext } from 'carillon/plugin'
import { start, throwSecret, type TestServer } from '../harness'

async function startNumbers(setup: (context: PluginContext) => void) {
  const box: { context?: PluginContext } = {}
  const plugin = definePlugin({
    name: 'numbers',
    carillon: 1,
    setup: (context) => {
      box.context = context
      setup(context)
      return {}
    },
  })
  return { server: await start({ plugins: [plugin] }), context: box.context! }
}

async function report(server: TestServer) {
  const answer = await server.admin('/api/admin/plugins')
  expect(answer.status).toBe(200)
  const { counters, gauges } = (await answer.json()).data[0]
  return { counters, gauges }
}

const failures = ({ log }: TestServer): unknown[] =>
  log.lines
    .filter(({ message }) => message === 'plugin failed')
    .map(({ fields }) => {
      const { plugin, hook, err } = fields as { plugin: string; hook: string; err: Error }
      return `${plugin} ${hook}: ${err.message}`
    })

describe('a counter with labels', () => {
  test('is a number for each combination, in the order in which they came', async () => {
    const { server, context } = await startNumbers(() => undefined)
    const plain = context.counter('all', 'all of them')
    const refused = context.counter('refused', 'refused tokens', ['reason', 'kind'])
    expect((await report(server)).counters).toEqual([
      { name: 'all', about: 'all of them', count: 0 },
    ])
    refused.of({ reason: 'expired', kind: 'a' }).count++
    refused.of({ kind: 'b', reason: 'expired' }).count += 2
    const kept = refused.of({ reason: 'expired', kind: 'a' })
    kept.count++
    plain.count++
    const about = 'refused tokens'
    expect((await report(server)).counters).toEqual([
      { name: 'all', about: 'all of them', count: 1 },
      { name: 'refused', about, labels: { reason: 'expired', kind: 'a' }, count: 2 },
      { name: 'refused', about, labels: { reason: 'expired', kind: 'b' }, count: 2 },
    ])
    await server.stop()
  })

  test('has room for a thousand numbers of the plugin; past them it is named, and counts nothing', async () => {
    const { server, context } = await startNumbers(() => undefined)
    context.counter('one', 'a number')
    const byUser = context.counter('by_user', 'events of a user', ['user'])
    for (let user = 0; user < 1001; user++) byUser.of({ user: String(user) }).count++
    byUser.of({ user: '998' }).count++
    context.counter('late', 'another').count++
    context.gauge('late_too', 'another', () => 1)
    const { counters, gauges } = await report(server)
    expect(counters).toHaveLength(1000)
    expect(counters.at(-1)).toMatchObject({ labels: { user: '998' }, count: 2 })
    expect(gauges).toEqual([])
    const full = (name: string) =>
      `numbers counter: no room for another ${name}: a plugin has 1000 numbers at most`
    // The first of a place in the code; the next ones are a line a minute.
    expect(failures(server)).toEqual([full('by_user')])
    expect(server.totals.faults).toBe(0)
    await server.stop()
  })

  const WRONG: readonly (readonly [what: string, values: unknown])[] = [
    ['no values', undefined],
    ['a missing one', {}],
    ['a number', { user: 7 }],
    ['an object that throws as text', { user: { toString: throwSecret } }],
    ['a text that is too long', { user: 'x'.repeat(201) }],
  ]
  test.each(WRONG)('given %s is named, and counts nothing', async (_, values) => {
    const { server, context } = await startNumbers(() => undefined)
    const byUser = context.counter('by_user', 'events of a user', ['user'])
    byUser.of(values as never).count++
    expect((await report(server)).counters).toEqual([])
    expect(failures(server)).toEqual([
      'numbers counter: by_user needs a user, a text of at most 200 characters',
    ])
    await server.stop()
  })

  test('takes no number that is none', async () => {
    const { server, context } = await startNumbers(() => undefined)
    const counter = context.counter('by', 'some', ['kind']).of({ kind: 'a' })
    counter.count = Number.NaN
    expect(counter.count).toBe(0)
    expect(failures(server)).toEqual(['numbers counter: by cannot be NaN'])
    await server.stop()
  })

  const LABELS: readonly unknown[] = [[], ['a', 'a'], ['a', 7], [''], 'a']
  test.each(LABELS.map((labels) => [labels]))(
    'with the labels %j stops the start',
    async (labels) => {
      const wrong = startNumbers(({ counter }) => void counter('by', 'some', labels as never))
      await expect(wrong).rejects.toThrow(
        'plugin numbers: counter(by, about, labels) needs a list of different texts',
      )
    },
  )
})

describe('a gauge', () => {
  test('is read each time that somebody asks', async () => {
    const { server, context } = await startNumbers(() => undefined)
    const waiting = new Set<number>()
    context.gauge('waiting', 'what waits', () => waiting.size)
    const gauge = { name: 'waiting', about: 'what waits' }
    expect((await report(server)).gauges).toEqual([{ ...gauge, value: 0 }])
    waiting.add(1)
    expect((await report(server)).gauges).toEqual([{ ...gauge, value: 1 }])
    await server.stop()
  })

  const FAULTY: readonly (readonly [what: string, read: unknown, reason: string])[] = [
    ['throws', throwSecret, 'secret detail'],
    ['is no number', () => 'x', 'the gauge bad has read no finite number'],
    ['is infinite', () => 1 / 0, 'the gauge bad has read no finite number'],
    ['waits', async () => 1, 'the gauge bad has read no finite number'],
    ['waits and fails', async () => throwSecret(), 'the gauge bad has read no finite number'],
  ]
  test.each(FAULTY)('that %s is null, named, and harms no other', async (_, read, reason) => {
    const { server } = await startNumbers(({ gauge }) => {
      gauge('bad', 'a bad one', read as never)
      gauge('good', 'a good one', () => 1.5)
    })
    expect((await report(server)).gauges).toEqual([
      { name: 'bad', about: 'a bad one', value: null },
      { name: 'good', about: 'a good one', value: 1.5 },
    ])
    expect(failures(server)).toEqual([`numbers gauge bad: ${reason}`])
    expect(server.totals.faults).toBe(0)
    await server.stop()
  })

  const NONE: readonly (readonly unknown[])[] = [
    ['x', 'y', 7],
    ['x', undefined, () => 1],
    ['', 'y', () => 1],
  ]
  test.each(NONE)('of %j, %j, %p stops the start', async (name, about, read) => {
    const wrong = startNumbers(({ gauge }) => gauge(name as never, about as never, read as never))
    await expect(wrong).rejects.toThrow(
      'plugin numbers: gauge(name, about, read) needs two texts and a function',
    )
  })
})
