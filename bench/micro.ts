/**
 * Micro: what does one step of the hot path cost by itself? Each in a
 * process of its own, by the CPU time of its thread. A step that
 * is slower here need not be slower in the server; what is faster there should show here.
 */
import { HOOKS, type HookName } from '../src/core/plugin'
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

/** Each hook with one plugin that does nothing there, its views included, and with none. */
const HOOK_STEPS = [
  ...(Object.keys(HOOKS) as HookName[])
    .filter((name) => name !== 'start' && name !== 'stop') // once per server
    .flatMap((name) => [`hook ${name}`, `unused hook ${name}`] as const),
  // Answered at once by a plugin that has declared that it may wait.
  'declared hook clientEvent',
  'declared hook publish',
] as const

export type MicroCase = BenchCase & { readonly label: Step | (typeof HOOK_STEPS)[number] }

const ALL_STEPS = [...STEPS, ...HOOK_STEPS]

export const micro: Question = {
  name: 'micro',
  asks: 'What does one step of the hot path cost by itself?',
  play: playAlone('micro.ts'),
  cases: ALL_STEPS.map((label): MicroCase => ({ label, seconds: 1 })),
  quickCases: [],
  smokeCases: [...STEPS, ...HOOK_STEPS.slice(0, 2)].map((label): MicroCase => ({
    label,
    seconds: 0.05,
  })),
  subjects: ['carillon'],
  yardsticks: [],
  figure: { title: 'CPU ns each', key: 'nanosEach', digits: 1, better: 'less' },
  columns: [{ title: 'millions per CPU second', key: 'millionsPerSecond', digits: 2 }],
  faults: [],
  counted: 'calls',
}
