/**
 * Hooks: plugins compiled at start into one array per hook, and run. An empty hook costs a length check. Gates
 * run in the order of the configuration, the first rejection wins; a gate that throws, exceeds the time limit
 * or gives an invalid answer refuses (fail closed). A failing tap has no effect.
 */
import { isThenable, parseAnswer, type Answer } from './plugin-answers'
import { Connection } from './connection'
import { dataTooLarge, isRefusal, REFUSE, type Refusal } from './errors'
import { withTimeout } from './faults'
import type { Facts } from './facts'
import { jsonOf } from './json'
import type { Command } from './messages'
import { HOOKS, type Allow, type HookName, type Hooks, type Replace } from './plugin'
import { cpuMsAt, endLongCall, logFailure, LONG_MS, watchWait } from './plugin-faults'
import type { RefusalLog } from './refusal-log'
import { noteSocketRefusal } from './refusals'
import type { MaybePromise } from './maybe-promise'
import type { Clock, JsonText, Log } from './types'
import { giveUp, viewOf } from './views'

/** One plugin's function for one hook. */
export type Hook = {
  readonly plugin: string
  /** The plugin's index in the configuration. */
  readonly index: number
  readonly name: HookName
  readonly run: (first?: unknown, second?: unknown) => unknown
  readonly locals: () => object
  readonly stats: { calls: number; refusals: number; faults: number; busyMs: number }
}

export type CompiledHooks = { readonly [Name in HookName]: readonly Hook[] }

/** A plugin that was set up. */
export type PluginHooks = {
  readonly name: string
  readonly locals: () => object
  readonly hooks: Hooks<never>
}

/** What hooks need of core. */
export type HookContext = {
  readonly clock: Clock
  readonly log: Log
  readonly timing: { readonly gateTimeoutMs: number }
}

/** @throws Error for a hook that does not exist or is no function */
export function compileHooks(plugins: readonly PluginHooks[]): CompiledHooks {
  const names = Object.keys(HOOKS) as HookName[]
  const compiled = Object.fromEntries(names.map((name) => [name, [] as Hook[]]))
  for (const [index, { name: plugin, locals, hooks }] of plugins.entries()) {
    for (const [name, run] of Object.entries(hooks)) {
      const row = Object.hasOwn(compiled, name) ? compiled[name] : undefined
      if (!row)
        throw new Error(`plugin ${plugin}: there is no hook ${name}; there are ${names.join(', ')}`)
      if (typeof run !== 'function')
        throw new Error(`plugin ${plugin}: hook ${name} is no function`)
      const stats = { calls: 0, refusals: 0, faults: 0, busyMs: 0 }
      row.push({ plugin, index, name: name as HookName, run: run as Hook['run'], locals, stats })
    }
  }
  return compiled as unknown as CompiledHooks
}

/** Undefined where no gate objects. */
export type Verdict = Refusal | Allow | undefined

/** Runs gates that may not wait. Returns the first refusal; a fault is one. */
export function runGatesNow(
  core: HookContext,
  gates: readonly Hook[],
  first: unknown,
  second?: unknown,
): Refusal | undefined {
  for (const gate of gates) {
    const verdict = callNow(core, gate, first, second)
    if (isRefusal(verdict)) return verdict
  }
  return undefined
}

/**
 * Runs gates that may wait, one after the other; synchronous as long as they are. The last allow counts
 * unless one rejects. Stops where the connection has closed.
 */
export function runGates(
  core: HookContext,
  gates: readonly Hook[],
  first: unknown,
  second?: unknown,
): MaybePromise<Verdict> {
  let allowed: Allow | undefined
  for (let index = 0; index < gates.length; index++) {
    if (first instanceof Connection && first.closed) return undefined
    const gate = gates[index]!
    const verdict = call(core, gate, first, second)
    if (verdict instanceof Promise) {
      const rest = gates.slice(index + 1)
      const question = first instanceof Connection ? second : first
      return awaitVerdict(core, gate, verdict, question).then(async (given) => {
        if (isRefusal(given)) return given
        return (await runGates(core, rest, first, second)) ?? given ?? allowed
      })
    }
    if (isRefusal(verdict)) return verdict
    allowed = (verdict as Allow | undefined) ?? allowed
  }
  return allowed
}

/** Continues with `next`, unless the gates refuse or the connection has closed meanwhile. */
export function passGates(
  conn: Connection,
  verdict: MaybePromise<Verdict>,
  next: (allowed: Allow | undefined) => MaybePromise<Refusal | undefined>,
): MaybePromise<Refusal | undefined> {
  if (verdict instanceof Promise) return verdict.then((answer) => passGates(conn, answer, next))
  if (isRefusal(verdict)) return verdict
  return conn.closed ? undefined : next(verdict)
}

