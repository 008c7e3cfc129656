/**
 * Client event: what does it cost when clients talk to each other? Pairs on private channels, one
 * event under way in each; the load answers with the next as soon as one has arrived.
 */
import { withLoad } from './lib/play'
import { LATENCY_COLUMNS, USAGE_COLUMNS, type Question } from './lib/question'
import { OTHERS } from './lib/sides'
import type { ClientEventCase } from './loads/clientevent'

export const pairsCase = (pairs: number): ClientEventCase => ({
  label: `${pairs} pairs, 100 B`,
  pairs,
  payloadBytes: 100,
})

export const clientevent: Question = {
  name: 'clientevent',
  asks: 'What does an event cost that one client tells another?',
  play: withLoad('clientevent.ts'),
  cases: [pairsCase(64)],
  quickCases: [pairsCase(64)],
  smokeCases: [pairsCase(5)],
  subjects: ['carillon'],
  yardsticks: OTHERS,
  figure: {
    title: 'events per server-CPU-second',
    key: 'eventsPerCpuSecond',
    digits: 0,
    better: 'more',
  },
  columns: [
    { title: 'per second', key: 'eventsPerSecond', digits: 0 },
    ...LATENCY_COLUMNS,
    ...USAGE_COLUMNS,
  ],
  faults: ['lost', 'reordered'],
  counted: 'events',
}
