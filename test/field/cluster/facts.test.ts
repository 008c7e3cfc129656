/** Facts of nodes on one Redis reach webhooks once, in the order in which they happened, whatever becomes of a node. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { makeScratch } from '../../../bench/lib/scratch'
import { createServed } from '../../../kit/server'
import { partitionOf, PARTITIONS } from '../../../src/cluster/names'
import { readConfig, type Config } from '../../../src/config/config'
import { openDatabase } from '../../../src/store/sqlite'
import { nextLook, type RawClient, TestServer } from '../../harness'
import { startNodes } from '../../redis/nodes'
import { startRedis, type TestRedis } from '../../redis/redis'
import { Receiver, waitUntilSettled } from '../../webhooks/receiver'
import { describeWith } from '../programs'

/** A node whose app has an endpoint, with the settings. */
async function startNode(receiver: Receiver, settings: Partial<Config>): Promise<TestServer> {
  const { limits } = readConfig({ CARILLON_LOG_LEVEL: 'silent' })
  const webhooks = [{ url: receiver.url }]
  const config = { webhooks, webhookFlushMs: 0, webhookSettleMs: 0, limits, ...settings }
  return new TestServer(await createServed({ config: config as Partial<Config> }))
}

const leave = (client: RawClient, channel: string): void =>
  client.send({ event: 'pusher:unsubscribe', data: { channel } })

/** Each subject arrives, departs, and so on; returns who is here in the end. */
function presentAfter(events: readonly string[]): string[] {
  const here = new Set<string>()
  for (const event of events) {
    const [name = '', ...parts] = event.split(' ')
    const subject = parts.join(' ')
    const arrives = name === 'channel_occupied' || name === 'member_added'
    expect({ event, isNews: here.has(subject) !== arrives }).toEqual({ event, isNews: true })
    if (arrives) here.add(subject)
    else here.delete(subject)
  }
  return [...here]
}

/** How many partitions each writer has. */
async function sharesOf(redis: TestRedis, cluster: string): Promise<number[]> {
  const keys = Array.from({ length: PARTITIONS }, (_, at) => `carillon:${cluster}:{${at}}:writer`)
  const writers = (await redis.cli('mget', ...keys)).split('\n').filter((name) => name !== '')
  const shares = Map.groupBy(writers, (name) => name.slice(0, name.indexOf('.')))
  return [...shares.values()].map(({ length }) => length).sort()
}

const waitForShares = async (redis: TestRedis, cluster: string, shares: readonly number[]) => {
  while (String(await sharesOf(redis, cluster)) !== String(shares)) await Bun.sleep(50)
}

