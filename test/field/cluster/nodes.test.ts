/** Nodes that know of each other: each is told of all, of what they have, and of who has gone. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createServed } from '../../../kit/server'
import type { Config } from '../../../src/config/config'
import { runOn } from '../../cli/run'
import { TestServer } from '../../harness'
import { startRedis, type TestRedis } from '../../redis/redis'
import { describeWith } from '../programs'

/** As the admin API has it; what tests look at. */
type Listed = {
  readonly id: string
  readonly name: string
  readonly asked: boolean
  readonly ready: boolean
  readonly version: string
  readonly port: number
  readonly connections: number
  readonly differences: readonly Readonly<Record<'what' | 'here' | 'there', string>>[]
  readonly redis: Readonly<Record<string, number>>
}

async function listNodes(server: TestServer): Promise<readonly Listed[]> {
  const { data } = (await (await server.admin('/api/admin/nodes')).json()) as { data: Listed[] }
  return data
}

/** Asks again until it is so; what other nodes say comes by Redis. */
async function until<Answer>(
  ask: () => Promise<Answer> | Answer,
  isSo: (answer: Answer) => boolean,
): Promise<Answer> {
  const end = performance.now() + 10_000
  for (;;) {
    const answer = await ask()
    if (isSo(answer)) return answer
    if (performance.now() > end) throw new Error(`it is still ${JSON.stringify(answer)}`)
  }
}

describeWith('redis-server', 'nodes', () => {
  let redis: TestRedis
  beforeAll(async () => void (redis = await startRedis()))
  afterAll(() => redis[Symbol.asyncDispose]())

  const startNode = async (nodeName: string, config: Partial<Config> = {}, more = {}) =>
    new TestServer(
      await createServed({
        config: { webhookSettleMs: 0, redisUrl: redis.url, nodeName, ...config },
        ...more,
      }),
    )

  test('each is told of all: what they have, what differs, and who has gone', async () => {
    await using first = await startNode('first', { cluster: 'a' })
    await using stranger = await startNode('stranger', { cluster: 'b' })
    const second = await startNode('second', { cluster: 'a', cacheTtlSeconds: 7 })
    const isComplete = (all: readonly Listed[]): boolean =>
      all.length === 2 && all.every(({ port }) => port !== null)
    const all = await until(() => listNodes(first), isComplete)
    expect(all.map(({ name, asked, ready, port }) => ({ name, asked, ready, port }))).toEqual([
      { name: 'first', asked: true, ready: true, port: first.port },
      { name: 'second', asked: false, ready: true, port: second.port },
    ])
    expect(all.map(({ differences }) => differences)).toEqual([
      [],
      [{ what: 'CARILLON_CACHE_TTL_SECONDS', here: '1800', there: '7' }],
    ])
    expect(all[1]!.redis).toMatchObject({ reads: 1, writes: 1, deaf_ms: 0, refused_messages: 0 })
    expect((await listNodes(stranger)).map(({ name }) => name)).toEqual(['stranger'])

    const shown = await runOn(second, 'nodes')
    const cells = shown.out.split('\n').map((line) => line.split('\t'))
    expect(cells.map(([name]) => name)).toEqual(['second', 'first', ''])
    expect(cells[1]!.at(-1)).toBe('ready; differs: CARILLON_CACHE_TTL_SECONDS')

    await second.raw()
    await until(
      () => listNodes(first),
      ([, other]) => other?.connections === 1,
    )
    await until(
      () => listNodes(first),
      ([, other]) => other!.redis['bus_lag_ms'] !== null,
    )
    await second.stop()
    expect(
      (
        await until(
          () => listNodes(first),
          ({ length }) => length === 1,
        )
      )[0]!.name,
    ).toBe('first')
  })

  test('connections and their quota are those of all nodes', async () => {
    await using first = await startNode('first', { cluster: 'c' })
    await using second = await startNode('second', { cluster: 'c' })
    const { app } = { app: first.core.apps.byId('1')! }
    const count = async () =>
      ((await (await first.signed('GET', '/connections')).json()) as { connections: number })
        .connections
    const [ada] = [await second.raw(), await second.raw(), await first.raw()]
    expect(await until(count, (connections) => connections === 3)).toBe(3)
    await ada![Symbol.asyncDispose]()
    expect(await until(count, (connections) => connections === 2)).toBe(2)
    await using third = await startNode('third', { cluster: 'c' })
    expect(await third.core.engine.connections(third.core.apps.byId('1')!)).toBe(2)
    expect(app.gauges.connections).toBe(1)
  })
})
