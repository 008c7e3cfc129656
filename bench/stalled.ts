/**
 * Stalled: what do readers cost that do not read? A hundred, which are sent more than a slow network
 * takes. Whoever reads must lose nothing and wait no longer than without them.
 *
 * Memory is asked at 10 KiB x 300/s: among a thousand subscribers, and among a few, because a server
 * that is too slow for a thousand sends little to the stalled ones either, and looks thrifty. Waiting
 * is asked at a third of the rate, which servers keep up with: one that is full makes everybody wait. It
 * is that of 900 among a thousand, beside that of a thousand who all read.
 */
import { publishAtRate, makeCrowd } from './lib/crowds'
import { LATENCY_COLUMNS, USAGE_COLUMNS, type Question } from './lib/question'
import { swarmQuestion } from './fanout'
import type { SwarmCase } from './loads/swarm'

type Shape = { readonly readers: number; readonly stalled: number; readonly rate: number }

const stalledCase = ({ readers, stalled, rate }: Shape): SwarmCase => ({
  label: `${readers} readers, ${stalled === 0 ? 'none' : stalled} stalled, ${rate}/s`,
  seconds: 5,
  crowds: [
    makeCrowd({
      subscribers: readers + stalled,
      stalled,
      payloadBytes: 10_240,
      ...publishAtRate(rate),
    }),
  ],
})

export const STALLED = {
  many: stalledCase({ readers: 900, stalled: 100, rate: 300 }),
  few: stalledCase({ readers: 10, stalled: 100, rate: 300 }),
  calm: stalledCase({ readers: 900, stalled: 100, rate: 100 }),
  without: stalledCase({ readers: 1000, stalled: 0, rate: 100 }),
} as const

export const stalled: Question = {
  ...swarmQuestion,
  name: 'stalled',
  asks: 'What do a hundred readers cost that have stalled, and who pays?',
  cases: Object.values(STALLED),
  quickCases: [],
  smokeCases: [{ ...stalledCase({ readers: 20, stalled: 5, rate: 100 }), seconds: 0.5 }],
  figure: { title: 'RSS MiB in the end', key: 'serverRssMib', digits: 0, better: 'less' },
  columns: [
    { title: 'at the most', key: 'serverPeakRssMib', digits: 0 },
    { title: 'per second', key: 'deliveriesPerSecond', digits: 0 },
    ...LATENCY_COLUMNS,
    ...USAGE_COLUMNS.slice(1),
  ],
}
