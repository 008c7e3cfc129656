/**
 * Hooks: a plugin's chances to say no. Plugins are compiled at start into one array per hook; an
 * empty hook costs a length check. Gates run in the order of the configuration, the first
 * rejection wins, a throw or a wait past the limit refuses (fail closed).
 */
import { REFUSE, refusal, type ErrorCode, type Refusal } from './errors'
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

export type GateRules = {
  readonly clock: Clock
  readonly log: Log
  /** How long one gate may take before it refuses. */
  readonly timeoutMs: number
  readonly refusalCode: ErrorCode
}

type Verdict = Reject | Allow | void

/**
 * Asks each gate in turn; synchronous for as long as they are. The last allow stands unless
 * somebody rejects.
 */
export function runGates(
  gates: readonly { plugin: string; ask: () => MaybePromise<Verdict> }[],
  rules: GateRules,
): MaybePromise<Refusal | Allow | undefined> {
  let allowed: Allow | undefined
  for (let index = 0; index < gates.length; index++) {
    const verdict = askGate(gates[index]!, rules)
    if (verdict instanceof Promise) return continueGates(gates, index, verdict, allowed, rules)
    if (isNo(verdict)) return verdict
    if (verdict) allowed = verdict
  }
  return allowed
}

async function continueGates(
  gates: readonly { plugin: string; ask: () => MaybePromise<Verdict> }[],
  index: number,
  pending: Promise<Refusal | Allow | undefined>,
  before: Allow | undefined,
  rules: GateRules,
): Promise<Refusal | Allow | undefined> {
  const verdict = await pending
  if (isNo(verdict)) return verdict
  const rest = await runGates(gates.slice(index + 1), rules)
  return rest ?? verdict ?? before
}

function isNo(verdict: Refusal | Allow | undefined): verdict is Refusal {
  return verdict !== undefined && 'code' in verdict
}

function askGate(
  gate: { plugin: string; ask: () => MaybePromise<Verdict> },
  rules: GateRules,
): MaybePromise<Refusal | Allow | undefined> {
  const fault = (cause: unknown): Refusal => {
    rules.log.error({ plugin: gate.plugin, err: cause }, 'plugin failed; refused')
    return REFUSE.internal
  }
  const read = (verdict: Verdict): Refusal | Allow | undefined => {
    if (verdict === undefined) return undefined
    if (verdict.type === 'allow') return verdict
    return refusal(rules.refusalCode, verdict.message)
  }
  try {
    const answer = gate.ask()
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
