/** Statistics of several nodes: each answers for all, says what each has, and forgets who has gone. */
import { expect, test } from 'bun:test'
import type { NodeFigures } from '../../../src/core/figures'
import { makeBasicAuth, PAIR } from '../../credentials'
import type { TestServer } from '../../harness'
import { runOn } from '../../cli/run'
import { describeWith } from '../programs'
import { ask, makeApp, startNode, until, waitForSlugs } from './node'
import { startPair } from './pair'
import { startRedis } from '../../redis/redis'

type Numbers = Readonly<Record<string, number>>
type Shown = { readonly now: Numbers; readonly peak: Numbers; readonly totals: Numbers }
type Share = { readonly [Name in keyof Shown]: Shown[Name] | null } & {
  readonly id: string
  readonly name: string
  readonly asked: boolean
  readonly age_ms: number
}
type Stats = Shown & {
  readonly nodes: readonly Share[]
  readonly apps: readonly (Shown & { readonly slug: string })[]
}

const readStats = async (node: TestServer, path = '/api/admin/stats'): Promise<Stats> =>
  (await ask(node, 'GET', path)).body.data

type Listed = { readonly state: string; readonly ready: boolean }
const listNodes = async (node: TestServer): Promise<readonly Listed[]> =>
  (await ask(node, 'GET', '/api/admin/nodes')).body.data

const OF_APP = '/api/admin/apps/test-app/stats'

const connectionsOf = ({ nodes }: Stats) => nodes.map(({ now }) => now?.['connections'])
const has = (count: number) => (stats: Stats) => stats.now['connections'] === count

