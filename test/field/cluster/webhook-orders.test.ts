/** What an operator says of an endpoint on one node holds on all: pauses, also for who was away, and replays. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { makeScratch } from '../../../bench/lib/scratch'
import { createServed } from '../../../kit/server'
import { readConfig } from '../../../src/config/config'
import { openDatabase } from '../../../src/store/sqlite'
import { nextLook, TestServer } from '../../harness'
import { startRedis } from '../../redis/redis'
import { Receiver } from '../../webhooks/receiver'
import { describeWith } from '../programs'

const WEBHOOKS = '/api/admin/apps/test-app/webhooks'

/** Writes a dead letter for the endpoint into a database. */
function writeDead(path: string, url: string, channel: string): void {
  using db = openDatabase(path)
  db.run("INSERT INTO webhook_lanes (id, app_id, endpoint) VALUES (1, '1', ?)", [url])
  const event = JSON.stringify({ name: 'channel_occupied', channel })
  db.run(
    `INSERT INTO webhook_outbox (lane, channel, event, time_ms, due_at, attempts, status, error, dead_at)
     VALUES (1, ?, ?, 1, 1, 9, 500, 'answered 500', 2)`,
    [channel, event],
  )
}

async function readEndpoint(server: TestServer) {
  const answer = await server.admin(`${WEBHOOKS}/deliveries`)
  const { data } = await answer.json()
  return { ...data.endpoints[0], node: answer.headers.get('x-carillon-node') }
}

async function post(server: TestServer, path: string): Promise<unknown> {
  const answer = await server.admin(`${WEBHOOKS}/${path}`, { method: 'POST' })
  return { status: answer.status, ...(await answer.json()).data }
}

describeWith('redis-server', 'orders about webhooks', () => {
  test('hold on all nodes', async () => {
    await using redis = await startRedis()
    await using receiver = new Receiver()
    using folder = makeScratch()
    const { limits } = readConfig({ CARILLON_LOG_LEVEL: 'silent' })
    const webhooks = [{ url: receiver.url }] as never
    const common = { redisUrl: redis.url, webhooks, limits, webhookFlushMs: 0, webhookSettleMs: 0 }
    const startNode = async (nodeName: string): Promise<TestServer> => {
      const databasePath = join(folder.path, `${nodeName}.sqlite`)
      writeDead(databasePath, receiver.url, `dead-${nodeName}`)
      const config = { ...common, nodeName, databasePath }
      return new TestServer(await createServed({ config }))
    }
    await using one = await startNode('one')
    await using two = await startNode('two')
    const { id } = await readEndpoint(one)
    expect(await readEndpoint(two)).toMatchObject({ id, node: 'two', state: 'ok', dead: 1 })

    const pausedAt = one.clock.now()
    expect(await post(one, `endpoints/${id}/pause`)).toMatchObject({
      status: 200,
      paused_at: pausedAt,
    })
    while ((await readEndpoint(two)).paused_at !== pausedAt) await nextLook()
    await using three = await startNode('three')
    while ((await readEndpoint(three)).paused_at !== pausedAt) await nextLook()
    await using client = await two.raw()
    await client.subscribed('waits')
    while (
      (await Promise.all([one, two, three].map(readEndpoint))).every((all) => all.pending === 0)
    )
      await nextLook()
    expect(receiver.requests.unread).toEqual([])

    expect(await post(three, `endpoints/${id}/resume`)).toMatchObject({
      status: 200,
      paused_at: null,
    })
    expect(await receiver.events(one.sdk())).toEqual(['channel_occupied waits'])
    while ((await readEndpoint(two)).paused_at !== null) await nextLook()

    expect(await post(two, 'replay')).toEqual({ status: 200, replayed: 1 })
    const replayed = await receiver.events(one.sdk(), 3)
    expect(replayed.sort()).toEqual(
      ['one', 'three', 'two'].map((node) => `channel_occupied dead-${node}`),
    )
    const audit = await (await one.admin('/api/admin/audit?app=1')).json()
    expect(audit.data.map(({ action }: { action: string }) => action)).toEqual([
      'webhooks.replayed',
      'webhook.resumed',
      'webhook.paused',
    ])
  })
})
