/** Runs test files again, with `start` starting two servers on one Redis. */
import { afterAll, beforeAll, describe } from 'bun:test'
import { Redis } from 'ioredis'
import { twoServers } from '../parts'
import { startRedis, type RedisOptions, type TestRedis } from './redis'

/** Counts the facts that wait, and the departures that are not yet due. */
const COUNT_FACTS = `
  local sum = 0
  for _, kind in ipairs({ 'facts', 'leaving' }) do
    for _, name in ipairs(redis.call('KEYS', 'carillon:' .. ARGV[1] .. ':*:' .. kind)) do
      sum = sum + redis.call(kind == 'facts' and 'XLEN' or 'ZCARD', name)
    end
  end
  return sum`

/** `files` are paths below `test`; their tests are registered in the file that calls this. */
export function overRedis(options: RedisOptions, files: readonly string[]): void {
  let redis: TestRedis
  let clients: Redis[]
  beforeAll(async () => {
    redis = await startRedis(options)
    clients = redis.ports.map((port) => new Redis({ port }))
    const waitForFacts = (cluster: string): Promise<void> => waitUntilTold(clients, cluster)
    Object.assign(twoServers, { areMeant: true, redis: { url: redis.url, waitForFacts } })
  })
  afterAll(async () => {
    Object.assign(twoServers, { areMeant: false, redis: undefined })
    for (const client of clients) client.disconnect()
    await redis[Symbol.asyncDispose]()
  })
  const { cluster, program } = options
  const name = cluster === undefined ? 'one Redis' : `a cluster of ${cluster}`
  for (const file of files)
    describe(`two nodes on ${name}: ${file}`, async () => {
      twoServers.isLoading = true
      await import(`../${file}.test.ts?redis=${cluster ?? 1}-${program ?? ''}`)
    })
  // Parts of a file are loaded after the file.
  describe('all are loaded', () => void (twoServers.isLoading = false))
}

async function waitUntilTold(clients: readonly Redis[], cluster: string): Promise<void> {
  for (;;) {
    const counts = clients.map((each) => each.eval(COUNT_FACTS, 0, cluster))
    if ((await Promise.all(counts)).every((count) => count === 0)) return
  }
}
