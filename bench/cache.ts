/**
 * Cache: what does it cost to keep a channel's last event? Fan-out on a cache channel beside the
 * same on a plain one. Many subscribers hide what few show.
 */
import { makeCrowd, makeCrowdCase, saturate } from './lib/crowds'
import { swarmQuestion } from './fanout'
import type { Question } from './lib/question'
import type { SwarmCase } from './loads/swarm'

const cacheCase = (channel: string, label: string, subscribers: number): SwarmCase =>
  makeCrowdCase(makeCrowd({ channel, subscribers, ...saturate(4) }), {
    label: `${label}, ${subscribers} subscribers`,
  })

const pairOf = (subscribers: number): readonly SwarmCase[] => [
  cacheCase('bench-room', 'plain', subscribers),
  cacheCase('cache-room', 'cache', subscribers),
]

export const cache: Question = {
  ...swarmQuestion,
  name: 'cache',
  asks: 'What does a cache channel cost that remembers its last event?',
  cases: [...pairOf(1000), ...pairOf(100)],
  quickCases: [],
  smokeCases: pairOf(20),
  yardsticks: [],
}
