/**
 * Hooks: what do plugins cost? Fan-out and triggers of a server with the plugins that `bun run server`
 * loads, and with ten that do nothing, as ratios to one without plugins. A fan-out meets hooks once
 * per publish, so many subscribers hide them; a trigger that nobody hears meets all of its hooks.
 */
import { askNow, compileHooks, type Asker } from '../src/core/hooks'
import { fanout, type FanoutCase, type FanoutOutcome } from './fanout'
import type { Side } from './lib/app'
import type { Question } from './lib/question'
import { trigger, type TriggerCase, type TriggerOutcome } from './trigger'

/** The shipped plugins' least ratios to none; the ten empty ones are there to be read. */
const LEAST = { fanout: 0.95, trigger: 0.85 }

const AGAINST_NONE: { readonly sides: readonly Side[]; readonly yardstick: Side } = {
  sides: ['shipped', 'empty'],
  yardstick: 'carillon',
}

const withTarget =
  <Case extends object>(target: number) =>
  (row: Case): Case => ({ ...row, target })

export const hooksFanout: Question<FanoutCase, FanoutOutcome> = {
  ...fanout,
  ...AGAINST_NONE,
  name: 'hooks-fanout',
  cases: fanout.cases
    .filter(({ subscribers, payloadBytes }) => subscribers === 1000 && payloadBytes === 100)
    .map(withTarget(LEAST.fanout)),
}

export const hooksTrigger: Question<TriggerCase, TriggerOutcome> = {
  ...trigger,
  ...AGAINST_NONE,
  name: 'hooks-trigger',
  cases: trigger.cases.filter(({ channels }) => channels === 1).map(withTarget(LEAST.trigger)),
  smokeCases: trigger.smokeCases.map(withTarget(LEAST.trigger)),
}

const NOBODY = {} as Asker
const CALLS = 20_000_000
const ROUNDS = 9
const MOST_NANOS = 5

/** What a call site costs that has no hook to ask, as a line to print. */
export function emptyHook(): string {
  const nanos = Array.from({ length: ROUNDS }, nanosOfCalls).sort((a, b) => a - b)
  const median = nanos[Math.floor(ROUNDS / 2)]!
  const verdict = median <= MOST_NANOS ? 'pass' : 'FAIL'
  return `an empty hook: ${median.toFixed(2)} ns per call, median of ${ROUNDS}  ${verdict}: at most ${MOST_NANOS}`
}

/** The call site of `frame`, the hottest. */
function nanosOfCalls(): number {
  const hooks = compileHooks([])
  let asked = 0
  const began = performance.now()
  for (let call = 0; call < CALLS; call++)
    if (hooks.frame.length > 0 && askNow(NOBODY, hooks.frame, call)) asked++
  const ms = performance.now() - began
  if (asked > 0) throw new Error('somebody was asked')
  return (ms * 1e6) / CALLS
}
