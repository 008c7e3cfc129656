/**
 * Hooks: what do plugins cost? Fan-out and triggers of a server with the plugins that `bun run server`
 * loads, and with ten that do nothing, beside one without plugins. A fan-out meets hooks once per
 * publish, so many subscribers hide them; a trigger that nobody hears meets all of its hooks.
 */
import { makeCrowd, makeCrowdCase, saturate } from './lib/crowds'
import { swarmQuestion } from './fanout'
import type { Question } from './lib/question'
import { ONE_CHANNEL, trigger } from './trigger'

const AGAINST_NONE = { subjects: ['carillon', 'empty'], yardsticks: ['none'] } as const

export const hooksFanout: Question = {
  ...swarmQuestion,
  ...AGAINST_NONE,
  name: 'hooks-fanout',
  asks: 'What do plugins cost a fan-out?',
  cases: [makeCrowdCase(makeCrowd(saturate(4))), makeCrowdCase(makeCrowd(saturate(1)))],
  quickCases: [],
  smokeCases: [makeCrowdCase(makeCrowd({ subscribers: 50 }))],
}

export const hooksTrigger: Question = {
  ...trigger,
  ...AGAINST_NONE,
  name: 'hooks-trigger',
  asks: 'What do plugins cost a trigger?',
  cases: [ONE_CHANNEL],
  quickCases: [],
}
