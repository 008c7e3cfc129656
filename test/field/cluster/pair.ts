/** Two servers over one Redis that a test starts. */
import { createServed } from '../../../kit/server'
import { readConfig } from '../../../src/config/config'
import type { Limits } from '../../../src/core/limits'
import type { AppRecord } from '../../../src/core/app'
import { TestServer, waitUntil } from '../../harness'
import { startProxy, type Proxy } from '../../redis/proxy'
import { startRedis, type TestRedis } from '../../redis/redis'

export type Pair = {
  readonly redis: TestRedis
  /** Between the second and Redis. */
  readonly proxy: Proxy
  readonly one: TestServer
  readonly two: TestServer
  /** Changes fields of the app on both. */
  change(fields: Partial<AppRecord>): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export async function startPair(limits: Partial<Limits> = {}, webhookSettleMs = 0): Promise<Pair> {
  const redis = await startRedis()
  const defaults = readConfig({ CARILLON_LOG_LEVEL: 'silent' }).limits
  const proxy = await startProxy(redis.port)
  const rest = { webhookSettleMs, limits: { ...defaults, ...limits } }
  const start = async (redisUrl: string): Promise<TestServer> =>
    new TestServer(await createServed({ config: { ...rest, redisUrl } }))
  const [one, two] = await Promise.all([start(redis.url), start(redis.urlAt(proxy.port))])
  return {
    redis,
    proxy,
    one,
    two,
    async change(fields) {
      await one.change(fields)
      const record = ({ core, app }: TestServer) => core.apps.byId(app.id)?.record
      await waitUntil('both have it', () => Bun.deepEquals(record(one), record(two)))
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([one.stop(), two.stop()])
      await proxy[Symbol.asyncDispose]()
      await redis.stop()
    },
  }
}
