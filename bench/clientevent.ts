/**
 * Client event: what does it cost when clients talk to each other? Pairs on private channels, one
 * event under way in each; the load answers with the next as soon as one has arrived.
 */
import { playLoad } from './lib/play'
import { LATENCY_COLUMNS, USAGE_COLUMNS, type Question } from './lib/question'
import { OTHERS } from './lib/sides'
import type { ClientEventCase } from './loads/clientevent'

export const makePairsCase = (pairs: number): ClientEventCase => ({
  label: `${pairs} pairs, 100 B`,
  pairs,
  payloadBytes: 100,
})

export const clientevent: Question = {
  name: 'clientevent',
  asks: 'What does an event cost that one client tells another?',
  play: playLoad('clientevent.ts'),
  cases: [makePairsCase(64)],
  quickCases: [makePairsCase(64)],
  smokeCases: [makePairsCase(5)],
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
