/**
 * Micro: what does one step of the hot path cost by itself? Each in a
 * process of its own, by the CPU time of its thread. A step that
 * is slower here need not be slower in the server; what is faster there should show here.
 */
import { playAlone } from './lib/play'
import type { BenchCase, Question } from './lib/question'

/** STEPS: the names of what `loads/micro.ts` can do. */
export const STEPS = [
  'encode',
  'decode a subscribe',
  'decode a client event',
  'sign',
  'verify',
  'look an app up',
  'empty hook',
  'publish to nobody',
  'subscribe and unsubscribe',
  'join and leave with a second tab',
] as const

export type Step = (typeof STEPS)[number]

export type MicroCase = BenchCase & { readonly label: Step }

export const micro: Question = {
  name: 'micro',
  asks: 'What does one step of the hot path cost by itself?',
  play: playAlone('micro.ts'),
  cases: STEPS.map((label): MicroCase => ({ label, seconds: 1 })),
  quickCases: [],
  smokeCases: STEPS.map((label): MicroCase => ({ label, seconds: 0.05 })),
  subjects: ['carillon'],
  yardsticks: [],
  figure: { title: 'CPU ns each', key: 'nanosEach', digits: 1, better: 'less' },
  columns: [{ title: 'millions per CPU second', key: 'millionsPerSecond', digits: 2 }],
  faults: [],
  counted: 'calls',
}
