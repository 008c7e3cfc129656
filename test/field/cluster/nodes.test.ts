/** Nodes that know of each other: each is told of all, of what they have, and of who has gone. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { MemoryLog } from '../../../kit/clock'
import { createServed } from '../../../kit/server'
import { systemClock } from '../../../src/clock'
import { busOf, partitionOf } from '../../../src/cluster/names'
import { newCluster } from '../../../src/cluster/open-cluster'
import { newScript } from '../../../src/cluster/link/script'
import { readConfig, type Config } from '../../../src/config/config'
import { mirrorOf } from '../../../src/store/mirror'
import { openDatabase } from '../../../src/store/sqlite'
import { Writes } from '../../../src/store/writes'
import { runOn } from '../../cli/run'
import { TestServer } from '../../harness'
import { scrape } from '../../prometheus'
import { openTestLink } from '../../redis/link'
import { startRedis, type TestRedis } from '../../redis/redis'
import { describeWith } from '../programs'
import { until } from './node'

/** As the admin API has it; what tests look at. */
type Listed = {
  readonly id: string
  readonly name: string
  readonly asked: boolean
  readonly ready: boolean
  readonly version: string
  readonly port: number
  readonly connections: number
  readonly warnings: readonly string[]
  readonly differences: readonly Readonly<Record<'what' | 'here' | 'there', string>>[]
  readonly redis: Readonly<Record<string, number>>
}

