/** A run: nodes on one Redis, traffic of every kind, faults, an end in peace, and the judge. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeScratch } from '../../bench/lib/scratch'
import { makeRandom } from '../random'
import { startNodes, type NodeProcess } from '../redis/nodes'
import { startProxy } from '../redis/proxy'
import { startRedis } from '../redis/redis'
import { Backend, receiveWebhooks, type Choose } from './backend'
import { CHANNELS, configOf, KEPT } from './channels'
import { ChaosPage } from './chaos-page'
import { Crowd } from './crowd'
import { CLUSTER_FAULTS, NODE_FAULTS, REDIS_FAULTS, WAYLESS, type Place } from './faults'
import { isPresence, type Journal, type Wrong } from './journal'
import { judge } from './judge/judge'
import { judgeReplicas, judgeWatchlists } from './judge/members'
import { judgeWebhooks } from './judge/webhooks'
import { readLogs } from './logs'
import { Recorder } from './recorder'

export type ChaosOptions = {
  readonly seed: number
  /** How long there are faults, in seconds. */
  readonly seconds: number
  readonly nodes?: number
  readonly clients?: number
  readonly backends?: number
  /** So many masters of a Redis Cluster, in place of one Redis; nodes then reach them without proxies. */
  readonly cluster?: number
  /** Names of the faults, in place of all. */
  readonly only?: readonly string[]
  readonly tell?: (line: string) => void
}

export type Outcome = {
  readonly journal: Journal
  readonly wrongs: readonly Wrong[]
  readonly logs: string
}

/** How long it may take until all is right after the last fault: a lease, two beats, what settles, and time to spare. */
const QUIET_MS = 25_000

export async function runChaos(options: ChaosOptions): Promise<Outcome> {
  const { seed, nodes: count = 5, clients = 60, backends = 6, tell = () => {} } = options
  const recorder = new Recorder()
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(makeScratch())
  const { cluster } = options
  const redis = stack.use(
    await startRedis({ persistent: true, ...(cluster !== undefined && { cluster }) }),
  )
  const ways = await Promise.all(Array.from({ length: count }, () => startProxy(redis.port)))
  for (const way of ways) stack.use(way)
  const hook = receiveWebhooks(recorder)
  stack.defer(() => hook.stop(true))
  const config = join(folder.path, 'carillon.config.mjs')
  writeFileSync(config, configOf(`http://127.0.0.1:${hook.port}/hook`))
  const nodes = stack.use(
    await startNodes(redis, {
      count,
      env: { CARILLON_CONFIG: config, CARILLON_WEBHOOK_BATCH_EVENTS: '1' },
      redisUrlOf: (index) => (cluster === undefined ? redis.urlAt(ways[index]!.port) : redis.url),
    }),
  )
  const places = nodes.all.map((node, index) => ({ node, way: ways[index]! }))
  const crowd = stack.use(new Crowd(recorder, nodes.all, { seed, clients }))
  const pages = await Promise.all(
    KEPT.map((channel, index) => ChaosPage.open(recorder, channel, nodes.at(index % count))),
  )
  for (const page of pages) stack.use(page)
  const backend = new Backend(recorder, nodes.all)
  let isOver = false
  stack.defer(() => {
    isOver = true
    crowd.stop()
  })
  const lane = async (
    number: number,
    step: (random: () => number, choose: Choose) => Promise<void>,
  ) => {
    const random = makeRandom(seed * 1000 + number)
    const choose: Choose = (items) => items[Math.floor(random() * items.length)]!
    while (!isOver) await step(random, choose)
  }
  const lanes = Array.from({ length: backends }, (_, number) =>
    lane(number, async (random, choose) => {
      await backend.trigger(random, choose)
      await Bun.sleep(random() * 60)
    }),
  )
  lanes.push(
    lane(500, async (_, choose) => {
      await Bun.sleep(1500)
      choose(pages).move(choose(nodes.all))
    }),
  )
  const crowding = crowd.run()
  await playFaults({ ...options, places, redis, recorder, tell })
  tell('all is healed')
  await Bun.sleep(3000) // traffic in peace
  isOver = true
  crowd.stop()
  await Promise.all([...lanes, crowding])
  await backend.stop()
  tell(`requests: ${JSON.stringify(Object.fromEntries(backend.answers))}`)
  recorder.write({ type: 'quiet' })
  const answers = await settle(recorder, nodes.all, pages, crowd)
  for (const page of pages)
    if (!page.isSubscribed)
      recorder.write({
        type: 'failed',
        node: page.node.name,
        what: `a page is not back in ${page.channel}`,
      })
  for (const { name, end } of nodes.all)
    if (end !== undefined) recorder.write({ type: 'failed', node: name, what: `ended with ${end}` })
  const logs = readLogs(nodes.all)
  const journal = [...recorder.journal, ...answers, ...logs.entries]
  return { journal, wrongs: judge(journal), logs: logs.text }
}

