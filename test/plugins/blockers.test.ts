/** Who keeps the thread busy is named; who merely shares a busy machine is not. */
import { expect, test } from 'bun:test'
import { definePlugin, replace, type Hooks } from 'carillon/plugin'
import { testPlugin } from 'carillon/plugin-kit'
import { makePlugin, start } from '../harness'
import { compute } from './compute'

const TOO_LONG_MS = 60

/** Stands for a machine that does something else for that long. */
const loseTheCpu = (): void => Bun.sleepSync(TOO_LONG_MS)

const blocked = (plugin: string, hook: string) => ({
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
    name: 'nobody for what the one before had answered',
    first: () => replace(LATE_TEXT),
    named: [],
  },
]

test.each(ROWS)('$name: in the log is $named', async ({ first, named }) => {
  const plugins = [
    makePlugin('first', { publish: first }),
    makePlugin('second', { publish: () => undefined }),
  ]
  await using server = await start({ plugins })
  await server.trigger({ channel: 'room', name: 'e', data: '' })
  expect(server.log.lines).toEqual(named.map((plugin) => blocked(plugin, 'publish')))
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
  expect(server.log.lines).toEqual([blocked('ticking', 'timer')])
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