describeWith('redis-server', 'facts of nodes', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis[Symbol.asyncDispose]())

  /** Settings of nodes that are one. */
  const ours = (settings: Partial<Config> = {}): Partial<Config> => ({
    redisUrl: redis.url,
    cluster: crypto.randomUUID(),
    ...settings,
  })

  test.concurrent('that race on one channel alternate, balance and are in order', async () => {
    await using receiver = new Receiver()
    const settings = ours()
    await using one = await startNode(receiver, settings)
    await using two = await startNode(receiver, settings)
    const channel = 'presence-race'
    const run = async (server: TestServer, user: string): Promise<void> => {
      for (let round = 0; round < 12; round++) {
        await using client = await server.raw()
        await server.signedIn(client, channel, { user_id: user })
        if (round % 2 === 0) leave(client, channel)
      }
    }
    await Promise.all(['1', '2', '3'].flatMap((user) => [run(one, user), run(two, user)]))
    // Who leaves is not waited for.
    while (!(await (await one.signed('GET', `/channels/${channel}`)).text()).includes('false'))
      await nextLook()
    await using last = await one.raw()
    await one.signedIn(last, channel, { user_id: 'last' })
    const events: string[] = []
    while (!events.includes(`member_added ${channel} last`))
      events.push(...(await receiver.events(one.sdk())))
    expect(presentAfter(events)).toEqual([channel, `${channel} last`])
    expect(events.length).toBeGreaterThan(6)
  })

  test.concurrent(
    'the shares of writers are fair, and go to others when a node leaves',
    async () => {
      await using receiver = new Receiver()
      const settings = ours({ webhookSettleMs: 1500, drainSeconds: 0 })
      const { cluster = '' } = settings
      await using one = await startNode(receiver, settings)
      await waitForShares(redis, cluster, [64])
      await using two = await startNode(receiver, settings)
      await using three = await startNode(receiver, settings)
      await waitForShares(redis, cluster, [20, 22, 22])
      await using client = await two.raw()
      await two.signedIn(client, 'presence-moved', { user_id: '1' })
      const arrived = ['channel_occupied presence-moved', 'member_added presence-moved 1']
      expect(await receiver.events(one.sdk(), 2)).toEqual(arrived)

      // Its clients are back elsewhere before they count as gone.
      const leaving = two.leave()
      expect((await client.closed).code).toBe(4200)
      await using again = await three.raw()
      await three.signedIn(again, 'presence-moved', { user_id: '1' })
      await waitForShares(redis, cluster, [32, 32])
      await leaving
      leave(again, 'presence-moved')
      const departed = ['member_removed presence-moved 1', 'channel_vacated presence-moved']
      expect(await receiver.events(one.sdk(), 2)).toEqual(departed)
    },
  )

  test.concurrent('what an earlier process has written down is not written again', async () => {
    await using receiver = new Receiver()
    using folder = makeScratch()
    const databasePath = join(folder.path, 'carillon.sqlite')
    const settings = ours({ databasePath })
    const partition = partitionOf('1/room')
    const prefix = `carillon:${settings.cluster}:{${partition}}:`
    await redis.cli('set', `${prefix}life`, 'life')
    for (const [id, type] of [
      ['5-1', 'channel_occupied'],
      ['5-2', 'channel_vacated'],
    ] as const)
      await redis.cli('xadd', `${prefix}facts`, id, 'type', type, 'channel', '1/room', 'user', '')
    {
      using db = openDatabase(databasePath)
      db.run('INSERT INTO webhook_streams VALUES (?, ?)', [
        `${settings.cluster}/${partition}`,
        'life 5-1',
      ])
    }
    await using server = await startNode(receiver, settings)
    expect(await receiver.events(server.sdk())).toEqual(['channel_vacated room'])
    while ((await redis.cli('xlen', `${prefix}facts`)) !== '0') await nextLook()
  })

  test.concurrent('more than a partition holds is dropped, and counted', async () => {
    await using receiver = new Receiver()
    const settings = ours()
    await using server = await startNode(receiver, settings)
    let hasRoom = false
    server.core.facts.listen({ types: [], receive: () => undefined, hasRoom: () => hasRoom })
    const facts = `carillon:${settings.cluster}:{${partitionOf('1/room')}}:facts`
    const fill = "for i = 1, 99999 do redis.call('xadd', KEYS[1], '*', 'type', 'none') end"
    await redis.cli('eval', fill, '1', facts)
    await using client = await server.raw()
    await client.subscribed('room')
    leave(client, 'room')
    await client.subscribed('room')
    expect(await redis.cli('xlen', facts)).toBe('100000')
    await redis.cli('xtrim', facts, 'maxlen', '=', '1')
    hasRoom = true
    expect(await receiver.events(server.sdk())).toEqual(['channel_occupied room'])
    const dropped = 'redis: facts for webhooks were dropped, since too many wait'
    expect(server.log.lines.find(({ message }) => message === dropped)?.fields).toEqual({
      dropped: 2,
    })
  })

  test.concurrent(
    'who was told to be there by one server alone is told to be gone, or is back',
    async () => {
      await using receiver = new Receiver()
      using folder = makeScratch()
      const databasePath = join(folder.path, 'carillon.sqlite')
      {
        await using alone = await startNode(receiver, { databasePath, webhookSettleMs: 3000 })
        await using client = await alone.raw()
        for (const channel of ['back', 'gone', 'here']) await client.subscribed(channel)
        await receiver.events(alone.sdk(), 3)
        await waitUntilSettled(alone)
      }
      const settings = ours()
      await using other = await startNode(receiver, settings)
      await using early = await other.raw()
      await early.subscribed('here')
      expect(await receiver.events(other.sdk())).toEqual(['channel_occupied here'])
      await using server = await startNode(receiver, { ...settings, databasePath })
      await using client = await server.raw()
      await client.subscribed('back')
      expect(await receiver.events(server.sdk())).toEqual(['channel_vacated gone'])
      leave(client, 'back')
      leave(early, 'here')
      const left = await receiver.events(server.sdk(), 2)
      expect(left.sort()).toEqual(['channel_vacated back', 'channel_vacated here'])
      await server.stop()
      using db = openDatabase(databasePath)
      expect(db.query('SELECT * FROM webhook_announced').all()).toEqual([])
    },
  )

  test.concurrent(
    'a writer that is killed: all is told at least once, in order; who leaves as it dies is told to be gone',
    async () => {
      await using receiver = new Receiver()
      const env = {
        CARILLON_WEBHOOKS: JSON.stringify([{ url: receiver.url }]),
        CARILLON_WEBHOOK_SETTLE_MS: '500',
        CARILLON_LOG_LEVEL: 'warn',
      }
      await using nodes = await startNodes(redis, { env })
      const [dying, living] = [nodes.at(0), nodes.at(1)]
      await waitForShares(redis, nodes.cluster, [32, 32])
      const told: string[] = []
      const read = async (events: readonly string[]): Promise<void> => {
        while (!events.every((event) => told.includes(event)))
          told.push(...(await receiver.events(living.sdk)))
      }
      const channels = Array.from({ length: 120 }, (_, index) => `room-${index}`)
      const occupied = channels.map((channel) => `channel_occupied ${channel}`)
      await using staying = await living.raw()
      await using leaving = await dying.raw()
      await leaving.subscribed('left')
      await leaving.subscribed('held')
      await read(['channel_occupied left', 'channel_occupied held'])
      leave(leaving, 'left')
      for (const [index, channel] of channels.entries()) {
        if (index === channels.length / 2) await dying.kill()
        await staying.subscribed(channel)
      }
      await dying.start() // with what its outbox has
      await read(occupied)
      for (const channel of channels) leave(staying, channel)
      const vacated = channels.map((channel) => `channel_vacated ${channel}`)
      await read([...vacated, 'channel_vacated left', 'channel_vacated held'])
      // What it had written down and not yet given up is told twice.
      const first = (event: string): number => told.indexOf(event)
      for (const [index, event] of occupied.entries())
        expect(first(event)).toBeLessThan(first(vacated[index]!))
      const repeated = told.length - new Set(told).size
      expect(repeated).toBeLessThan(occupied.length)
    },
  )

  test.concurrent(
    'after Redis has lost all nothing is told twice, and what follows is told',
    async () => {
      await using own = await startRedis()
      await using receiver = new Receiver()
      const settings = ours({ redisUrl: own.url })
      await using one = await startNode(receiver, settings)
      await using two = await startNode(receiver, settings)
      await using first = await one.raw()
      await using second = await two.raw()
      await one.signedIn(first, 'presence-kept', { user_id: '1' })
      await second.subscribed('kept')
      await receiver.events(one.sdk(), 3)
      await own.restart({ keepData: false })
      const isBack = async (channel: string): Promise<boolean> =>
        (await (await one.signed('GET', `/channels/${channel}`)).text()).includes('true')
      while (!(await isBack('presence-kept')) || !(await isBack('kept'))) await Bun.sleep(50)
      leave(first, 'presence-kept')
      leave(second, 'kept')
      expect((await receiver.events(one.sdk(), 3)).sort()).toEqual([
        'channel_vacated kept',
        'channel_vacated presence-kept',
        'member_removed presence-kept 1',
      ])
    },
  )
})
