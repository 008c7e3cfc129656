/**
 * Mixed: what does it cost when the subscribers of a channel speak different formats? Each event is
 * encoded once per format, and each format has shards of its own. Pusher, Phoenix V1 and V2 in turn,
 * beside as many that speak Pusher alone.
 */
import { makeCrowd, makeCrowdCase, saturate } from './lib/crowds'
import { swarmQuestion } from './fanout'
import type { FormatName } from './lib/formats'
import type { Question } from './lib/question'
import type { SwarmCase } from './loads/swarm'

const ALL = ['pusher', 'phoenix 1', 'phoenix 2'] as const

const mixedCase = (label: string, subscribers: number, formats: readonly FormatName[]): SwarmCase =>
  makeCrowdCase(makeCrowd({ subscribers, formats, ...saturate(4) }), { label })

export const MIXED = {
  pusher: mixedCase('1 000 of Pusher', 1000, ['pusher']),
  all: mixedCase('1 000 of Pusher, Phoenix V1 and V2', 1000, ALL),
} as const

export const mixed: Question = {
  ...swarmQuestion,
  name: 'mixed',
  asks: 'What does it cost when subscribers of one channel speak different formats?',
  cases: Object.values(MIXED),
  quickCases: [],
  smokeCases: [mixedCase('30 of all formats', 30, ALL)],
  yardsticks: [],
}
