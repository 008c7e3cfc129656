/**
 * Hooks: plugins compiled at start into one array per hook, and asked. An empty hook costs a length
 * check. Gates run in the order of the configuration, the first rejection wins; what throws, waits
 * past the limit or answers nonsense refuses (fail closed). A tap that fails harms nobody.
 */
import { parseAnswer, FAULT, type Answer } from './answers'
import { Connection } from './connection'
import { isRefusal, REFUSE, refusal, type ErrorCode, type Refusal } from './errors'
import { withTimeout } from './faults'
import { jsonOf } from './json'
import {
  HOOKS,
  type Allow,
  type HookName,
  type HookRow,
  type Hooks,
  type Reject,
  type Replace,
} from './plugin'
import { BLOCKED_MS, cpuMsAt, logFailure, logIfBlocked } from './plugin-faults'
import type { RefusalLog } from './refusal-log'
import type { Clock, JsonText, Log, MaybePromise } from './types'
import { viewOf } from './views'

/** What a hook has done so far. */
export type HookStats = { calls: number; refusals: number; faults: number; busyMs: number }

/** One plugin's function for one hook. */
export type Hook = {
  readonly plugin: string
  /** The plugin's place in the configuration. */
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

/** What asking needs of core. */
export type HookContext = {
  readonly clock: Clock
  readonly log: Log
  readonly timing: {
    /** How long one gate may take before it refuses. */ readonly gateTimeoutMs: number
  }
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

/** A refusal, an allow, or nothing: nobody minds. */
export type Verdict = Refusal | Allow | undefined

/** Asks gates that may not wait: the first rejection, or what a fault is shown as. */
export function runGatesNow(
  core: HookContext,
  gates: readonly Hook[],
  first: unknown,
  second?: unknown,
): Refusal | undefined {
  for (const gate of gates) {
    const verdict = verdictOfNow(core, gate, call(core, gate, first, second))
    if (isRefusal(verdict)) return verdict
  }
  return undefined
}

/**
 * Asks gates that may wait, each in turn; synchronous for as long as they are. The last allow stands
 * unless somebody rejects. Nobody is asked about a connection that has ended.
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

/** What comes after gates: nothing where they refuse, or the connection has closed meanwhile. */
export function passGates(
  conn: Connection,
  verdict: MaybePromise<Verdict>,
  next: (allowed: Allow | undefined) => MaybePromise<Refusal | undefined>,
): MaybePromise<Refusal | undefined> {
  if (verdict instanceof Promise) return verdict.then((answer) => passGates(conn, answer, next))
  if (isRefusal(verdict)) return verdict
  return conn.closed ? undefined : next(verdict)
}

/** Passes an event through filters: each is given what the one before made of it. */
export function runFilters<Event extends { readonly data?: JsonText }>(
  core: HookContext,
  filters: readonly Hook[],
  first: unknown,
  event: Event,
  maxDataBytes: number,
): Event | Refusal {
  let filtered = event
  for (const each of filters) {
    const verdict = verdictOfNow(core, each, call(core, each, first, filtered))
    if (verdict === undefined) continue
    if (isRefusal(verdict)) return verdict
    const { data: given } = verdict as Replace
    const data = tryJsonOf(given)
    if (data === undefined)
      return reportFault(core, each, new Error('replaced data with no JSON value'))
    const bytes = Buffer.byteLength(typeof given === 'string' ? given : data)
    if (bytes > maxDataBytes)
      return refusal(
        'data_too_large',
        `The data content of this event exceeds the allowed maximum (${bytes} of ${maxDataBytes} bytes)`,
      )
    filtered = { ...filtered, data }
  }
  return filtered
}

/** Undefined for what has no JSON: a BigInt, a `toJSON` that throws. */
function tryJsonOf(value: unknown): JsonText | undefined {
  try {
    return jsonOf(value)
  } catch {
    return undefined // TypeError, or the plugin's own
  }
}

/** Tells taps. Nothing that they do is seen by anybody. */
export function notify(
  core: HookContext,
  taps: readonly Hook[],
  first?: unknown,
  second?: unknown,
): void {
  for (const tap of taps) {
    const answer = call(core, tap, first, second)
    if (answer instanceof Promise) forbidWaiting(core, tap, answer)
  }
}

/** Refuses a connection something, or its stay, and tells the log and the taps that hear of refusals. */
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

/** What `response` hooks add: names and values that a header may have. Whatever else they answer is a fault. */
export function collectHeaders(
  core: HookContext,
  hooks: readonly Hook[],
  first: unknown,
  second: unknown,
): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const hook of hooks) {
    const answer = call(core, hook, first, second)
    if (answer instanceof Promise) forbidWaiting(core, hook, answer)
    else if (typeof answer === 'object') Object.assign(headers, answer)
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

/** The verdict of a hook that may not wait. */
function verdictOfNow(
  core: HookContext,
  hook: Hook,
  answer: Answer,
): Refusal | Allow | Replace | undefined {
  if (!(answer instanceof Promise)) return verdictOf(hook, answer)
  forbidWaiting(core, hook, answer)
  return faultRefusal(hook)
}

function forbidWaiting(core: HookContext, hook: Hook, answer: Promise<unknown>): void {
  answer.catch(() => undefined) // the fault below is the one that counts
  reportFault(core, hook, new Error(`answered with a promise, but ${hook.name} may not wait`))
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
  const row: HookRow = HOOKS[hook.name]
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
