/** Runs test files again, with `start` starting two servers on one Redis. */
import { afterAll, beforeAll, describe } from 'bun:test'
import { twoServers } from '../harness'
import { startRedis, type RedisOptions, type TestRedis } from './redis'

/** `files` are paths below `test`; their tests are registered in the file that calls this. */
export function overRedis(options: RedisOptions, files: readonly string[]): void {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis(options)
    Object.assign(twoServers, { areMeant: true, redisUrl: redis.url })
  })
  afterAll(async () => {
    Object.assign(twoServers, { areMeant: false, redisUrl: undefined })
    await redis[Symbol.asyncDispose]()
  })
  const { cluster, program } = options
  const name = cluster === undefined ? 'one Redis' : `a cluster of ${cluster}`
  for (const file of files)
    describe(`two nodes on ${name}: ${file}`, async () => {
      await import(`../${file}.test.ts?redis=${cluster ?? 1}-${program ?? ''}`)
    })
}
