/**
 * Fan-out: what does one delivery cost the server? One channel. "4/4" is four publishing connections
 * and four messages in flight, by the share of their subscribers that wait (`lib/pace.ts`); 1/1 is
 * one publish at a time, which leaves a server nothing to join; "at 250/s" is a fixed rate, and
 * latency then counts from the moment at which a message was due.
 */
import { publishAtRate, makeCrowd, makeCrowdCase, saturate } from './lib/crowds'
import { playLoad } from './lib/play'
import { LATENCY_COLUMNS, USAGE_COLUMNS, type Question } from './lib/question'
import { OTHERS } from './lib/sides'
import type { SwarmCase } from './loads/swarm'

const SUBSCRIBERS = [100, 250, 1000, 10_000] as const
const LARGER_BYTES = [1024, 10_240] as const
const DEPTHS = [1, 4, 16] as const

/** A thousand subscribers; soketi does about 90 per second here, so that 45 is half of what it can. */
export const RATES = [45, 125, 250, 500, 1000] as const

const saturatedCase = (subscribers: number, payloadBytes: number, depth: number): SwarmCase =>
  makeCrowdCase(makeCrowd({ subscribers, payloadBytes, ...saturate(depth) }))

/** Every depth at 100 B, every size at 4/4. */
const SATURATED = SUBSCRIBERS.flatMap((subscribers) => [
  ...DEPTHS.map((depth) => saturatedCase(subscribers, 100, depth)),
  ...LARGER_BYTES.map((bytes) => saturatedCase(subscribers, bytes, 4)),
])

const AT_RATES = RATES.map((rate) => makeCrowdCase(makeCrowd(publishAtRate(rate))))

export const swarmQuestion = {
  play: playLoad('swarm.ts'),
  figure: {
    title: 'deliveries per server-CPU-second',
    key: 'deliveriesPerCpuSecond',
    digits: 0,
    better: 'more',
  },
  columns: [
    { title: 'per second', key: 'deliveriesPerSecond', digits: 0 },
    ...LATENCY_COLUMNS,
    ...USAGE_COLUMNS,
  ],
  faults: ['lost', 'reordered'],
  counted: 'deliveries',
  subjects: ['carillon'],
  yardsticks: OTHERS,
} as const satisfies Partial<Question>

export const fanout: Question = {
  ...swarmQuestion,
  name: 'fanout',
  asks: 'What does one delivery of a published event cost the server, and how long does it take?',
  cases: [...SATURATED, ...AT_RATES],
  quickCases: [saturatedCase(1000, 100, 4), makeCrowdCase(makeCrowd(publishAtRate(45)))],
  smokeCases: [
    saturatedCase(200, 100, 4),
    makeCrowdCase(makeCrowd({ subscribers: 50, ...publishAtRate(100) })),
  ],
}
