/**
 * Fairness: how long does a message to a channel with one subscriber wait while a channel with
 * thousands is busy beside it? Both publish at fixed rates; the latency is the small channel's. The
 * load reads the small channel's socket between any few of the others, so that it is the server
 * that is measured.
 */
import { atRate, crowd } from './lib/crowds'
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
    crowd({ channel: 'busy', subscribers, ...atRate(BUSY_PER_SECOND) }),
    crowd({ channel: 'tiny', subscribers: 1, isProbe: true, ...atRate(PROBES_PER_SECOND) }),
  ],
})

export const fairness: Question = {
  ...swarmQuestion,
  name: 'fairness',
  asks: 'How long does a small channel wait while a large one is busy?',
  cases: [fairnessCase(FAIRNESS_LABEL, 8000)],
  quickCases: [{ ...fairnessCase('beside 2 000 subscribers', 2000), seconds: 1.5 }],
  smokeCases: [{ ...fairnessCase('beside 100 subscribers', 100), seconds: 1 }],
  figure: { title: "p99 ms of the small channel's", key: 'p99Ms', digits: 2, better: 'less' },
  columns: [LATENCY_COLUMNS[0]!, { title: 'max ms', key: 'maxMs', digits: 2 }, ...USAGE_COLUMNS],
}