async function listNodes(server: TestServer): Promise<readonly Listed[]> {
  const { data } = (await (await server.admin('/api/admin/nodes')).json()) as { data: Listed[] }
  return data
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
    const { headers } = await first.admin('/api/admin/stats')
    expect(headers.get('x-carillon-node')).toBe('first')
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

  test('two of one name are named, and nothing is red for it', async () => {
    const log = new MemoryLog()
    const ofFirst = { webhookSettleMs: 0, redisUrl: redis.url, nodeName: 'same', cluster: 'n' }
    await using first = new TestServer(await createServed({ config: ofFirst }, { log }))
    await using second = await startNode('same', { cluster: 'n' })
    await using third = await startNode('third', { cluster: 'n' })
    const warningsOf = async () => (await listNodes(third)).map(({ warnings }) => warnings)
    const alike = ['another node has this name at the same time']
    await until(warningsOf, (all) => Bun.deepEquals(all, [[], alike, alike]))
    const said = () => log.lines.filter(({ message }) => message.includes('has the name'))
    await until(said, ({ length }) => length > 0)
    const { out } = await runOn(third, 'problems')
    expect(out).toContain('Several nodes are called same: ')
    for (const { port } of [first, second]) expect(out).toContain(`:${port}`)
    expect((await runOn(third, 'nodes')).out).toContain('ready; another node has this name')
    expect(await (await third.http('/ready')).json()).toEqual({
      ready: true,
      differences: ['several nodes are called same'],
    })
    expect(said()).toHaveLength(1) // beats have passed since
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

    const limits = { max_connections_per_app: 3, max_backend_events_per_second: 4 }
    const body = JSON.stringify({ app: { limits } })
    const headers = { 'content-type': 'application/json' }
    await third.admin('/api/admin/apps/test-app', { method: 'PATCH', headers, body })
    await until(
      () => first.core.apps.byId('1')!.limits.maxConnectionsPerApp,
      (most) => most === 3,
    )
    await third.raw()
    const path = `/app/${first.app.key}?protocol=7`
    await until(count, (connections) => connections === 3)
    const refused = await first.raw({ path, hello: false })
    expect(await refused.next()).toContain('over its limit of 3 connections')
    const publish = async (server: TestServer) =>
      (await server.trigger({ channel: 'room', name: 'e', data: 'x' })).status
    expect(await Promise.all([1, 2, 3, 4].map(() => publish(first)))).toEqual([200, 200, 200, 200])
    expect(
      await until(
        () => publish(second),
        (status) => status === 429,
      ),
    ).toBe(429)
  })

  test('a connection of another node is shown and closed by any', async () => {
    await using first = await startNode('first', { cluster: 'd' })
    await using second = await startNode('second', { cluster: 'd' })
    const client = await first.raw()
    await client.subscribed('room')
    const path = `/api/admin/apps/test-app/connections/${client.socketId}`
    const shown = (await (await second.admin(path)).json()) as { data: object }
    expect(shown.data).toMatchObject({
      socket_id: client.socketId,
      node: 'first',
      channels: [{ name: 'room', user_id: null }],
    })
    expect(await (await first.admin(path)).json()).toEqual(shown)
    const end = (server: TestServer) => server.admin(`${path}?reconnect=true`, { method: 'DELETE' })
    expect((await end(second)).status).toBe(204)
    expect((await client.closing()).code).toBe(4200)
    expect((await end(second)).status).toBe(404)
  })

  test('a scrape that reaches one worker has the metrics of all', async () => {
    const config = { cluster: 'e', workers: 2 }
    await using first = await startNode('m:1', config)
    await using second = await startNode('m:2', config)
    await using elsewhere = await startNode('n:1', config)
    await until(
      () => listNodes(first),
      ({ length }) => length === 3,
    )
    for (const server of [first, second, second, elsewhere]) await server.raw()
    const { families } = await scrape(first)
    const valuesOf = (name: string, labels: object) =>
      families
        .get(name)!
        .metrics.filter((sample) => Bun.deepMatch(labels, sample.labels ?? {}))
        .map(({ labels: given, value }) => [given?.['worker'], value])
    const app = { app_id: '1' }
    expect(valuesOf('carillon_connections', app)).toEqual([
      ['1', '1'],
      ['2', '2'],
    ])
    expect(valuesOf('carillon_nodes', {})).toEqual([
      ['1', '3'],
      ['2', '3'],
    ])
    expect(valuesOf('soketi_connected', app)).toHaveLength(2)
  })

  test('a Redis that has lost all is told again', async () => {
    await using emptied = await startRedis()
    const config = { cluster: 'f', redisUrl: emptied.url }
    await using first = await startNode('first', config)
    await using second = await startNode('second', config)
    await second.raw()
    const connectionsOf = ({ core }: TestServer) => core.engine.connections(core.apps.byId('1')!)
    const isOne = (count: number): boolean => count === 1
    await until(() => connectionsOf(first), isOne)
    await emptied.restart({ keepData: false })
    for (const { core } of [first, second])
      await until(
        () => core.readiness.parts(),
        ({ length }) => length === 0,
      )
    await using third = await startNode('third', config)
    await until(
      () => listNodes(third),
      ({ length }) => length === 3,
    )
    await until(() => connectionsOf(third), isOne)
    expect((await listNodes(first)).map(({ name }) => name)).toEqual(['first', 'second', 'third'])
    expect(first.core.engine.nodes()[0]!.link!.deafMs).toBePositive()
  })

  test('a version of messages that one of them does not read is not written, and is refused', async () => {
    const config = { redisUrl: redis.url, cluster: 'v', webhookSettleMs: 0 }
    await using link = await openTestLink(redis.url, { cluster: 'v' })
    const [room, place] = ['1/room', String(partitionOf('1/room'))]
    await link.subscribe(busOf(room))
    const versionOfLast = () => link.heard.at(-1)?.split(' ')[1]!.slice(0, 3)
    /** The link hears it a moment before or after the clients do. */
    const expectLast = (version: string) => until(versionOfLast, (last) => last === version)
    const numbersOf = ({ core }: TestServer) => core.engine.nodes()[0]!.link!

    // As the version after this one will be: it reads and writes 2, too.
    const log = new MemoryLog()
    const options = { clock: systemClock, log, agreed: {}, reads: 2 }
    const cluster = newCluster({ ...readConfig({}), ...config }, redis.url, options)
    const { newEngine } = cluster
    await using next = new TestServer(await createServed({ config }, { log, newEngine }))
    const database = openDatabase(':memory:', log)
    await cluster.begin(next.core, mirrorOf(new Writes(database, log), Date.now))
    expect(numbersOf(next).writes).toBe(2)
    const there = await next.raw()
    await there.subscribed('room')
    await expectLast('[2,')

    const old = await startNode('old', config)
    const here = await old.raw()
    await here.subscribed('room')
    for (const from of [next, old]) {
      await from.trigger({ channel: 'room', name: 'e', data: 'x' })
      for (const client of [here, there]) expect(await client.next()).toContain('"event":"e"')
      await expectLast('[1,')
    }
    expect([next, old].map((server) => numbersOf(server).writes)).toEqual([1, 1])
    const refusedBefore = numbersOf(old).refusedMessages
    await link.run(SAY, place, [`bus:${room}`, '[2,"e",1,"e","b",null,null]\n"x"'])
    await old.trigger({ channel: 'room', name: 'marker', data: 'x' })
    for (const client of [here, there]) expect(await client.next()).toContain('"event":"marker"')
    expect(numbersOf(old).refusedMessages).toBe(refusedBefore + 1)

    await old.stop()
    await until(
      () => numbersOf(next).writes,
      (writes) => writes === 2,
    )
    await next.trigger({ channel: 'room', name: 'alone', data: 'x' })
    expect(await there.next()).toContain('"event":"alone"')
    await expectLast('[2,')
    await cluster.close()
  })
})

const SAY = newScript('say', 'say(ARGV[1], ARGV[2]) return 1')
