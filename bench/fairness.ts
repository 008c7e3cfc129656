/**
 * Fairness: how long does a message wait while others are busy? The measured channel and its neighbours
 * publish at fixed rates, or as fast as they are served; the latency is the measured one's. The load
 * reads its sockets between any few of the others, so that it is the server that is measured.
 *
 * Both ways round: a small channel beside large ones, and a large one beside many that are small and
 * keep the server full, which is held against its own latency when it is alone.
 */
import type { CrowdRow } from './lib/crowd'
import { publishAtRate, makeCrowd } from './lib/crowds'
import { LATENCY_COLUMNS, USAGE_COLUMNS, type Question } from './lib/question'
import { swarmQuestion } from './fanout'
import type { SwarmCase } from './loads/swarm'

const BUSY_PER_SECOND = 10
const PROBES_PER_SECOND = 200

export const FAIRNESS_LABEL = 'beside 8 000 subscribers'

const fairnessCase = (label: string, subscribers: number): SwarmCase => ({
  label,
  seconds: 4,
  crowds: [
    makeCrowd({ channel: 'busy', subscribers, ...publishAtRate(BUSY_PER_SECOND) }),
    makeCrowd({
      channel: 'tiny',
      subscribers: 1,
      isProbe: true,
      ...publishAtRate(PROBES_PER_SECOND),
    }),
  ],
})

const SMALL = makeCrowd({ channel: 'small', subscribers: 20, isProbe: true, ...publishAtRate(50) })
/** Two a second, so that it is whole before the next one comes. */
const LARGE = makeCrowd({ channel: 'large', subscribers: 1500, isProbe: true, ...publishAtRate(2) })

const besideCase = (label: string, measured: CrowdRow, others: readonly CrowdRow[]): SwarmCase => ({
  label,
  seconds: 6,
  sides: ['carillon', 'bare'],
  crowds: [...others, measured],
})

/** `subscribers` and the rate are of each. */
const large = (channels: number, subscribers: number, rate: number): CrowdRow =>
  makeCrowd({
    channel: channels === 1 ? 'busy' : 'busy-',
    channels,
    subscribers: channels * subscribers,
    publishers: channels,
    pace: { ratePerSecond: channels * rate },
  })

const MANY_SMALL = makeCrowd({
  channel: 'busy-',
  channels: 150,
  subscribers: 150 * 20,
  publishers: 8,
  pace: { inFlight: 32 },
})

export const BESIDE = {
  fourLarge: besideCase('20 beside four of 2 000 at 40/s', SMALL, [large(4, 2000, 40)]),
  oneHuge: besideCase('20 beside one of 8 000 at 10/s', SMALL, [large(1, 8000, BUSY_PER_SECOND)]),
  manySmall: besideCase('1 500 beside 150 of 20, 8/32', LARGE, [MANY_SMALL]),
  alone: besideCase('1 500 alone', LARGE, []),
} as const

export const fairness: Question = {
  ...swarmQuestion,
  name: 'fairness',
  asks: 'How long does a channel wait while others are busy, small beside large and large beside small?',
  cases: [fairnessCase(FAIRNESS_LABEL, 8000), ...Object.values(BESIDE)],
  quickCases: [{ ...fairnessCase('beside 2 000 subscribers', 2000), seconds: 1.5 }],
  smokeCases: [{ ...fairnessCase('beside 100 subscribers', 100), seconds: 1 }],
  figure: { title: "p99 ms of the measured channel's", key: 'p99Ms', digits: 2, better: 'less' },
  columns: [LATENCY_COLUMNS[0]!, { title: 'max ms', key: 'maxMs', digits: 2 }, ...USAGE_COLUMNS],
}
