/**
 * Many nodes on one Redis: whole servers in one process, which say that they are there, and end one that does not.
 * `bun run many-nodes --nodes 64` starts a Redis of its own and prints what that costs it: beats, the end of a node with
 * its seats, a change of an app, bytes of what it keeps, messages and their hearers. docs/scaling.md does its sums with
 * these figures.
 */
import { parseArgs } from 'node:util'
import { createServed, Kit } from '../kit/server'
import type { MaybePromise } from '../src/core/maybe-promise'
import type { ChannelName } from '../src/core/types'
import type { RedisEngine } from '../src/cluster/redis-engine'
import { newChannels, type Channels } from './many-nodes/channels'
import { RedisMeter } from './many-nodes/redis-meter'
import { startRedis } from '../test/redis/redis'

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '64' },
    seats: { type: 'string', default: '50000' },
    messages: { type: 'string', default: '100000' },
    hearers: { type: 'string', default: '64' },
  },
})
const [nodes, seats] = [Number(values.nodes), Number(values.seats)]
const [messages, most] = [Number(values.messages), Number(values.hearers)]
const QUIET_MS = 10_000
const FORGET_FACTS = "for p = 0, 63 do redis.call('DEL', 'carillon:bench:{' .. p .. '}:facts') end"

await using redis = await startRedis()
const meter = new RedisMeter(redis)

function print(what: string, figures: Readonly<Record<string, string>>): void {
  const shown = Object.entries(figures).map(([name, value]) => `${name} ${value}`)
  console.log(`${what}: ${shown.join(', ')}`)
}

const fixed = (value: number, digits = 1): string => value.toFixed(digits)

// ---------------------------------------------------------------- nodes

const running: Kit[] = []

async function startUntil(count: number): Promise<void> {
  while (running.length < count)
    running.push(
      new Kit(
        await createServed({
          config: { redisUrl: redis.url, nodeName: `node-${running.length}`, webhookSettleMs: 0 },
        }),
      ),
    )
}

async function until(isSo: () => MaybePromise<boolean>): Promise<number> {
  const began = performance.now()
  while (!(await isSo())) await Bun.sleep(5)
  return performance.now() - began
}

const nodesSeenBy = ({ server }: Kit): number => server.core.engine.nodes().length

for (const count of new Set([1, Math.ceil(nodes / 4), nodes])) {
  await startUntil(count)
  await until(() => running.every((node) => nodesSeenBy(node) === count))
  await Bun.sleep(2500) // what a start does is over
  const taken = await meter.during(() => Bun.sleep(QUIET_MS))
  const lags = running.map(({ server }) => server.core.engine.nodes()[0]!.link!.lagMs ?? 0)
  print(`${count} nodes that do nothing but say so`, {
    "of Redis' core": `${fixed((taken.cpuMs / QUIET_MS) * 100, 2)} %`,
    'commands/s': fixed((taken.commands / QUIET_MS) * 1000, 0),
    'KB/s out': fixed(taken.bytesOut / QUIET_MS, 1),
    'worst lag': `${fixed(Math.max(...lags))} ms`,
  })
}

// ---------------------------------------------------------------- a change of an app

const [first, last] = [running[0]!, running.at(-1)!]
const headers = { 'content-type': 'application/json' }
const changed = await meter.during(async () => {
  const body = JSON.stringify({ app: { limits: { max_presence_members: 777 } } })
  const answered = first.admin('/api/admin/apps/test-app', { method: 'PATCH', headers, body })
  const afterMs = await until(() =>
    running.every(({ server }) => server.core.apps.byId('1')!.limits.maxPresenceMembers === 777),
  )
  await answered
  return afterMs
})
print(`an app is changed, on all of ${nodes}`, {
  after: `${fixed(changed.answer)} ms`,
  'CPU of Redis': `${fixed(changed.cpuMs)} ms`,
})

// ---------------------------------------------------------------- the end of one

const SEATED = 200

/** As a network does that loses a machine: it hears nothing, says nothing, and does not come back. */
const cutOff = ({ server }: Kit): Promise<void> =>
  (server.core.engine as RedisEngine).others.context.link.close()

async function endOne(): Promise<void> {
  const clients = []
  for (let n = 0; n < SEATED; n++) {
    const client = await last.raw()
    await last.signedIn(client, `presence-${n % 20}`, { user_id: String(n) })
    clients.push(client)
  }
  const watcher = await first.raw()
  await first.signedIn(watcher, 'presence-0', { user_id: 'watcher' })
  await cutOff(last)
  const { core } = first.server
  const room = 'presence-0' as ChannelName
  const reaped = await meter.during(() =>
    Promise.all([
      until(() => running.slice(0, -1).every((node) => nodesSeenBy(node) === nodes - 1)),
      until(async () => (await core.engine.members(core.apps.byId('1')!, room)).length === 1),
    ]),
  )
  const [goneMs, endedMs] = reaped.answer
  print(`one of ${nodes} is cut off with ${SEATED} seats`, {
    'gone for all after': `${fixed(goneMs / 1000)} s`,
    'its members after': `${fixed(endedMs / 1000)} s`,
    'CPU of Redis': `${fixed(reaped.cpuMs)} ms in that time`,
  })
}
if (nodes > 1) await endOne()
for (const node of running) await node.stop()

// ---------------------------------------------------------------- what Redis keeps, and messages

type Kept = readonly [what: string, run: (channels: Channels) => Promise<void>]

for (const [what, run] of [
  ['a seat, twenty in a channel', ({ seat }) => seat(seats, 20)],
  ['a seat, alone in its channel', ({ seat }) => seat(seats, 1)],
  ['a channel that one node hears', ({ listen }) => listen(seats)],
] as readonly Kept[]) {
  await using own = await startRedis()
  const ownMeter = new RedisMeter(own)
  await using channels = await newChannels(own.url)
  const before = await ownMeter.usedBytes()
  const taken = await ownMeter.during(() => run(channels))
  await own.cli('eval', FORGET_FACTS, '0') // a writer would have written them down
  print(what, {
    bytes: fixed(((await ownMeter.usedBytes()) - before) / seats, 0),
    'CPU of Redis': `${fixed((taken.cpuMs / seats) * 1000)} µs`,
  })
}
await using channels = await newChannels(redis.url)
for (const hearers of [1, 4, 16, most]) {
  await channels.hear(hearers)
  const count = messages / Math.max(1, hearers / 4)
  const taken = await meter.during(() => channels.publish(count))
  print(`messages of 200 bytes that ${hearers} nodes hear`, {
    'CPU of Redis': `${fixed((taken.cpuMs / count) * 1000)} µs each`,
    'so a core does': `${fixed(count / taken.cpuMs, 0)} 000/s`,
  })
}
process.exit(0)
