/**
 * Spread: many small channels. A trigger to five subscribers is mostly the trigger; what is asked is
 * what a publish costs when channels, and not subscribers, are many.
 */
import { makeCrowd, makeCrowdCase, saturate } from './lib/crowds'
import { swarmQuestion } from './fanout'
import type { Question } from './lib/question'
import type { SwarmCase } from './loads/swarm'

export const SPREAD_LABEL = '5 000 connections, 1 000 channels'

const spreadCase = (label: string, subscribers: number, channels: number): SwarmCase =>
  makeCrowdCase(makeCrowd({ channel: 'bench-', subscribers, channels, ...saturate(16) }), { label })

export const spread: Question = {
  ...swarmQuestion,
  name: 'spread',
  asks: 'What does a trigger cost when there are many small channels?',
  cases: [spreadCase(SPREAD_LABEL, 5000, 1000)],
  quickCases: [spreadCase('1 000 connections, 200 channels', 1000, 200)],
  smokeCases: [spreadCase('100 connections, 20 channels', 100, 20)],
  figure: {
    title: 'triggers per server-CPU-second',
    key: 'publishesPerCpuSecond',
    digits: 0,
    better: 'more',
  },
  columns: [
    { title: 'triggers per second', key: 'publishesPerSecond', digits: 0 },
    ...swarmQuestion.columns.slice(1),
  ],
}
