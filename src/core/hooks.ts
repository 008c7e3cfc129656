/**
 * Hooks: plugins compiled at start into one array per hook, and asked. An empty hook costs a length
 * check. Gates run in the order of the configuration, the first rejection wins; what throws, waits
 * past the limit or answers nonsense refuses (fail closed). A tap that fails harms nobody.
 */
import { Connection } from './connection'
import { isRefusal, REFUSE, refusal, type ErrorCode, type Refusal } from './errors'
import { jsonOf } from './json'
import {
  HOOKS,
  type Allow,
  type EventView,
  type HookName,
  type HookRow,
  type Hooks,
  type Reject,
  type Replace,
} from './plugin'
import type { Clock, Log, MaybePromise } from './types'
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
export type Asker = {
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
export function askNow(
  core: Asker,
  gates: readonly Hook[],
  first: unknown,
  second?: unknown,
): Refusal | undefined {
  begin()
  for (const gate of gates) {
    const verdict = now(core, gate, call(core, gate, first, second))
    if (verdict !== undefined) return verdict as Refusal
  }
  return undefined
}

/**
 * Asks gates that may wait, each in turn; synchronous for as long as they are. The last allow stands
 * unless somebody rejects.
 */
export function ask(
  core: Asker,
  gates: readonly Hook[],
  first: unknown,
  second?: unknown,
): MaybePromise<Verdict> {
  let allowed: Allow | undefined
  begin()
  for (let index = 0; index < gates.length; index++) {
    const gate = gates[index]!
    const answer = call(core, gate, first, second)
    if (isPromise(answer)) {
      const rest = gates.slice(index + 1)
      return settled(core, gate, answer).then(async (verdict) => {
        if (isRefusal(verdict)) return verdict
        return (await ask(core, rest, first, second)) ?? verdict ?? allowed
      })
    }
    const verdict = read(core, gate, answer)
    if (isRefusal(verdict)) return verdict
    allowed = (verdict as Allow | undefined) ?? allowed
  }
  return allowed
}

/** Passes an event through filters: each is given what the one before made of it. */
export function filter<Event extends EventView>(
  core: Asker,
  filters: readonly Hook[],
  first: unknown,
  event: Event,
  maxDataBytes: number,
): Event | Refusal {
  let filtered = event
  begin()
  for (const each of filters) {
    const verdict = now(core, each, call(core, each, first, filtered))
    if (verdict === undefined) continue
    if (isRefusal(verdict)) return verdict
    const { data: given } = verdict as Replace
    const data = jsonOf(given)
    if (data === undefined) return fault(core, each, new Error('replaced data with no JSON value'))
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

/** Tells taps. Nothing that they do is seen by anybody. */
export function tell(core: Asker, taps: readonly Hook[], first?: unknown, second?: unknown): void {
  begin()
  for (const tap of taps) {
    const answer = call(core, tap, first, second)
    if (isPromise(answer)) forbidWaiting(core, tap, answer)
  }
}

/** What each hook answers, in order; for hooks whose answers are data. Faults and promises are left out. */
export function collect<T extends object>(
  core: Asker,
  hooks: readonly Hook[],
  first: unknown,
  second: unknown,
): T[] {
  begin()
  const answers = hooks.map((hook) => {
    const answer = call(core, hook, first, second)
    if (isPromise(answer)) return forbidWaiting(core, hook, answer)
    return typeof answer === 'object' && answer !== null ? answer : undefined
  })
  return answers.filter((answer) => answer !== undefined) as T[]
}

// ---------------------------------------------------------------- one call

/** Stands for an answer that never came: the hook threw. */
const FAULT: unique symbol = Symbol('fault')

/** A hook that takes longer holds up everybody's messages. */
const BLOCKED_MS = 50

/** When the last hook ended, or its chain began: one reading of the clock (80 ns) serves two hooks. */
let mark = 0

function begin(): void {
  mark = performance.now()
}

/** Between `begin` and the next call of a chain nothing else may take time. */
function call(core: Asker, hook: Hook, first: unknown, second: unknown): unknown {
  const { stats } = hook
  stats.calls++
  try {
    return hook.run(first instanceof Connection ? viewOf(first, hook) : first, second)
  } catch (cause) {
    fault(core, hook, cause)
    return FAULT
  } finally {
    const ended = performance.now()
    const ms = ended - mark
    mark = ended
    stats.busyMs += ms
    if (ms > BLOCKED_MS) nameBlocker(core, hook, ms)
  }
}

function nameBlocker({ log }: Asker, { plugin, name }: Hook, ms: number): void {
  log.warn({ plugin, hook: name, ms: Math.round(ms) }, 'plugin blocked the event loop')
}

/** Runs what a plugin set a timer for; `log` is the plugin's own. */
export function watched(log: Log, run: () => void): void {
  const began = performance.now()
  try {
    run()
  } catch (cause) {
    log.error({ hook: 'timer', err: cause }, 'plugin failed')
  }
  const ms = performance.now() - began
  if (ms > BLOCKED_MS)
    log.warn({ hook: 'timer', ms: Math.round(ms) }, 'plugin blocked the event loop')
}

const isPromise = (answer: unknown): answer is PromiseLike<unknown> =>
  typeof answer === 'object' && answer !== null && 'then' in answer

/** The verdict of a hook that may not wait. */
function now(core: Asker, hook: Hook, answer: unknown): Refusal | Allow | Replace | undefined {
  if (!isPromise(answer)) return read(core, hook, answer)
  forbidWaiting(core, hook, answer)
  return shownFault(hook)
}

function forbidWaiting(core: Asker, hook: Hook, answer: PromiseLike<unknown>): undefined {
  answer.then(undefined, () => undefined) // the fault below is the one that counts
  fault(core, hook, new Error(`answered with a promise, but ${hook.name} may not wait`))
}

async function settled(core: Asker, gate: Hook, answer: PromiseLike<unknown>): Promise<Verdict> {
  try {
    return read(core, gate, await withinTime(answer, core)) as Verdict
  } catch (cause) {
    return fault(core, gate, cause)
  }
}

function withinTime<T>(answer: PromiseLike<T>, { clock, timing }: Asker): Promise<T> {
  const { gateTimeoutMs } = timing
  return new Promise((resolve, reject) => {
    const cancel = clock.after(gateTimeoutMs, () =>
      reject(new Error(`no answer within ${gateTimeoutMs} ms`)),
    )
    Promise.resolve(answer).then(resolve, reject).finally(cancel)
  })
}

/** What each kind of answer needs to be believed. */
const ANSWERS: Readonly<Record<string, (row: HookRow, name: HookName) => boolean>> = {
  reject: ({ refusal: code }) => code !== undefined,
  allow: (_, name) => name === 'authorize' || name === 'authenticate',
  replace: ({ kind }) => kind === 'filter',
}

function read(core: Asker, hook: Hook, answer: unknown): Refusal | Allow | Replace | undefined {
  if (answer === undefined || answer === null) return undefined
  if (answer === FAULT) return shownFault(hook)
  const given = answer as Reject | Allow | Replace
  const type = typeof given === 'object' ? String(given.type) : ''
  const row: HookRow = HOOKS[hook.name]
  if (!Object.hasOwn(ANSWERS, type) || !ANSWERS[type]!(row, hook.name))
    return fault(core, hook, new Error(`answered neither nothing nor what ${hook.name} may answer`))
  if (given.type !== 'reject') return given
  hook.stats.refusals++
  const { message, retryAfterSeconds } = given
  const code = retryAfterSeconds === undefined ? row.refusal : row.throttled
  return { ...refusal(code as ErrorCode, String(message)), retryAfterSeconds }
}

function fault({ log }: Asker, hook: Hook, cause: unknown): Refusal {
  hook.stats.faults++
  log.error({ plugin: hook.plugin, hook: hook.name, err: cause }, 'plugin failed')
  return shownFault(hook)
}

const shownFault = ({ name }: Hook): Refusal =>
  name === 'upgrade' || name === 'connect' ? REFUSE.connectFailed : REFUSE.internal
