/** What the nodes of a plugin share: values that last, and word of each write on every node. */
import { describe, expect, test } from 'bun:test'
import { definePlugin, type AnyPlugin, type PluginContext } from 'carillon/plugin'
import { guardian } from '../../plugins/guardian'
import { pluginStore } from '../../src/store/plugins'
import { makeTemporary } from '../http/admin-requests'
import { openDatabase } from '../../src/store/sqlite'
import { start, twoServers, type StartOptions, type TestServer } from '../harness'
import { makePath, tokenOf } from './tokens'

type Shared = PluginContext['shared']
type Word = readonly [plugin: string, key: string, value: unknown]

/** A plugin that hands out what it shares, once for each node, and writes down what it is told. */
function makeSharing(name: string, given: Shared[], words: Word[] = []): AnyPlugin {
  return definePlugin({
    name,
    carillon: 1,
    setup: ({ shared }) => {
      given.push(shared)
      return { sharedChanged: ({ key, value }) => void words.push([name, key, value]) }
    },
  })
}

async function startSharing(words: Word[] = [], options: StartOptions = {}) {
  const given: Shared[] = []
  const plugins = ['one', 'two'].map((name) => makeSharing(name, given, words))
  const server = await start({ now: 1000, ...options, plugins })
  return { server, one: given[0]!, two: given[1]!, all: given }
}

const failures = ({ log }: TestServer) =>
  log.lines.filter(({ message }) => message === 'plugin failed').map(({ fields }) => fields)

describe('on one node', () => {
  test('has the methods of a store, as promises, apart from other plugins and from the store', async () => {
    const { server, one, two } = await startSharing()
    await one.set('a1', { deep: [1] })
    await one.set('a2', 'soon gone', { expiresAt: 2000 })
    await one.set('b', null)
    expect(await one.get('a1')).toEqual({ deep: [1] })
    expect(await two.get('a1')).toBeUndefined()
    expect(await one.entries({ prefix: 'a', limit: 1 })).toEqual([['a1', { deep: [1] }]])
    expect(await one.entries({ after: 'a2' })).toEqual([['b', null]])
    server.advance(1000)
    expect(await one.get('a2')).toBeUndefined()
    expect([await one.increment('n'), await one.increment('n', 4)]).toEqual([1, 5])
    await one.delete('a1')
    expect(await one.entries()).toEqual([
      ['b', null],
      ['n', 5],
    ])
    await server.stop()
  })

  test('lasts', async () => {
    await using dir = makeTemporary()
    const config = { databasePath: dir.path }
    const before = await startSharing([], { config })
    await before.one.set('key', 'value')
    await before.server.stop()
    const { server, one } = await startSharing([], { config })
    expect(await one.get('key')).toBe('value')
    await server.stop()
  })

  test('tells the plugin of its writes, and nobody else; what it is told is read only', async () => {
    const words: Word[] = []
    const { server, one } = await startSharing(words)
    const given = { deep: [1] }
    await one.set('a', given)
    await one.increment('n', 2)
    await one.delete('a')
    expect(words).toEqual([
      ['one', 'a', { deep: [1] }],
      ['one', 'n', 2],
      ['one', 'a', undefined],
    ])
    const { deep } = words[0]![2] as typeof given
    expect(() => deep.push(2)).toThrow(TypeError)
    given.deep.push(3)
    await server.stop()
  })

  test.each([
    ['a value without JSON', (shared: Shared) => shared.set('k', undefined), 'must be JSON'],
    [
      'a key that is too long',
      (shared: Shared) => shared.delete('k').then(() => shared.set('k'.repeat(1025), 1)),
      '1024',
    ],
    ['a value that is too long', (shared: Shared) => shared.set('k', 'x'.repeat(65_535)), '65536'],
    [
      'a sum of no numbers',
      (shared: Shared) => shared.set('k', 'x').then(() => shared.increment('k')),
      'no number',
    ],
  ])('rejects %s, which is in the log', async (_, act, message) => {
    const { server, one } = await startSharing()
    await expect(act(one)).rejects.toThrow(message)
    expect(failures(server)).toMatchObject([
      { plugin: 'one', err: { message: expect.any(String) } },
    ])
    await server.stop()
  })

  test('rejects in setup, and a plugin that writes for ever in its own hook', async () => {
    const errors: unknown[] = []
    const note = (cause: Error) => void errors.push(cause.message)
    let first: Shared | undefined
    const plugin = definePlugin({
      name: 'loop',
      carillon: 1,
      setup: ({ shared }) => {
        first = shared
        shared.get('k').catch(note)
        return { sharedChanged: () => void shared.increment('n').catch(note) }
      },
    })
    await using server = await start({ plugins: [plugin] })
    await first!.set('k', 1)
    expect(await first!.get('n')).toBe(3)
    expect(errors).toEqual([
      'shared.get works from start on, and not in setup',
      'plugin loop writes in its own sharedChanged hook, 4 deep',
    ])
    expect(server.totals.faults).toBe(0)
  })
})

/** `start` starts two servers that are one until the end of the test. */
async function withTwoServers(run: () => Promise<void>): Promise<void> {
  twoServers.areMeant = true
  try {
    await run()
  } finally {
    twoServers.areMeant = false
  }
}

describe('on two nodes', () => {
  test('is the same, and both are told of each write', () =>
    withTwoServers(async () => {
      const words: Word[] = []
      const { server, all } = await startSharing(words)
      const [here, , there] = all
      await here!.set('k', 1)
      expect(await there!.get('k')).toBe(1)
      expect(words).toEqual([
        ['one', 'k', 1],
        ['one', 'k', 1],
      ])
      const sums = await Promise.all([here, there, here, there].map((each) => each!.increment('n')))
      expect(sums).toEqual([1, 2, 3, 4])
      await server.stop()
    }))

  test('guardian refuses a revoked token on both, and ends its connections on both', () =>
    withTwoServers(async () => {
      await using server = await start({ plugins: [guardian()] })
      const path = makePath(server, { token: tokenOf(server, { jti: 'a' }) })
      const clients = [await server.raw({ path }), await server.raw({ path })]
      const body = JSON.stringify({ app: '1', jti: 'a' })
      const answer = await server.admin('/plugins/guardian/revocations', { method: 'POST', body })
      expect(answer.status).toBe(201)
      for (const client of clients) expect((await client.closing()).code).toBe(4009)
      for (const _ of clients) {
        await using late = await server.raw({ path, hello: false })
        expect(await late.next()).toContain('it was revoked')
      }
    }))
})

test('guardian takes over revocations from the store, where they were before', async () => {
  await using dir = makeTemporary()
  const db = openDatabase(dir.path)
  const until = Math.floor(Date.now() / 1000) + 1000
  const revocation = { app: '1', jti: 'a', user: null, revoked_at: 1, until }
  pluginStore(db, 'guardian', Date.now).set('43KKFH__dUn4hFExlBUP3Z', revocation)
  db.close()
  await using server = await start({ plugins: [guardian()], config: { databasePath: dir.path } })
  const list = await (await server.admin('/plugins/guardian/revocations')).json()
  expect(list).toEqual({ data: [{ id: '43KKFH__dUn4hFExlBUP3Z', ...revocation }] })
})
