/**
 * Channel budget: how fast a connection may enter channels that nobody is in. Each is news to the app's
 * webhooks, and so is its end: two rows of the outbox for as long as an endpoint does not take them.
 */
import { fullBucket, take } from './bucket'
import type { Connection } from './connection'
import type { Core } from './core'
import { refusal, type Refusal } from './errors'
import type { SubscribeCommand } from './messages'

/** Asked last: a subscribe that is refused for something else makes no channel. */
export function overChannelBudget(
  { clock, limits, presence }: Core,
  conn: Connection,
  { app, channel }: SubscribeCommand,
): Refusal | undefined {
  if (presence.subscriptionCount(app, channel) > 0) return undefined
  const { maxNewChannelsPerSecond: perSecond, maxNewChannelsAtOnce } = limits
  // Whoever may hold more channels comes back to all of them at once.
  const burst = Math.max(maxNewChannelsAtOnce, limits.maxChannelsPerConnection)
  const rate = { perSecond, burst }
  const now = clock.mono()
  const bucket = (conn.channelBucket ??= fullBucket(rate, now))
  const waitSeconds = take(bucket, rate, 1, now)
  if (waitSeconds === 0) return undefined
  const message = `Channels that nobody is in are entered too often: ${burst} at once and ${perSecond} a second are the limits (maxNewChannelsAtOnce, maxNewChannelsPerSecond)`
  return { ...refusal('too_often', message), retryAfterSeconds: Math.ceil(waitSeconds) }
}
