/** What else nodes have in common: tokens, what a start has generated, and what plugins share. */
import { expect, test } from 'bun:test'
import { definePlugin, type AnyPlugin, type PluginContext } from '../../../src/plugin'
import { nextLook, waitUntil } from '../../harness'
import { openTestLink } from '../../redis/link'
import { startRedis } from '../../redis/redis'
import { bearer, makeToken } from '../../tokens'
import { describeWith } from '../programs'
import { APPS, ask, makeApp, startNode, until, waitForSlugs } from './node'

type Shared = PluginContext['shared']
type Word = readonly [key: string, value: unknown]

/** A plugin that hands out what it shares, and writes down what it is told. */
const makeSharing = (given: Shared[], words: Word[]): AnyPlugin =>
  definePlugin({
    name: 'sharing',
    carillon: 1,
    setup: ({ shared }) => {
      given.push(shared)
      return { sharedChanged: ({ key, value }) => void words.push([key, value]) }
    },
  })

describeWith('redis-server', 'nodes', () => {
  test('a token of one is good on the other, until it is revoked or its app has ended', async () => {
    await using redis = await startRedis()
    await using one = await startNode(redis.url)
    await using two = await startNode(redis.url)
    await using bus = await openTestLink(redis.url, { cluster: 'default' })
    await bus.subscribe('{apps}:bus')
    const { id, key } = await makeApp(one, 'the app')
    await waitForSlugs(two, ['test-app', 'the-app'])
    const { token } = await makeToken(one, { name: 'ci', scope: 'all' })
    const { token: own } = await makeToken(two, { name: 'own', scope: 'app:the-app' })
    const statusOf = async (node: typeof one, text: string, path = APPS): Promise<number> =>
      (await node.http(path, { headers: bearer(text) })).status
    /** Once both know so many that are good: one is told later. */
    const statusesOf = async (text: string, live: number): Promise<readonly number[]> => {
      await waitUntil(`${live} are known`, () =>
        [one, two].every(({ core, clock }) => core.tokens.countLive(clock.now()) === live),
      )
      return [await statusOf(one, text), await statusOf(two, text)]
    }
    expect(await statusesOf(token, 2)).toEqual([200, 200])
    const made = await Promise.all(
      [one, two].map((node) =>
        ask(node, 'POST', '/api/admin/tokens', { token: { name: 'twice', scope: 'read' } }),
      ),
    )
    expect(made.map(({ status }) => status).sort()).toEqual([201, 422])
    expect(made.find(({ status }) => status === 422)?.body).toEqual({
      errors: { name: ['has already been taken'] },
    })
    expect((await ask(two, 'DELETE', '/api/admin/tokens/ci')).status).toBe(204)
    expect(await statusesOf(token, 2)).toEqual([401, 401])
    expect(await statusOf(one, own, `${APPS}/${id}`)).toBe(200)
    await ask(two, 'DELETE', `${APPS}/${id}`)
    expect(await statusesOf(own, 1)).toEqual([401, 401])
    await until(
      () => Promise.all([one, two].map((node) => ask(node, 'GET', '/api/admin/audit'))),
      ([here, there]) => Bun.deepEquals(here, there),
    )
    const said = bus.heard.join('\n')
    expect(said.split('\n').length).toBeGreaterThan(5)
    for (const secret of [key, 'the app', token, own]) expect(said).not.toContain(secret)
  })

  test('two that start at once on an empty Redis generate one app, and one password', async () => {
    await using redis = await startRedis()
    const config = { trustedProxies: ['192.0.2.1'] }
    const nodes = await Promise.all([1, 2].map(() => startNode(redis.url, config)))
    await using stack = new AsyncDisposableStack()
    for (const node of nodes) stack.use(node)
    const [one, two] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
    const origins = nodes.map(({ server }) => server.credentials.app.origin).sort()
    expect(origins).toEqual(['generated', 'stored'])
    expect(one.app).toMatchObject({ id: two.app.id, key: two.app.key, secret: two.app.secret })
    const founder = nodes.find(({ server }) => server.credentials.app.origin === 'generated')!
    const { username, password } = founder.server.credentials.admin
    const headers = { authorization: `Basic ${btoa(`${username}:${password}`)}` }
    for (const node of nodes) {
      const response = await node.http(APPS, { headers })
      expect(await response.json()).toMatchObject({ data: [{ slug: 'default-app' }] })
    }
    await using third = await startNode(redis.url, config)
    expect(third.app.key).toBe(one.app.key)
    await redis.stop()
    await expect(startNode(redis.url, config)).rejects.toThrow('are made there')
  })

  test('what a plugin shares is the same, each is told of every write in one order, and it lasts', async () => {
    await using redis = await startRedis()
    const given: Shared[] = []
    const words: Word[][] = [[], []]
    const start = (index: number) =>
      startNode(redis.url, { plugins: [makeSharing(given, words[index]!)] })
    await using one = await start(0)
    await using _two = await start(1)
    const [here, there] = given as [Shared, Shared]
    await here.set('k', { deep: [1] })
    expect(await there.get('k')).toEqual({ deep: [1] })
    await there.set('soon gone', 1, { expiresAt: one.clock.now() + 1000 })
    await here.set('a line\nof text', 'é')
    await here.delete('k')
    expect(await there.get('k')).toBeUndefined()
    const sums = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? here : there).increment('n', 0.5)),
    )
    expect(sums.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, n) => n / 2 + 0.5),
    )
    await waitUntil('both are told', () => words.every((all) => all.some(([, n]) => n === 10)))
    expect(words[0]).toEqual(words[1]!)
    expect(words[0]!.slice(0, 4)).toEqual([
      ['k', { deep: [1] }],
      ['soon gone', 1],
      ['a line\nof text', 'é'],
      ['k', undefined],
    ])
    one.advance(1000)
    expect(await here.entries()).toEqual([
      ['a line\nof text', 'é'],
      ['n', 10],
    ])
    expect(await there.entries({ prefix: 'n' })).toEqual([['n', 10]])
    expect(await there.entries({ after: 'a line\nof text', limit: 1 })).toHaveLength(1)
    await expect(here.increment('a line\nof text')).rejects.toThrow('is no number')
    await expect(here.increment('n', 2 ** 53)).rejects.toThrow('would be 9007199254741002')
    await expect(here.set('k', 'x'.repeat(65_535))).rejects.toThrow('65536')

    await redis.stop()
    await waitUntil('it knows', () => one.core.readiness.reasonOf('redis') !== undefined)
    expect(await here.get('n')).toBe(10)
    await expect(here.set('k', 1)).rejects.toThrow('cannot reach Redis')
    await redis.start()
    const setAgain = async (): Promise<boolean> =>
      here.set('k', 2).then(
        () => true,
        () => false,
      )
    while (!(await setAgain())) await nextLook()
    // The other is told when it is back, too, and what has expired goes with it.
    const all = [
      ['a line\nof text', 'é'],
      ['k', 2],
      ['n', 10],
    ]
    const isSame = async (): Promise<boolean> => Bun.deepEquals(await there.entries(), all)
    while (!(await isSame())) await nextLook()
  })
})