/** Passes an event through filters, each given the result of the one before. */
export function runFilters<Event extends { readonly data?: JsonText }>(
  core: HookContext,
  filters: readonly Hook[],
  first: unknown,
  event: Event,
  maxDataBytes: number,
): Event | Refusal {
  let filtered = event
  for (const each of filters) {
    const verdict = callNow(core, each, first, filtered)
    if (verdict === undefined) continue
    if (isRefusal(verdict)) return verdict
    const { data: given } = verdict as Replace
    const data = tryJsonOf(given)
    if (data === undefined)
      return reportFault(core, each, new Error('replaced data with no JSON value'))
    const bytes = Buffer.byteLength(typeof given === 'string' ? given : data)
    if (bytes > maxDataBytes) return dataTooLarge(`${bytes} of ${maxDataBytes} bytes`)
    filtered = Object.freeze({ ...filtered, data })
  }
  return filtered
}

/** Undefined for a value without JSON: a BigInt, a `toJSON` that throws. */
function tryJsonOf(value: unknown): JsonText | undefined {
  try {
    return jsonOf(value)
  } catch {
    return undefined // TypeError, or the plugin's own
  }
}

/** Runs taps; their answers are ignored. */
export function notify(
  core: HookContext,
  taps: readonly Hook[],
  first?: unknown,
  second?: unknown,
): void {
  for (const tap of taps) callNow(core, tap, first, second)
}

type RefusalContext = HookContext & {
  readonly hooks: CompiledHooks
  readonly refusalLog: RefusalLog
  readonly facts: Facts
}

/**
 * Sends a refusal of a connection, or of its `command`, notes it and notifies the `refused` taps, before those of
 * its end.
 */
export function refuseAndNotify(
  core: RefusalContext,
  conn: Connection,
  refused: Refusal,
  command?: Command,
): void {
  conn.refuse(refused, () => notifyRefused(core, conn, refused, command))
}

/** Notes a refusal that was sent and notifies the `refused` taps, which may end the connection. */
export function notifyRefused(
  core: RefusalContext,
  conn: Connection,
  refused: Refusal,
  command?: Command,
): void {
  noteSocketRefusal(core, conn, refused, command)
  const { code, message } = refused
  if (core.hooks.refused.length > 0)
    notify(core, core.hooks.refused, conn, Object.freeze({ code, message }))
}

/** The headers that `response` hooks add. */
export function collectHeaders(
  core: HookContext,
  hooks: readonly Hook[],
  first: unknown,
  second: unknown,
): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const hook of hooks) {
    const answer = callNow(core, hook, first, second)
    if (answer && 'headers' in answer) Object.assign(headers, answer.headers)
  }
  return headers
}

// ---------------------------------------------------------------- one call

function call(
  { log }: HookContext,
  hook: Hook,
  first: unknown,
  second: unknown,
): Answer | Promise<unknown> {
  const { stats, run, plugin, name } = hook
  stats.calls++
  const beganMs = performance.now()
  const cpuMs = cpuMsAt(beganMs)
  try {
    const answer = run(first instanceof Connection ? viewOf(first, hook) : first, second)
    return isThenable(answer) ? Promise.resolve(answer) : answerOf(hook, answer)
  } catch (cause) {
    return reportFault({ log }, hook, cause)
  } finally {
    const ms = performance.now() - beganMs
    stats.busyMs += ms
    if (ms > LONG_MS) endLongCall(log, { plugin, hook: name }, cpuMs)
  }
}

/** Calls a hook that may not wait: a promise is a fault. */
function callNow(core: HookContext, hook: Hook, first: unknown, second: unknown): Answer {
  const answer = call(core, hook, first, second)
  if (!(answer instanceof Promise)) return answer
  answer.catch(() => undefined) // the fault below is the one that counts
  return reportFault(
    core,
    hook,
    new Error(`answered with a promise, but ${hook.name} may not wait`),
  )
}

async function awaitVerdict(
  core: HookContext,
  gate: Hook,
  answer: Promise<unknown>,
  question: unknown,
): Promise<Verdict> {
  const { plugin, name } = gate
  try {
    const inTime = withTimeout(core.clock, core.timing.gateTimeoutMs, answer)
    const given = await watchWait(core.log, { plugin, hook: name }, inTime)
    return answerOf(gate, given) as Verdict
  } catch (cause) {
    giveUp(question, cause)
    return reportFault(core, gate, cause)
  }
}

/** Counts a rejection. @throws TypeError for an answer that the hook may not give */
function answerOf(hook: Hook, given: unknown): Answer {
  const answer = parseAnswer(hook.name, given)
  if (isRefusal(answer)) hook.stats.refusals++
  return answer
}

function reportFault({ log }: Pick<HookContext, 'log'>, hook: Hook, cause: unknown): Refusal {
  hook.stats.faults++
  const { plugin, name } = hook
  logFailure(log, { plugin, hook: name }, cause)
  return name === 'upgrade' || name === 'connect' ? REFUSE.connectFailed : REFUSE.internal
}
