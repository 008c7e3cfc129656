/** Facts of two nodes on one Redis reach webhooks once, in the order in which they happened. */
import { expect, test } from 'bun:test'
import { createServed } from '../../../kit/server'
import { readConfig, type Config } from '../../../src/config/config'
import { TestServer, type RawClient } from '../../harness'
import { makeRandom } from '../../random'
import { startRedis } from '../../redis/redis'
import { Receiver } from '../../webhooks/receiver'
import { describeWith } from '../programs'

/** A node whose app has an endpoint. */
async function startNode(redisUrl: string, hook: string, config: Partial<Config> = {}) {
  const limits = readConfig({ CARILLON_LOG_LEVEL: 'silent' }).limits
  const own = { webhooks: [{ url: hook }], webhookFlushMs: 0, webhookSettleMs: 0 }
  return new TestServer(
    await createServed({ config: { ...own, limits, redisUrl, ...config } as Partial<Config> }),
  )
}

const leave = (client: RawClient, channel: string): void =>
  client.send({ event: 'pusher:unsubscribe', data: { channel } })

/** Each subject arrives, departs, and so on; how it has ended: here or gone. */
function statesOf(events: readonly string[]): Record<string, boolean> {
  const states: Record<string, boolean> = {}
  for (const event of events) {
    const [name = '', ...subject] = event.split(' ')
    const isHere = name === 'channel_occupied' || name === 'member_added'
    const key = subject.join(' ')
    expect({ event, before: states[key] ?? false }).toEqual({ event, before: !isHere })
    states[key] = isHere
  }
  return states
}

describeWith('redis-server', 'facts of two nodes', () => {
  test('that race on one channel alternate, balance and are in order', async () => {
    await using redis = await startRedis()
    await using receiver = new Receiver()
    await using one = await startNode(redis.url, receiver.url)
    await using two = await startNode(redis.url, receiver.url)
    const random = makeRandom(7)
    const channel = 'presence-race'
    const run = async (server: TestServer, user: string): Promise<void> => {
      for (let round = 0; round < 25; round++) {
        await using client = await server.raw()
        await server.signedIn(client, channel, { user_id: user })
        if (random() < 0.5) leave(client, channel)
      }
    }
    await Promise.all(['1', '2', '3'].flatMap((user) => [run(one, user), run(two, user)]))
    // Who leaves is not waited for.
    while (!(await (await one.signed('GET', `/channels/${channel}`)).text()).includes('false'));
    await using last = await one.raw()
    await one.signedIn(last, channel, { user_id: 'last' })
    const events: string[] = []
    while (!events.includes(`member_added ${channel} last`))
      events.push(...(await receiver.events(one.sdk())))
    const states = statesOf(events)
    const here = Object.keys(states).filter((subject) => states[subject])
    expect(here).toEqual([channel, `${channel} last`])
    expect(events.length).toBeGreaterThan(6)
  })
})
