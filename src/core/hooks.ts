/**
 * Hooks: plugins compiled at start into one array per hook, and run. An empty hook costs a length check. Gates
 * run in the order of the configuration, the first rejection wins; a gate that throws, exceeds the time limit
 * or gives an invalid answer refuses (fail closed). A failing tap has no effect.
 */
import type { App } from './app'
import { isThenable, parseAnswer, type Allowed, type Answer } from './plugin-answers'
import { Connection } from './connection'
import type { Tallies } from './counters'
import { dataTooLarge, isRefusal, REFUSE, type Refusal } from './errors'
import { withTimeout } from './faults'
import type { Facts } from './facts'
import { jsonOf } from './json'
import type { Command } from './messages'
import { HOOKS, type HookName, type Hooks, type Replace, type WaitingFilter } from './plugin'
import { cpuMsAt, endLongCall, logFailure, LONG_MS, runWatched, watchWait } from './plugin-faults'
import type { RefusalLog } from './refusal-log'
import { noteSocketRefusal, subjectOf } from './refusals'
import type { MaybePromise } from './maybe-promise'
import type { ChannelName, Clock, JsonText, Log } from './types'
import { EventReader, giveUp, viewOf } from './views'

/** One plugin's function for one hook. */
export type Hook = {
  readonly plugin: string
  /** The plugin's index in the configuration. */
  readonly index: number
  readonly name: HookName
  readonly run: (first?: unknown, second?: unknown) => unknown
  readonly locals: () => object
  /** True for a filter that its plugin has declared to wait. */
  readonly mayWait: boolean
  readonly stats: { calls: number; refusals: number; faults: number; busyMs: number }
}

export type CompiledHooks = { readonly [Name in HookName]: readonly Hook[] }

/** A plugin that was set up. */
export type PluginHooks = {
  readonly name: string
  readonly locals: () => object
  /** The filters that it has declared to wait. */
  readonly waits: readonly WaitingFilter[]
  readonly hooks: Hooks<never, WaitingFilter>
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
  for (const [index, { name: plugin, locals, waits, hooks }] of plugins.entries()) {
    for (const [name, run] of Object.entries(hooks)) {
      const row = Object.hasOwn(compiled, name) ? compiled[name] : undefined
      if (!row)
        throw new Error(`plugin ${plugin}: there is no hook ${name}; there are ${names.join(', ')}`)
      if (typeof run !== 'function')
        throw new Error(`plugin ${plugin}: hook ${name} is no function`)
      row.push({
        plugin,
        index,
        name: name as HookName,
        run: run as Hook['run'],
        locals,
        mayWait: waits.some((filter) => filter === name),
        stats: { calls: 0, refusals: 0, faults: 0, busyMs: 0 },
      })
    }
  }
  return compiled as unknown as CompiledHooks
}

/** Undefined where no gate objects. */
export type Verdict = Refusal | Allowed | undefined

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
  let allowed: Allowed | undefined
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
    allowed = (verdict as Allowed | undefined) ?? allowed
  }
  return allowed
}

/** Continues with `next`, unless the gates refuse or the connection has closed meanwhile. */
export function passGates(
  conn: Connection,
  verdict: MaybePromise<Verdict>,
  next: (allowed: Allowed | undefined) => MaybePromise<Refusal | undefined>,
): MaybePromise<Refusal | undefined> {
  if (verdict instanceof Promise) return verdict.then((answer) => passGates(conn, answer, next))
  if (isRefusal(verdict)) return verdict
  return conn.closed ? undefined : next(verdict)
}

/** Events of one app that may wait for plugins. Past it they are refused: whoever asks elsewhere is overrun. */
const MAX_WAITING = 1000

/** How many events of each app wait. */
const waiting = new WeakMap<App, number>()

/** Runs what follows a wait; a plugin that publishes knows by it that it is still inside of its own call. */
export type Resume = <Result>(run: () => Result) => Result

export const runAtOnce: Resume = (run) => run()

/**
 * Passes an event through filters, each given the result of the one before. A promise only where a plugin waits
 * that has declared it; stops where the connection has closed meanwhile.
 */
export function runFilters(
  core: HookContext,
  filters: readonly Hook[],
  app: App,
  first: unknown,
  event: EventReader,
  resume: Resume = runAtOnce,
): MaybePromise<EventReader | Refusal> {
  let filtered = event
  for (let index = 0; index < filters.length; index++) {
    const filter = filters[index]!
    if (filter.mayWait && (waiting.get(app) ?? 0) >= MAX_WAITING) return REFUSE.tooManyWait
    const verdict = filter.mayWait
      ? call(core, filter, first, filtered)
      : callNow(core, filter, first, filtered)
    if (verdict instanceof Promise) {
      const rest = filters.slice(index + 1)
      const wait = { filter, answer: verdict, rest, app, first, event: filtered, resume }
      return filterLater(core, wait)
    }
    const next = applyVerdict(core, filter, app, filtered, verdict)
    if (isRefusal(next)) return next
    filtered = next
  }
  return filtered
}