type Play = ChaosOptions & {
  readonly places: readonly Place[]
  readonly redis: Awaited<ReturnType<typeof startRedis>>
  readonly recorder: Recorder
  readonly tell: (line: string) => void
}

/** Two faults of nodes at a time, never of the same one, and one of Redis. */
async function playFaults({
  seed,
  seconds,
  only,
  cluster,
  places,
  redis,
  recorder,
  tell,
}: Play): Promise<void> {
  const end = Date.now() + seconds * 1000
  const note = (of: string, what: string) => {
    recorder.write({ type: 'fault', of, what })
    tell(`${of}: ${what}`)
  }
  const busy = new Set<Place>()
  const pick = <Fault>(faults: Readonly<Record<string, Fault>>) =>
    Object.entries(faults).filter(([name]) => only === undefined || only.includes(name))
  const play = async (number: number, step: (random: () => number) => Promise<void>) => {
    const random = makeRandom(seed * 1000 + 900 + number)
    await Bun.sleep(1000 + random() * 1000)
    while (Date.now() < end) {
      await step(random)
      await Bun.sleep(random() * 2000)
    }
  }
  const choose = <Item>(items: readonly Item[], random: () => number): Item =>
    items[Math.floor(random() * items.length)]!
  const ofNodes = pick(NODE_FAULTS).filter(([name]) => cluster === undefined || WAYLESS.test(name))
  const playNode = async (random: () => number) => {
    if (ofNodes.length === 0) return
    const place = choose(
      places.filter((each) => !busy.has(each)),
      random,
    )
    busy.add(place)
    const [name, run] = choose(ofNodes, random)
    note(place.node.name, name)
    await run(place)
    note(place.node.name, `${name}: over`)
    busy.delete(place)
  }
  const ofRedis = pick(cluster === undefined ? REDIS_FAULTS : CLUSTER_FAULTS)
  const playRedis = async (random: () => number) => {
    if (ofRedis.length === 0) return
    const [name, run] = choose(ofRedis, random)
    note('redis', name)
    await run({ redis, recorder, random })
    note('redis', `${name}: over`)
    await Bun.sleep(random() * 3000)
  }
  const lanes = places.length > 2 ? [play(1, playNode), play(2, playNode)] : [play(1, playNode)]
  await Promise.all([...lanes, play(3, playRedis)])
}

/** Waits until nothing is wrong any more of what takes its time, and returns what all nodes say then. */
async function settle(
  recorder: Recorder,
  nodes: readonly NodeProcess[],
  pages: readonly ChaosPage[],
  crowd: Crowd,
): Promise<Journal> {
  const end = Date.now() + QUIET_MS
  for (;;) {
    await Bun.sleep(500)
    const answers = await askAll(nodes)
    const journal = [...recorder.journal, ...answers]
    const isRight =
      [judgeReplicas, judgeWebhooks, judgeWatchlists].every((each) => each(journal).length === 0) &&
      pages.every((page) => page.isSubscribed)
    if (!isRight && Date.now() < end) continue
    for (const what of crowd.unanswered())
      recorder.write({ type: 'failed', node: 'a client', what })
    return answers
  }
}

/** What every node says of every channel. */
async function askAll(nodes: readonly NodeProcess[]): Promise<Journal> {
  const answers = await Promise.all(nodes.map(askNode))
  return answers.flat()
}

async function askNode(node: NodeProcess): Promise<Journal> {
  const at = Date.now()
  const { name } = node
  try {
    const { channels } = (await node.get('/channels')) as { channels: Record<string, object> }
    const listed = Object.keys(channels)
    const entries: Journal = [{ at, type: 'listed', node: name, channels: listed }]
    const counted = await Promise.all(CHANNELS.map((channel) => countOn(node, channel)))
    return [
      ...entries,
      ...counted.map((each) => ({ at, type: 'counted', node: name, ...each }) as const),
    ]
  } catch (cause) {
    return [{ at, type: 'failed', node: name, what: String(cause) }]
  }
}

async function countOn(node: NodeProcess, channel: string) {
  const counts = (await node.get(`/channels/${channel}`, { info: 'subscription_count' })) as {
    readonly subscription_count?: number
  }
  const subscriptions = counts.subscription_count ?? 0
  if (!isPresence(channel)) return { channel, subscriptions }
  const { users = [] } = (await node.get(`/channels/${channel}/users`)) as {
    readonly users?: readonly { readonly id: string }[]
  }
  return { channel, subscriptions, users: users.map(({ id }) => id) }
}
