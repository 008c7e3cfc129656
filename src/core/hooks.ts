/**
 * Hooks: plugins compiled at start into one array per hook, and run. An empty hook costs a length check. Gates
 * run in the order of the configuration, the first rejection wins; a gate that throws, exceeds the time limit
 * or gives an invalid answer refuses (fail closed). A failing tap has no effect.
 */
import { parseAnswer, FAULT, type Answer } from './answers'
import { Connection } from './connection'
import { dataTooLarge, isRefusal, REFUSE, refusal, type ErrorCode, type Refusal } from './errors'
import { withTimeout } from './faults'
import { jsonOf } from './json'
import { HOOKS, type Allow, type HookName, type Hooks, type Reject, type Replace } from './plugin'
import { BLOCKED_MS, cpuMsAt, logFailure, logIfBlocked } from './plugin-faults'
import type { RefusalLog } from './refusal-log'
import type { Clock, JsonText, Log, MaybePromise } from './types'
import { viewOf } from './views'

export type HookStats = { calls: number; refusals: number; faults: number; busyMs: number }

/** One plugin's function for one hook. */
export type Hook = {
  readonly plugin: string
  /** The plugin's index in the configuration. */
  readonly index: number
  readonly name: HookName
  readonly run: (first?: unknown, second?: unknown) => unknown
  readonly locals: () => object
  readonly stats: HookStats
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

/** A refusal, an allow, or undefined: no gate objects. */
export type Verdict = Refusal | Allow | undefined

/** Runs gates that may not wait. Returns the first refusal; a fault is one. */
export function runGatesNow(
  core: HookContext,
  gates: readonly Hook[],
  first: unknown,
  second?: unknown,
): Refusal | undefined {
  for (const gate of gates) {
    const verdict = verdictOf(gate, callNow(core, gate, first, second))
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
    const answer = call(core, gate, first, second)
    if (answer instanceof Promise) {
      const rest = gates.slice(index + 1)
      return awaitVerdict(core, gate, answer).then(async (verdict) => {
        if (isRefusal(verdict)) return verdict
        return (await runGates(core, rest, first, second)) ?? verdict ?? allowed
      })
    }
    const verdict = verdictOf(gate, answer)
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
    const verdict = verdictOf(each, callNow(core, each, first, filtered))
    if (verdict === undefined) continue
    if (isRefusal(verdict)) return verdict
    const { data: given } = verdict as Replace
    const data = tryJsonOf(given)
    if (data === undefined)
      return reportFault(core, each, new Error('replaced data with no JSON value'))
    const bytes = Buffer.byteLength(typeof given === 'string' ? given : data)
    if (bytes > maxDataBytes) return dataTooLarge(`${bytes} of ${maxDataBytes} bytes`)
    filtered = { ...filtered, data }
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

/** Sends a refusal to a connection, logs it and notifies the `refused` taps. */
export function refuseAndNotify(
  core: HookContext & { readonly hooks: CompiledHooks; readonly refusalLog: RefusalLog },
  conn: Connection,
  refused: Refusal,
): void {
  conn.refuse(refused)
  const { remoteAddress, app, id: socketId } = conn
  core.refusalLog.note(refused, { remoteAddress, appId: app?.id, socketId })
  const { code, message } = refused
  if (core.hooks.refused.length > 0) notify(core, core.hooks.refused, conn, { code, message })
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
    if (typeof answer === 'object') Object.assign(headers, answer)
  }
  return headers
}

// ---------------------------------------------------------------- one call

function call({ log }: HookContext, hook: Hook, first: unknown, second: unknown): Answer {
  const { stats, run, plugin, name } = hook
  stats.calls++
  const beganMs = performance.now()
  const cpuMs = cpuMsAt(beganMs)
  try {
    return parseAnswer(name, run(first instanceof Connection ? viewOf(first, hook) : first, second))
  } catch (cause) {
    reportFault({ log }, hook, cause)
    return FAULT
  } finally {
    const ms = performance.now() - beganMs
    stats.busyMs += ms
    if (ms > BLOCKED_MS) logIfBlocked(log, { plugin, hook: name }, cpuMs)
  }
}

/** Calls a hook that may not wait: a promise is a fault. */
function callNow(
  core: HookContext,
  hook: Hook,
  first: unknown,
  second: unknown,
): Exclude<Answer, Promise<unknown>> {
  const answer = call(core, hook, first, second)
  if (!(answer instanceof Promise)) return answer
  answer.catch(() => undefined) // the fault below is the one that counts
  reportFault(core, hook, new Error(`answered with a promise, but ${hook.name} may not wait`))
  return FAULT
}

async function awaitVerdict(
  core: HookContext,
  gate: Hook,
  answer: Promise<unknown>,
): Promise<Verdict> {
  try {
    const given = await withTimeout(core.clock, core.timing.gateTimeoutMs, answer)
    return verdictOf(gate, parseAnswer(gate.name, given)) as Verdict
  } catch (cause) {
    return reportFault(core, gate, cause)
  }
}

function verdictOf(hook: Hook, answer: Answer): Refusal | Allow | Replace | undefined {
  if (answer === undefined) return undefined
  if (answer === FAULT) return faultRefusal(hook)
  const given = answer as Reject | Allow | Replace
  if (given.type !== 'reject') return given
  hook.stats.refusals++
  const { message, retryAfterSeconds } = given
  const row = HOOKS[hook.name]
  const code = retryAfterSeconds === undefined ? row.refusal : row.throttled
  return { ...refusal(code as ErrorCode, message), retryAfterSeconds }
}

function reportFault({ log }: Pick<HookContext, 'log'>, hook: Hook, cause: unknown): Refusal {
  hook.stats.faults++
  logFailure(log, { plugin: hook.plugin, hook: hook.name }, cause)
  return faultRefusal(hook)
}

const faultRefusal = ({ name }: Hook): Refusal =>
  name === 'upgrade' || name === 'connect' ? REFUSE.connectFailed : REFUSE.internal
