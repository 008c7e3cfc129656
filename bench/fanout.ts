/**
 * Fan-out: what does one delivery cost the server? One channel; "4/4" is four publishing connections
 * and four messages in flight, by the share of their subscribers that wait (`lib/flight.ts`).
 * Subscribers and publishers are one process on raw sockets (`lib/swarm.ts`).
 */
import type { LoadOutcome } from './lib/load'
import { COMMON_COLUMNS, type BenchCase, type Question } from './lib/question'

export type FanoutCase = BenchCase & {
  readonly subscribers: number
  readonly payloadBytes: number
  readonly publishers: number
  /** Messages outstanding over all publishers. */
  readonly inFlight: number
}

export type FanoutOutcome = LoadOutcome & {
  readonly deliveries: number
  readonly deliveriesPerCpuSecond: number
  readonly deliveriesPerSecond: number
  readonly lost: number
  readonly reordered: number
}

type Target = { readonly subscribers: number; readonly publishers: number; readonly ratio: number }

/**
 * Ratios to the bare loop, so that the machine cancels out. A delivery is a system call and little
 * else; more than 1 comes from several messages leaving in one call. With four publishers shards of
 * 64 reach about 1.8 at 1 000 subscribers and 2.1 at 10 000, where a round takes longer and more
 * waits for it: what is asked leaves room for noise. One publisher leaves nothing to join, so there
 * the target says that queue, shards and signature cost less than a tenth. At 100 subscribers
 * there are two shards and the ratio swings: no target.
 */
const TARGETS: readonly Target[] = [
  { subscribers: 1_000, publishers: 4, ratio: 1.5 },
  { subscribers: 10_000, publishers: 4, ratio: 1.7 },
  { subscribers: 1_000, publishers: 1, ratio: 0.9 },
]

const SIZES = [100, 1024] as const
const SUBSCRIBERS = [100, 1_000, 10_000] as const

function fanoutCase(subscribers: number, payloadBytes: number, publishers: number): FanoutCase {
  const target = TARGETS.find(
    (row) => row.subscribers === subscribers && row.publishers === publishers,
  )
  return {
    label: `${subscribers} x ${payloadBytes} B, ${publishers}/${publishers}`,
    subscribers,
    payloadBytes,
    publishers,
    inFlight: publishers,
    target: target?.ratio,
  }
}

export const fanout: Question<FanoutCase, FanoutOutcome> = {
  name: 'fanout',
  load: 'swarm.ts',
  cases: [
    ...SUBSCRIBERS.flatMap((count) => SIZES.map((bytes) => fanoutCase(count, bytes, 4))),
    fanoutCase(1_000, 100, 1),
  ],
  smokeCases: [fanoutCase(200, 100, 4)],
  sides: ['carillon'],
  yardstick: 'bare',
  figure: {
    title: 'deliveries per server-CPU-second',
    of: (outcome) => outcome.deliveriesPerCpuSecond,
    digits: 0,
  },
  columns: [
    { title: 'per second', of: (outcome) => outcome.deliveriesPerSecond, digits: 0 },
    ...COMMON_COLUMNS,
    { title: 'lost', of: (outcome) => outcome.lost, digits: 0 },
    { title: 'reordered', of: (outcome) => outcome.reordered, digits: 0 },
  ],
  defect: ({ deliveries, lost, reordered }) => {
    if (deliveries === 0) return 'nothing was delivered'
    return lost + reordered > 0 ? `${lost} lost, ${reordered} reordered` : undefined
  },
}
