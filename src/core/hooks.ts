/**
 * Hooks: a plugin's chances to say no. Plugins are compiled at start into one array per hook; an
 * empty hook costs a length check. Gates run in the order of the configuration, the first
 * rejection wins, a throw or a wait past the limit refuses (fail closed).
 */
import { isRefusal, REFUSE, refusal, type ErrorCode, type Refusal } from './errors'
import type { ChannelName, Clock, JsonText, Log, MaybePromise, SocketId, UserId } from './types'

export type ConnectionView = { readonly socketId: SocketId; readonly appId: string | undefined }

export type ConnectRequest = {
  readonly headers: Headers
  readonly url: string
  readonly remoteAddress: string
}

export type SubscribeRequest = {
  readonly channel: ChannelName
  readonly auth: string | undefined
  readonly channelData: string | undefined
}

export type ClientEventView = {
  readonly channel: ChannelName
  readonly event: string
  readonly data: JsonText
  readonly userId: UserId | undefined
}

export type PublishView = {
  readonly appId: string
  readonly channel: ChannelName
  readonly event: string
  readonly data: JsonText
}

export type Reject = { readonly type: 'reject'; readonly message: string }
/** Stands in for the signature; `channelData` says who the subscriber is on a presence channel. */
export type Allow = { readonly type: 'allow'; readonly channelData: string | undefined }

/** Every hook, with its kind in its type: only those that return a promise may wait. */
export type Hooks = {
  connect(conn: ConnectionView, request: ConnectRequest): MaybePromise<Reject | void>
  authorize(conn: ConnectionView, request: SubscribeRequest): MaybePromise<Reject | Allow | void>
  clientEvent(conn: ConnectionView, event: ClientEventView): Reject | void
  publish(publication: PublishView): Reject | void
}

/** `satisfies` makes a hook without a row here a compile error. */
const HOOK_NAMES = Object.keys({
  connect: true,
  authorize: true,
  clientEvent: true,
  publish: true,
} satisfies Record<keyof Hooks, true>) as (keyof Hooks)[]

export type Plugin = { readonly name: string } & { readonly [Name in keyof Hooks]?: Hooks[Name] }

type Hook<Name extends keyof Hooks> = { readonly plugin: string; readonly run: Hooks[Name] }
export type CompiledHooks = { readonly [Name in keyof Hooks]: readonly Hook<Name>[] }

/** @throws Error for a hook that does not exist, or a plugin that is listed twice */
export function compileHooks(plugins: readonly Plugin[]): CompiledHooks {
  const compiled = Object.fromEntries(HOOK_NAMES.map((name) => [name, []])) as unknown as Record<
    string,
    Hook<keyof Hooks>[]
  >
  const names = new Set<string>()
  for (const { name, ...hooks } of plugins) {
    if (names.has(name)) throw new Error(`plugin ${name} is listed twice`)
    names.add(name)
    for (const [hook, run] of Object.entries(hooks)) {
      const row = Object.hasOwn(compiled, hook) ? compiled[hook] : undefined
      if (!row)
        throw new Error(
          `plugin ${name}: there is no hook ${hook}; there are ${HOOK_NAMES.join(', ')}`,
        )
      row.push({ plugin: name, run })
    }
  }
  return compiled as unknown as CompiledHooks
}

/** Asks hooks that may not wait: the first rejection, or `internal` where one fails. */
export function runChecks<Run>(
  checks: readonly Gate<Run>[],
  ask: (run: Run) => Reject | void,
  log: Log,
  refusalCode: ErrorCode,
): Refusal | undefined {
  for (const { plugin, run } of checks) {
    try {
      const no = ask(run)
      if (no) return refusal(refusalCode, no.message)
    } catch (cause) {
      log.error({ plugin, err: cause }, 'plugin failed; refused')
      return REFUSE.internal
    }
  }
  return undefined
}

export type GateRules = {
  readonly clock: Clock
  readonly log: Log
  /** How long one gate may take before it refuses. */
  readonly timeoutMs: number
  /** The code of a rejection. */
  readonly refusalCode: ErrorCode
}

type Gate<Run> = { readonly plugin: string; readonly run: Run }
type Ask<Run> = (run: Run) => MaybePromise<Reject | Allow | void>
/** A refusal, an allow, or nothing: nobody minds. */
export type Verdict = Refusal | Allow | undefined

/**
 * Asks each gate in turn; synchronous for as long as they are. The last allow stands unless
 * somebody rejects.
 */
export function runGates<Run>(
  gates: readonly Gate<Run>[],
  ask: Ask<Run>,
  rules: GateRules,
): MaybePromise<Verdict> {
  let allowed: Allow | undefined
  for (let index = 0; index < gates.length; index++) {
    const verdict = askGate(gates[index]!, ask, rules)
    if (verdict instanceof Promise) {
      const rest = gates.slice(index + 1)
      return verdict.then(async (settled) => {
        if (settled && isRefusal(settled)) return settled
        return (await runGates(rest, ask, rules)) ?? settled ?? allowed
      })
    }
    if (verdict && isRefusal(verdict)) return verdict
    allowed = verdict ?? allowed
  }
  return allowed
}

function askGate<Run>(
  { plugin, run }: Gate<Run>,
  ask: Ask<Run>,
  rules: GateRules,
): MaybePromise<Verdict> {
  const fault = (cause: unknown): Refusal => {
    rules.log.error({ plugin, err: cause }, 'plugin failed; refused')
    return REFUSE.internal
  }
  const read = (answer: Reject | Allow | void): Verdict => {
    if (!answer) return undefined
    return answer.type === 'reject' ? refusal(rules.refusalCode, answer.message) : answer
  }
  try {
    const answer = ask(run)
    if (!(answer instanceof Promise)) return read(answer)
    return withinTime(answer, rules).then(read).catch(fault)
  } catch (cause) {
    return fault(cause)
  }
}

function withinTime<T>(answer: Promise<T>, { clock, timeoutMs }: GateRules): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () =>
      reject(new Error(`no answer within ${timeoutMs} ms`)),
    )
    answer.then(resolve, reject).finally(cancel)
  })
}
