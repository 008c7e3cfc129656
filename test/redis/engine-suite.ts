/** Runs test files again, with `start` starting two servers on one Redis. */
import { afterAll, beforeAll, describe } from 'bun:test'
import { Redis } from 'ioredis'
import type { ChannelName, UserId } from '../../src/core/types'
import type { TestServer } from '../harness'
import { nextLook, twoServers, type MeantRedis } from '../parts'
import { age } from './ageing'
import { holdCommands } from './holding'
import { FILES } from '../two-servers/files'
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

/** The files of the engine suite; paths below `test`. */
export const ALL_FILES = Object.values<readonly string[]>(FILES).flat()

/** Without it hundreds of tests leave hundreds of keys each, through which `COUNT_FACTS` looks. */
const CLEAR = `
  for _, name in ipairs(redis.call('KEYS', 'carillon:' .. ARGV[1] .. ':*')) do redis.call('UNLINK', name) end`

/** `files` are paths below `test`; their tests are registered in the file that calls this. */
export function overRedis(options: RedisOptions, files: readonly string[]): void {
  let redis: TestRedis
  let clients: Redis[]
  beforeAll(async () => {
    redis = await startRedis(options)
    clients = redis.ports.map((port) => new Redis({ port }))
    const meant: MeantRedis = {
      url: redis.url,
      waitForMessages: (server) => giveOrders(server, options.cluster === undefined ? 1 : MANY),
      waitForFacts: (name) => waitUntilTold(clients, name),
      age: (name, ms) => age(clients, name, ms),
      hold: holdCommands,
      clear: async (name) => {
        await Promise.all(clients.map((each) => each.eval(CLEAR, 0, name)))
      },
    }
    Object.assign(twoServers, { areMeant: true, redis: meant })
  })
  afterAll(async () => {
    Object.assign(twoServers, { areMeant: false, redis: undefined })
    for (const client of clients) client.disconnect()
    await redis[Symbol.asyncDispose]()
  })
  const { cluster, program } = options
  const one = program === 'valkey-server' ? 'one Valkey' : 'one Redis'
  const name = cluster === undefined ? one : `a cluster of ${cluster}`
  for (const file of files)
    describe(`two nodes on ${name}: ${file}`, async () => {
      await import(`../${file}.test.ts?redis=${cluster ?? 1}-${program ?? ''}`)
    })
}

/** The channels of so many orders are on each of three masters. */
const MANY = 32

/** An order has arrived when it is carried out, and all that was said before it to the same Redis. */
async function giveOrders({ servers, app }: TestServer, count: number): Promise<void> {
  for (const { core } of [...servers, servers[0]!]) {
    const order = (_: unknown, n: number) =>
      core.engine.order({
        type: 'unsubscribe_user',
        app: core.apps.byId(app.id)!,
        channel: `settled-${n}` as ChannelName,
        userId: 'nobody' as UserId,
        message: '',
      })
    await Promise.all(Array.from({ length: count }, order))
  }
}

async function waitUntilTold(clients: readonly Redis[], cluster: string): Promise<void> {
  for (;;) {
    const counts = clients.map((each) => each.eval(COUNT_FACTS, 0, cluster))
    if ((await Promise.all(counts)).every((count) => count === 0)) return
    await nextLook()
  }
}