/** A filter that has not answered, and those that are asked after it. */
type FilterWait = {
  readonly filter: Hook
  readonly answer: Promise<unknown>
  readonly rest: readonly Hook[]
  readonly app: App
  readonly first: unknown
  readonly event: EventReader
  readonly resume: Resume
}

async function filterLater(
  core: HookContext,
  { filter, answer, rest, app, first, event, resume }: FilterWait,
): Promise<EventReader | Refusal> {
  waiting.set(app, (waiting.get(app) ?? 0) + 1)
  let verdict: Verdict
  try {
    verdict = await awaitVerdict(core, filter, answer, event)
  } finally {
    waiting.set(app, waiting.get(app)! - 1)
  }
  if (first instanceof Connection && first.closed) return event
  const next = applyVerdict(core, filter, app, event, verdict)
  if (isRefusal(next)) return next
  return resume(() => runFilters(core, rest, app, first, next, resume))
}

/** The event as the filter leaves it. */
function applyVerdict(
  core: HookContext,
  filter: Hook,
  { limits: { maxEventDataBytes: most } }: App,
  event: EventReader,
  verdict: Answer,
): EventReader | Refusal {
  if (verdict === undefined || isRefusal(verdict)) return verdict ?? event
  const { data: given } = verdict as Replace
  const data = writeJson(core, filter, given)
  if (data === undefined)
    return reportFault(core, filter, new Error('replaced data with no JSON value'))
  const bytes = Buffer.byteLength(typeof given === 'string' ? given : data)
  if (bytes > most) return { ...dataTooLarge(`${bytes} of ${most} bytes`), plugin: filter.plugin }
  return event.replaceData(data)
}

/** Undefined for a value without JSON: a BigInt, a `toJSON` that throws. A long one is the plugin's time. */
function writeJson({ log }: HookContext, filter: Hook, value: unknown): JsonText | undefined {
  const { plugin, name, stats } = filter
  try {
    return runWatched(log, { plugin, hook: name }, () => jsonOf(value), stats)
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
  readonly groups: { nameOf(channel: ChannelName): string }
  readonly refusalLog: RefusalLog
  readonly facts: Facts
  readonly tallies: Tallies
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
  if (core.hooks.refused.length > 0) notifyTaps(core, conn, refused, command)
}

function notifyTaps(
  core: RefusalContext,
  conn: Connection,
  refused: Refusal,
  command: Command | undefined,
): void {
  const { code, message, plugin } = refused
  const { channel: name, event } = subjectOf(refused, command)
  const channel = name === undefined ? undefined : core.groups.nameOf(name as ChannelName)
  notify(core, core.hooks.refused, conn, Object.freeze({ code, message, channel, event, plugin }))
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
    new Error(`answered with a promise, but ${hook.name} may not wait${remedyFor(hook)}`),
  )
}

const remedyFor = ({ name }: Hook): string =>
  HOOKS[name].waits === 'declared' ? ` where the plugin's waits does not name it` : ''

async function awaitVerdict(
  core: HookContext,
  gate: Hook,
  answer: Promise<unknown>,
  question: unknown,
): Promise<Verdict> {
  const { plugin, name } = gate
  try {
    const inTime = withTimeout(core.clock, core.timing.gateTimeoutMs, answer)
    const verdict = inTime.then((given) => answerOf(gate, given) as Verdict) // its getters are the plugin's
    return await watchWait(core, { plugin, hook: name }, verdict)
  } catch (cause) {
    giveUp(question, cause)
    return reportFault(core, gate, cause)
  }
}

/** Counts a rejection. @throws TypeError for an answer that the hook may not give */
function answerOf(hook: Hook, given: unknown): Answer {
  const answer = parseAnswer(hook.name, given)
  if (!isRefusal(answer)) return answer
  hook.stats.refusals++
  return { ...answer, plugin: hook.plugin }
}

function reportFault({ log }: Pick<HookContext, 'log'>, hook: Hook, cause: unknown): Refusal {
  hook.stats.faults++
  const { plugin, name } = hook
  logFailure(log, { plugin, hook: name }, cause)
  const refused = name === 'upgrade' || name === 'connect' ? REFUSE.connectFailed : REFUSE.internal
  return { ...refused, plugin }
}
