/**
 * The trial of webhooks: clients talk, endpoints fail, the server is killed at random moments and
 * started again over the same file. What clients heard must arrive at least once, each channel's in
 * order, and every channel that was occupied must be vacated in the end.
 */
import { join } from 'node:path'
import { Endpoint } from './endpoint'
import { cpuSecondsOf } from './libc'
import { startServer, type BenchServer } from './processes'
import type { BenchCase, Outcome, Turn } from './question'
import { makeScratch } from './scratch'
import { findSide } from './sides'
import { talk, type Heard } from './talk'
import { dividePerSecond } from './usage'

export type WebhookCase = BenchCase & {
  /** Client events that are heard before the end. */
  readonly events: number
  /** How often the server is killed on the way. */
  readonly kills: number
  /** True where endpoints fail until the server was killed for the last time. */
  readonly isFailing: boolean
}

const CHANNELS = 8
const TIMEOUT_MS = 200
const SETTLE_MS = 200
const POLL_MS = 5
const PATIENCE_MS = 60_000
const SLUG = 'app-bench'
const ADMIN = `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`

export async function runWebhookTrial({ row, side }: Turn): Promise<Outcome> {
  const { events, kills, isFailing } = row as WebhookCase
  using folder = makeScratch()
  const seed = Math.floor(Math.random() * 2 ** 31)
  const chance = makeRandom(seed)
  const endpoint = new Endpoint(findSide(side).app, {
    isHealthy: !isFailing,
    chance,
    lateMs: TIMEOUT_MS * 2,
  })
  try {
    const env = makeEnvironment(folder.path, await endpoint.listen())
    const trial = { side, env, heard: new Map(), cpuSeconds: 0, chance } satisfies Trial
    const began = performance.now()
    for (let life = 0; life <= kills; life++) await liveAndDie(trial, life, events / (kills + 1))
    endpoint.isHealthy = true
    const settled = await lastLife(trial, endpoint)
    const seconds = (performance.now() - began) / 1000
    return {
      ...judgeTrial(trial.heard, endpoint),
      ...settled,
      ...computeRates(endpoint, trial, seconds),
      kills,
      seed,
    }
  } finally {
    endpoint[Symbol.dispose]()
  }
}

type Trial = {
  readonly side: string
  readonly env: Readonly<Record<string, string>>
  readonly heard: Heard
  readonly chance: () => number
  cpuSeconds: number
}

const makeEnvironment = (folder: string, url: string): Readonly<Record<string, string>> => ({
  DATABASE_PATH: join(folder, 'trial.sqlite'),
  CARILLON_WEBHOOKS: JSON.stringify([{ url }]),
  CARILLON_WEBHOOK_FLUSH_MS: '0', // what was heard is written down
  CARILLON_WEBHOOK_SETTLE_MS: String(SETTLE_MS),
  CARILLON_WEBHOOK_TIMEOUT_MS: String(TIMEOUT_MS),
})

/** Clients talk until so many events more were heard, and a random moment longer. */
async function liveAndDie(trial: Trial, life: number, events: number): Promise<void> {
  const enough = eventsIn(trial.heard) + events
  const server = await startServer(trial.side, { env: trial.env })
  const talks = Array.from({ length: CHANNELS }, (_, index) =>
    talk(server.peer, `private-${life}-${index}`, trial.heard),
  )
  await waitUntil(() => eventsIn(trial.heard) >= enough, 'too few events were heard')
  await Bun.sleep(trial.chance() * 20) // the end comes at no particular moment
  trial.cpuSeconds += cpuSecondsOf(server.peer.pid!)
  await server[Symbol.asyncDispose]() // kill -9
  await Promise.all(talks)
}

/** Nobody talks any more; everything is delivered, and everybody has left. */
async function lastLife(
  trial: Trial,
  endpoint: Endpoint,
): Promise<{ readonly undelivered: number }> {
  await using server = await startServer(trial.side, { env: trial.env })
  const over = async (): Promise<boolean> =>
    [...trial.heard.keys()].every((channel) => hasLeft(endpoint, channel)) &&
    (await pendingOf(server)) === 0
  const end = performance.now() + PATIENCE_MS
  while (!(await over()) && performance.now() < end) await Bun.sleep(POLL_MS * 4)
  trial.cpuSeconds += cpuSecondsOf(server.peer.pid!)
  return { undelivered: await pendingOf(server) }
}

async function pendingOf({ peer: { host, port } }: BenchServer): Promise<number> {
  const url = `http://${host}:${port}/api/admin/apps/${SLUG}/webhooks/deliveries`
  const answer = await fetch(url, { headers: { authorization: ADMIN } })
  return ((await answer.json()) as { data: { pending: number } }).data.pending
}

const hasLeft = ({ arrived }: Endpoint, channel: string): boolean =>
  arrived.get(channel)?.names.at(-1) === 'channel_vacated'

/** What was promised and not kept. */
function judgeTrial(heard: Heard, endpoint: Endpoint) {
  let [missing, misordered, unbalanced] = [0, 0, 0]
  for (const [channel, highest] of heard) {
    const { numbers = [], names = [] } = endpoint.arrived.get(channel) ?? {}
    const first = [...new Set(numbers)]
    const arrivals = new Set(numbers)
    for (let number = 0; number <= highest; number++) if (!arrivals.has(number)) missing++
    misordered += first.filter((number, index) => index > 0 && number < first[index - 1]!).length
    if (names[0] !== 'channel_occupied' || names.at(-1) !== 'channel_vacated') unbalanced++
  }
  return { recorded: eventsIn(heard), missing, misordered, unbalanced, forged: endpoint.forged }
}

/** Delivered in all lives, starts included; repeats are counted apart. */
function computeRates(
  { events, requests, arrived }: Endpoint,
  { cpuSeconds }: Trial,
  seconds: number,
) {
  const different = [...arrived.values()].reduce(
    (sum, { numbers, names }) => sum + new Set(numbers).size + names.length - numbers.length,
    0,
  )
  return {
    seconds,
    requests,
    repeats: events - different,
    eventsPerSecond: dividePerSecond(different, seconds),
    eventsPerCpuSecond: dividePerSecond(different, cpuSeconds),
  }
}

const eventsIn = (heard: Heard): number =>
  [...heard.values()].reduce((sum, highest) => sum + highest + 1, 0)

async function waitUntil(isDone: () => boolean, otherwise: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!isDone()) {
    if (performance.now() > end) throw new Error(otherwise)
    await Bun.sleep(POLL_MS)
  }
}

/** Park and Miller's generator: the same fates for the same seed. */
function makeRandom(seed: number): () => number {
  let state = seed % 2147483647 || 1
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}
