/**
 * Hooks of connections: limits how often an address may open one, and what each may send. Refusals of this
 * plugin are not counted by `refused`: a connection over a limit would never get out of it.
 */
import {
  clientOf,
  fullBucket,
  take,
  waitFor,
  type Bucket,
  type ConnectionView,
  type Hooks,
  type PluginContext,
  type Reject,
} from 'carillon/plugin'
import { NAME, refuse, type ConnectionLimit, type Rule, type RuleBook } from './limits'
import type { Take } from './store'

/** A connection's buckets. An absent one is full. */
export type Locals = { [Name in ConnectionLimit]: Bucket | undefined }

export const createLocals = (): Locals => ({
  frames: undefined,
  clientEvents: undefined,
  subscribes: undefined,
  refused: undefined,
})

type ConnectionHooks = Pick<Hooks<Locals>, 'frame' | 'subscribe' | 'clientEvent' | 'refused'>

export function connectionHooks({ clock }: PluginContext, book: RuleBook): ConnectionHooks {
  const spend = (locals: Locals, name: ConnectionLimit, { rate }: Rule, cost: number): number => {
    const now = clock.mono()
    const bucket = (locals[name] ??= fullBucket(rate, now))
    return cost === 0 ? waitFor(bucket, rate, 1, now) : take(bucket, rate, cost, now)
  }
  const check = (
    conn: ConnectionView<Locals>,
    name: ConnectionLimit,
    cost = 1,
    app = conn.app,
  ): Reject | undefined => {
    const rule = book.of(app)[name]
    if (!rule) return undefined
    const waitSeconds = spend(conn.locals, name, rule, cost)
    return waitSeconds > 0 ? refuse(rule, waitSeconds) : undefined
  }
  const checkRefusals = (conn: ConnectionView<Locals>): Reject | undefined =>
    conn.locals.refused && check(conn, 'refused', 0)
  return {
    frame: (conn) => checkRefusals(conn) ?? check(conn, 'frames'),
    // Checked again: a subscribe may have waited behind another plugin since it was counted as a frame.
    // On Phoenix sockets only the join may name the app.
    subscribe: (conn, { app }) => checkRefusals(conn) ?? check(conn, 'subscribes', 1, app),
    clientEvent: (conn) => check(conn, 'clientEvents'),
    refused: ({ app, locals }, { plugin }) => {
      const rule = book.of(app).refused
      if (rule && plugin !== NAME) spend(locals, 'refused', rule, 1)
    },
  }
}

type UpgradeOptions = {
  readonly rule: Rule | undefined
  readonly take: Take
  readonly isExempt: (address: string) => boolean
}

export function upgradeGate({
  rule,
  take: spend,
  isExempt,
}: UpgradeOptions): NonNullable<Hooks<Locals>['upgrade']> {
  return ({ remoteAddress }) => {
    if (!rule || isExempt(remoteAddress)) return undefined
    const key = `${rule.name} ${clientOf(remoteAddress)}`
    const { waitSeconds } = spend(key, rule.rate, 1)
    return waitSeconds > 0 ? refuse(rule, waitSeconds) : undefined
  }
}
