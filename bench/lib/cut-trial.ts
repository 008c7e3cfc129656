/**
 * The trial of cuts: several publishers, several channels, pages whose connections end at random moments. What a
 * page hears must be each number once and in order; where it was away for too long, it must be told so.
 */
import { makeChance, type Chance } from '../soaking/random'
import type { CutEvent } from './cut-hearing'
import { PhoenixPage, PusherPage, type CutPage } from './cut-page'
import { startServer } from './processes'
import type { BenchCase, Outcome, Turn } from './question'
import { Stage } from './stage'
import { dividePerSecond } from './usage'

export type CutCase = BenchCase & {
  /** Connections that are cut, and come back at once. */
  readonly cuts: number
  /** How often a page stays away until more was published than is kept. */
  readonly absences: number
  readonly pages: number
  /** Events of a channel that are kept. */
  readonly size: number
}

const CHANNELS = ['cuts-0', 'cuts-1', 'private-cuts-2', 'private-cuts-3', 'presence-cuts-4']
const PUBLISHERS = 3
/** Between two cuts, at the most. */
const PAUSE_MS = 15
const POLL_MS = 2
const PATIENCE_MS = 60_000
const SHOWN = 5

export async function runCutTrial({ row, side }: Turn): Promise<Outcome> {
  const { cuts, absences, pages: count, size } = row as CutCase
  await using server = await startServer(side, { env: { BENCH_HISTORY_SIZE: String(size) } })
  const seed = Math.floor(Math.random() * 2 ** 31)
  const chance = makeChance(seed)
  const publishers = new Publishers(new Stage(server.peer), chance)
  const pages = Array.from({ length: count }, (_, index) =>
    index % 3 === 2
      ? new PhoenixPage(server.peer, PUBLISHERS)
      : new PusherPage(server.peer, PUBLISHERS),
  )
  await Promise.all(pages.map(subscribeToAll))
  const began = performance.now()
  publishers.begin()
  const every = Math.ceil(cuts / absences)
  const absent: Promise<void>[] = []
  for (let made = 0; made < cuts; made++) {
    await Bun.sleep(chance.below(PAUSE_MS))
    await waitUntil(() => pages.some((page) => page.isConnected), 'no page came back')
    const page = chance.of(pages.filter(({ isConnected }) => isConnected))
    if (made % every === every - 1) absent.push(stayAway(page, publishers, size))
    else page.cut()
  }
  await Promise.all(absent)
  await publishers.end()
  const isDone = (): boolean =>
    pages.every(({ hearing }) =>
      CHANNELS.every((name) => hearing.hasAll(name, publishers.numbersOf(name))),
    )
  const isWhole = await isSoon(isDone)
  const seconds = (performance.now() - began) / 1000
  pages.forEach((page) => page.leave())
  const faults = pages.flatMap(({ hearing }) => hearing.faults)
  if (!isWhole) faults.push('something was never heard')
  for (const fault of faults.slice(0, SHOWN)) console.error(`seed ${seed}: ${fault}`)
  const sum = (key: 'heard' | 'replayed' | 'recovered' | 'tooLate'): number =>
    pages.reduce((all, { hearing }) => all + hearing[key], 0)
  return {
    cuts,
    seconds,
    cutsPerSecond: dividePerSecond(cuts, seconds),
    events: publishers.count,
    heard: sum('heard'),
    replayed: sum('replayed'),
    recovered: sum('recovered'),
    tooLate: sum('tooLate'),
    wrong: faults.length,
    seed,
  }
}

/** Phoenix's joins are signed with more than a key: such a page listens to public channels. */
async function subscribeToAll(page: CutPage): Promise<void> {
  const isPublic = (channel: string): boolean => channel.startsWith('cuts-')
  const channels = page instanceof PhoenixPage ? CHANNELS.filter(isPublic) : CHANNELS
  await Promise.all(channels.map((channel) => page.subscribe(channel)))
}

/** The page is away until each channel has given up what was its last event. */
async function stayAway(page: CutPage, publishers: Publishers, size: number): Promise<void> {
  page.leave()
  page.hearing.leave()
  const goals = CHANNELS.map((channel) => publishers.totalOf(channel) + size + PUBLISHERS)
  await waitUntil(
    () => CHANNELS.every((channel, index) => publishers.totalOf(channel) > goals[index]!),
    'too little was published',
  )
  page.comeBack()
  await waitUntil(() => page.hearing.isBack, 'a page never came back')
}

/** They publish one event after the other, each to a channel by chance, until the end. */
class Publishers {
  count = 0
  readonly #numbers = new Map(CHANNELS.map((channel) => [channel, new Map<number, number>()]))
  #isOver = false
  #busy: Promise<void>[] = []

  constructor(
    readonly stage: Stage,
    readonly chance: Chance,
  ) {}

  numbersOf(channel: string): ReadonlyMap<number, number> {
    return this.#numbers.get(channel)!
  }

  totalOf(channel: string): number {
    return [...this.numbersOf(channel).values()].reduce((sum, number) => sum + number, 0)
  }

  begin(): void {
    this.#busy = Array.from({ length: PUBLISHERS }, async (_, publisher) => {
      while (!this.#isOver) await this.#publish(this.chance.of(CHANNELS), publisher)
    })
  }

  /** Each says one last number on each channel, so that nobody can miss the end unseen. */
  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#busy)
    for (const channel of CHANNELS)
      for (let publisher = 0; publisher < PUBLISHERS; publisher++)
        await this.#publish(channel, publisher)
  }

  async #publish(channel: string, publisher: number): Promise<void> {
    const numbers = this.#numbers.get(channel)!
    const number = (numbers.get(publisher) ?? 0) + 1
    numbers.set(publisher, number)
    const data = JSON.stringify({ publisher, number } satisfies CutEvent)
    await this.stage.post('/events', JSON.stringify({ name: 'cut', channel, data }))
    this.count++
  }
}

async function isSoon(isDone: () => boolean): Promise<boolean> {
  const end = performance.now() + PATIENCE_MS
  while (!isDone() && performance.now() < end) await Bun.sleep(POLL_MS)
  return isDone()
}

async function waitUntil(isDone: () => boolean, otherwise: string): Promise<void> {
  if (!(await isSoon(isDone))) throw new Error(otherwise)
}
