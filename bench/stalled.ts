/**
 * Stalled: what do readers cost that do not read? A hundred among a thousand, which are sent more
 * than a slow network takes. Whoever reads must lose nothing and wait no longer than without them.
 */
import { atRate, crowd } from './lib/crowds'
import { LATENCY_COLUMNS, USAGE_COLUMNS, type Question } from './lib/question'
import { swarmQuestion } from './fanout'
import type { SwarmCase } from './loads/swarm'

export const STALLED_LABELS = { none: '900 readers', some: '900 readers, 100 stalled' } as const

type Shape = { readonly readers: number; readonly stalled: number; readonly rate: number }

const stalledCase = (label: string, { readers, stalled, rate }: Shape): SwarmCase => ({
  label,
  seconds: 4,
  crowds: [
    crowd({ subscribers: readers + stalled, stalled, payloadBytes: 10_240, ...atRate(rate) }),
  ],
})

export const stalled: Question = {
  ...swarmQuestion,
  name: 'stalled',
  asks: 'What do a hundred readers cost that have stalled, and who pays?',
  cases: [
    stalledCase(STALLED_LABELS.none, { readers: 900, stalled: 0, rate: 300 }),
    stalledCase(STALLED_LABELS.some, { readers: 900, stalled: 100, rate: 300 }),
  ],
  quickCases: [],
  smokeCases: [stalledCase('20 readers, 5 stalled', { readers: 20, stalled: 5, rate: 100 })],
  figure: { title: 'RSS MiB at the most', key: 'serverPeakRssMib', digits: 0, better: 'less' },
  columns: [
    { title: 'per second', key: 'deliveriesPerSecond', digits: 0 },
    ...LATENCY_COLUMNS,
    ...USAGE_COLUMNS,
  ],
}