describeWith('redis-server', 'statistics of two nodes', () => {
  test.concurrent('are those of both, with what each has; of one that dies they end', async () => {
    await using pair = await startPair()
    const { one, two, proxy } = pair
    await using ann = await one.raw()
    await using bob = await two.raw()
    await using eve = await two.raw()
    for (const client of [ann, bob, eve]) await client.subscribed('room')
    await two.trigger({ channel: 'room', name: 'e', data: 'x' })
    for (const client of [ann, bob, eve]) await client.next()

    for (const [asked, shares] of [
      [one, [1, 2]],
      [two, [2, 1]],
    ] as const) {
      for (const path of ['/api/admin/stats', OF_APP]) {
        const read = () => readStats(asked, path)
        const stats = await until(read, ({ totals }) => totals['deliveries'] === 3)
        expect(connectionsOf(stats)).toEqual([...shares])
        expect(stats.now).toMatchObject({ connections: 3, subscriptions: 3, channels: 2 })
        expect(stats.now['subscriptions_by_kind']).toEqual({ public: 3 } as never)
        expect(stats.totals).toMatchObject({ connections_accepted: 3, publications: 1 })
        expect(stats.totals['publications_by_api']).toEqual({ pusher: 1 } as never)
        expect(stats.peak['connections']).toBe(3)
        expect(stats.nodes.map(({ asked }) => asked)).toEqual([true, false])
        for (const { age_ms: age } of stats.nodes) expect(age).toBeWithin(0, 6000)
      }
    }
    const people = [
      [one, ann, 'ann'],
      [two, bob, 'bob'],
      [two, eve, 'bob'],
    ] as const
    for (const [node, client, id] of people)
      await node.signedIn(client, 'presence-room', { user_id: id })
    const membersOf = ({ nodes }: Stats) => nodes.map(({ now }) => now?.['members'])
    await until(
      () => readStats(two),
      (stats) => Bun.deepEquals(membersOf(stats), [1, 1]),
    )
    for (const [, client] of people)
      client.send({ event: 'pusher:unsubscribe', data: { channel: 'presence-room' } })
    await until(
      () => readStats(one),
      (stats) => Bun.deepEquals(membersOf(stats), [0, 0]),
    )
    const { apps } = await readStats(one)
    const [app] = apps.filter(({ slug }) => slug === 'test-app')
    expect([app!.now['connections'], app!.totals['publications']]).toEqual([3, 1])
    const busiest = await readStats(one, '/api/admin/stats/apps')
    expect(busiest.apps[0]!.now['connections']).toBe(3)
    const answer = await one.http('/api/apps/test-app/stats', { headers: makeBasicAuth(PAIR) })
    expect(connectionsOf((await answer.json()).data)).toEqual([1, 2])

    await proxy.cut()
    // Who is cut off knows that there is another, and not what it has now.
    const alone = await until(
      () => readStats(two),
      ({ nodes }) => nodes[1]?.now === null,
    )
    expect(connectionsOf(alone)).toEqual([2, undefined])
    expect(alone.now['connections']).toBe(2)
    const [own, other] = await listNodes(two)
    expect(own).toMatchObject({ state: 'not_ready', ready: false, asked: true })
    expect(other).toMatchObject({ state: 'unknown', ready: false, connections: 1 })
    const shown = (await runOn(two, 'nodes')).out.split('\n')[1]!
    expect(shown).toMatch(/\tunknown: not heard of for [\d.]+ m?s$/)
    const left = await until(() => readStats(one), has(1))
    expect(connectionsOf(left)).toEqual([1])
    expect(left.totals['connections_accepted']).toBe(1)
    await proxy.heal()
    await until(() => readStats(one), has(3))
    await until(
      () => listNodes(one),
      (all) => all.every(({ state }) => state === 'ready'),
    )
    expect(connectionsOf(await until(() => readStats(two), has(3)))).toEqual([2, 1])
  })

  test.concurrent(
    'are told where they have changed, and anew to a Redis that has lost them',
    async () => {
      await using redis = await startRedis()
      await using one = await startNode(redis.url, { nodeName: 'one' })
      await using two = await startNode(redis.url, { nodeName: 'two' })
      const isKnown = ({ nodes: [, other] }: Stats): boolean => (other?.now ?? null) !== null
      const idle = await until(() => readStats(one), isKnown)
      expect(connectionsOf(idle)).toEqual([0, 0])
      const { id, key: otherKey } = await makeApp(one, 'Other')
      await using client = await two.raw()
      const { nodes } = await until(() => readStats(one, OF_APP), has(1))
      const key = `carillon:default:{nodes}:figures:${nodes[1]!.id}`
      const isTold = async (of: string) => (await redis.cli('hexists', key, of)).trim()
      const told = () => Promise.all(['', '1', String(id)].map(isTold))
      expect(await told()).toEqual(['1', '1', '0']) // nothing has happened to the other app
      const lastBeat = async (): Promise<number> =>
        JSON.parse(await redis.cli('hget', 'carillon:default:{nodes}:beats', nodes[1]!.id)).sentAt

      await redis.cli('hdel', key, '1')
      for (let [seen, later] = [await lastBeat(), 0]; later < 2;) {
        const now = await lastBeat()
        if (now > seen) later++
        seen = now
      }
      expect(await told()).toEqual(['1', '0', '0'])
      await client.subscribed('room')
      await until(
        () => readStats(one, OF_APP),
        ({ now }) => now['subscriptions'] === 1,
      )
      expect(await told()).toEqual(['1', '1', '0'])

      await waitForSlugs(two, ['other', 'test-app'])
      const more = [1, 2].map(() => two.raw({ path: `/app/${otherKey}?protocol=7` }))
      const clients = await Promise.all(more)
      const readBusiest = () => readStats(one, '/api/admin/stats/apps')
      const busiest = await until(
        readBusiest,
        ({ apps: [first] }) => first!.now['connections'] === 2,
      )
      expect(busiest.apps.map(({ slug }) => slug)).toEqual(['other', 'test-app'])
      for (const each of clients) await each[Symbol.asyncDispose]()
      const strangers = Array.from({ length: 450 }, (_, index) => `none-${index}`)
      const [{ figures }] = (await one.core.engine.figuresElsewhere([...strangers, '1'])) as [
        NodeFigures,
      ]
      expect(figures!.map(({ gauges }) => gauges.connections)).toEqual([
        ...strangers.map(() => 0),
        1,
      ])

      await redis.restart({ keepData: false })
      await until(() => readStats(one, OF_APP), has(1))
      await ask(one, 'DELETE', '/api/admin/apps/other')
      await two.stop()
      await until(
        () => readStats(one, OF_APP),
        ({ nodes: { length } }) => length === 1,
      )
      expect((await redis.cli('exists', key)).trim()).toBe('0')
    },
  )

  test.concurrent(
    'that somebody else has written are refused, counted, and spoil nothing',
    async () => {
      await using pair = await startPair()
      const { one, two, redis } = pair
      await using client = await two.raw()
      const { nodes } = await until(() => readStats(one), has(1))
      const refused = () => one.core.engine.nodes()[0]!.link!.refusedMessages
      const before = refused()
      const key = `carillon:default:{nodes}:figures:${nodes[1]!.id}`
      const hostile = ['{"gauges":{"connections":-7}}', 'null', '['.repeat(100_000)]
      for (const [index, text] of hostile.entries()) {
        await redis.cli('hset', key, '1', text)
        const stats = await readStats(one, OF_APP)
        expect(connectionsOf(stats)).toEqual([0, 0])
        expect(refused()).toBe(before + index + 1)
      }
      await client.subscribed('room') // it says again what it has
      await until(() => readStats(one, OF_APP), has(1))
    },
  )
})
