/** A list of very many channels is read from Redis in parts, few of them at once: nobody waits for more than those. */
import { expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { createServed } from '../../../kit/server'
import { partitionOf, PARTITIONS } from '../../../src/cluster/names'
import { TestServer } from '../../harness'
import { hashesOf, runs, watchCommands } from '../../redis/commands'
import { startRedis } from '../../redis/redis'
import { describeWith } from '../programs'

const NAMES = Array.from({ length: 20_000 }, (_, n) => `room-${n}`)

/** Has Redis say that somebody is in each of them. */
async function occupyAll(redis: Redis, cluster: string): Promise<void> {
  const byPartition = Array.from({ length: PARTITIONS }, (): string[] => [])
  for (const name of NAMES) byPartition[partitionOf(`1/${name}`)]!.push(name, '1|0')
  for (const [partition, flat] of byPartition.entries())
    await redis.hset(`carillon:${cluster}:{${partition}}:occupied:1`, ...flat)
}

describeWith('redis-server', 'a list of twenty thousand channels', () => {
  test('is asked for in parts, four of them at once, however many ask', async () => {
    await using redis = await startRedis()
    await using server = new TestServer(
      await createServed({ config: { redisUrl: redis.url, cluster: 'lists' } }),
    )
    const client = new Redis({ port: redis.port })
    await occupyAll(client, 'lists')
    client.disconnect()
    const CHANNELS = hashesOf('channels')
    let [asked, most, longest] = [0, 0, 0]
    const end = watchCommands((command) => {
      if (!runs(CHANNELS, command)) return
      most = Math.max(most, ++asked)
      void command.promise.then((answer) => {
        asked--
        longest = Math.max(longest, (answer as [string, string[]])[1].length / 2)
      })
    })
    const list = async (): Promise<string[]> => {
      const response = await server.signed('GET', '/channels')
      return Object.keys(((await response.json()) as { channels: object }).channels).sort()
    }
    const lists = await Promise.all([list(), list(), list()])
    end()
    for (const names of lists) expect(names).toEqual(NAMES.toSorted())
    expect([asked, most]).toEqual([0, 4])
    expect(longest).toBeLessThanOrEqual(512)
  })
})
