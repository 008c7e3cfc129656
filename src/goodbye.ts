/**
 * The goodbye: a server that leaves refuses newcomers, spreads the closing of its sockets over a time, lets requests
 * finish, and stops. Where another process serves by then, it tells that one when it is done.
 */
import type { Config } from './config/config'
import type { Core } from './core/core'
import { dismissPolled, drain, shed } from './core/drain'
import type { LiveFeed } from './http/live-feed'
import type { Entrance } from './entrance'
import type { Ports } from './ports'
import type { Successor } from './takeover/door'
import {
  countWaiting,
  steerAway,
  steerNowhere,
  steerTo,
  type Move,
  type Rank,
} from './takeover/steering'
import type { Webhooks } from './webhooks/webhooks'

/** How long the last frames, goodbyes included, may take to reach their clients. */
const GOODBYE_MS = 1000
/** How long a server listens on whose port another one shares, which gets all new connections. */
const HANDSHAKE_MS = 1000
/** How long a leaving server waits for requests in flight, webhook requests among them. */
const REQUEST_GRACE_MS = 5000
/** The longest that leaving takes beside the drain, which has a setting; what stops us must wait for both. */
export const LEAVE_MS = GOODBYE_MS + REQUEST_GRACE_MS

/** How long the last clients may take to come back to another node; no longer than the rest may take. */
const returnMsOf = ({ webhookSettleMs }: Config): number => Math.min(webhookSettleMs, LEAVE_MS)

export type GoodbyeParts = {
  readonly core: Core
  readonly config: Config
  readonly feed: LiveFeed
  readonly webhooks: Webhooks
  readonly ports: Ports
  readonly entrance: Entrance
  /** Stops what is left. */
  readonly end: () => Promise<void>
}

/** Leaves; `successor` is the process that serves now, if any. With a rank other workers serve on the same ports. */
export async function leave(
  parts: GoodbyeParts,
  successor: Successor | undefined,
  rank?: Rank,
): Promise<void> {
  const { core, config, feed, webhooks, ports, entrance, end } = parts
  const others = successor ?? (rank && { isSteered: steerAway(ports.numbers, rank) })
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => core.clock.after(ms, resolve))
  let resets = 0
  const stopListening = (): Promise<unknown> => {
    if (others) resets += countWaiting(ports.numbers)
    return ports.close(false)
  }
  if (!entrance.hasMoved) entrance.retire()
  if (others && !others.isSteered) void stopListening()
  if (others) dismissPolled(core)
  // Handshakes of this side may be under way.
  const accepted = others?.isSteered ? wait(HANDSHAKE_MS) : undefined
  const connections = await drain(core, config.drainSeconds * 1000)
  // The others are to see them come before this node's part in Redis ends.
  const back = connections > 0 && core.engine.isShared ? wait(returnMsOf(config)) : undefined
  if (connections > 0) await wait(GOODBYE_MS)
  await accepted
  feed.finish()
  const requests = Promise.all([stopListening(), webhooks.finish()])
  await Promise.race([requests, wait(REQUEST_GRACE_MS)])
  await back
  successor?.sayDrained(resets)
  await end()
}

/**
 * Sends connections to a worker that has none yet; done when they are closed, and had the time to come back. Without,
 * new connections are for all workers again.
 */
export async function place(
  { core, config, ports }: Pick<GoodbyeParts, 'core' | 'config' | 'ports'>,
  move: Move | undefined,
): Promise<void> {
  if (!move) return steerNowhere(ports.numbers)
  if (!steerTo(ports.numbers, move.to)) return
  const connections = await shed(core, move.share, config.drainSeconds * 1000)
  core.log.info({ connections }, 'has sent connections to another worker')
  await new Promise<void>((resolve) => core.clock.after(GOODBYE_MS, resolve))
}
