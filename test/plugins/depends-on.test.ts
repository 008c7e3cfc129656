/** Plugins that need others: their order, and what they provide to each other. */
import { expect, test } from 'bun:test'
import { definePlugin, type AnyPlugin, type PluginContext } from '../../src/plugin'
import { start } from '../harness'

type Steps = string[]

const plugin = (
  name: string,
  dependsOn: readonly string[],
  steps: Steps,
  setup: (context: PluginContext) => void = () => undefined,
): AnyPlugin =>
  definePlugin({
    name,
    carillon: 1,
    dependsOn,
    setup: (context) => {
      steps.push(`set up ${name}`)
      setup(context)
      return {
        start: () => void steps.push(`start ${name}`),
        connected: () => void steps.push(`connected ${name}`),
      }
    },
  })

test('come after those that they need, else in the order of the list', async () => {
  const steps: Steps = []
  const plugins = [
    plugin('a', ['c'], steps),
    plugin('b', [], steps),
    plugin('c', ['d'], steps),
    plugin('d', [], steps),
  ]
  await using server = await start({ plugins })
  await using client = await server.raw()
  await client.expectNothing()
  const order = ['d', 'c', 'a', 'b']
  expect(steps).toEqual([
    ...order.map((name) => `set up ${name}`),
    ...order.map((name) => `start ${name}`),
    ...order.map((name) => `connected ${name}`),
  ])
})

test('get what the others provide', async () => {
  const steps: Steps = []
  const plugins = [
    plugin('asks', ['names'], steps, ({ use }) =>
      steps.push(use<{ of(id: string): string }>('names').of('7')),
    ),
    plugin('names', [], steps, ({ provide }) => provide({ of: (id: string) => `name of ${id}` })),
  ]
  await using server = await start({ plugins })
  expect(steps.slice(0, 3)).toEqual(['set up names', 'set up asks', 'name of 7'])
  expect(server.totals.faults).toBe(0)
})

const none = (): void => undefined

test.each<[string, (steps: Steps) => AnyPlugin[], string]>([
  [
    'needs what is not listed',
    (s) => [plugin('a', ['b'], s)],
    'plugin a: depends on b, which is not listed',
  ],
  [
    'needs itself by way of others',
    (s) => [plugin('a', ['b'], s), plugin('b', ['c'], s), plugin('c', ['a'], s)],
    'plugin a: depends on itself (a -> b -> c -> a)',
  ],
  [
    'uses what it does not depend on',
    (s) => [plugin('b', [], s), plugin('a', [], s, ({ use }) => void use('b'))],
    'plugin a: dependsOn does not name b',
  ],
  [
    'uses what provides nothing',
    (s) => [plugin('b', [], s), plugin('a', ['b'], s, ({ use }) => void use('b'))],
    'plugin a: b provides nothing',
  ],
  [
    'provides twice',
    (s) => [plugin('a', [], s, ({ provide }) => [{}, {}].forEach(provide))],
    'plugin a: provides something already',
  ],
  [
    'has no list of names',
    () => [{ name: 'a', carillon: 1, dependsOn: 'b' as never, setup: () => ({}) }],
    'plugin a: dependsOn must be a list of names of plugins',
  ],
  [
    'is listed twice',
    (s) => [plugin('a', [], s), plugin('a', [], s, none)],
    'plugin a: is listed twice',
  ],
])('one that %s stops the start', async (_, plugins, message) => {
  await expect(start({ plugins: plugins([]) })).rejects.toThrow(message)
})
