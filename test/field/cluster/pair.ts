/** Two servers over one Redis that a test starts. */
import { createServed } from '../../../kit/server'
import { readConfig } from '../../../src/config/config'
import type { Limits } from '../../../src/core/limits'
import type { AppRecord } from '../../../src/core/app'
import { TestServer, waitUntil } from '../../harness'
import { startRedis, type TestRedis } from '../../redis/redis'

export type Pair = {
  readonly redis: TestRedis
  readonly one: TestServer
  readonly two: TestServer
  /** Changes fields of the app on both. */
  change(fields: Partial<AppRecord>): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export async function startPair(limits: Partial<Limits> = {}, webhookSettleMs = 0): Promise<Pair> {
  const redis = await startRedis()
  const defaults = readConfig({ CARILLON_LOG_LEVEL: 'silent' }).limits
  const config = { webhookSettleMs, redisUrl: redis.url, limits: { ...defaults, ...limits } }
  const start = async (): Promise<TestServer> => new TestServer(await createServed({ config }))
  const [one, two] = await Promise.all([start(), start()])
  return {
    redis,
    one,
    two,
    async change(fields) {
      await one.change(fields)
      const record = ({ core, app }: TestServer) => core.apps.byId(app.id)?.record
      await waitUntil('both have it', () => Bun.deepEquals(record(one), record(two)))
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([one.stop(), two.stop()])
      await redis.stop()
    },
  }
}
