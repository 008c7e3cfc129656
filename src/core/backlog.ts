/**
 * Backlog: what is done where a channel owes its subscribers more than it may (`maxQueuedFrames`,
 * `maxQueuedBytes`). What is published is taken, and whoever published it waits for the answer until
 * there is room again; so many may wait, and then nothing more is taken.
 *
 * The server's own news are never refused, but who causes them waits: to enter a presence channel as to
 * publish. Who leaves it was let in, and counts are told later, so that they are bounded, too.
 */
import type { App } from './app'
import { RealtimeError } from './errors'
import type { Hub } from './hub'
import type { ChannelName, MaybePromise } from './types'

/** For one channel and format; each is a request that is held, or a connection. */
export const MAX_WAITING = 1000

/** True where the channel, or the group that hears it, owes more than it may. */
export const isCrowded = (hub: Hub, app: App, channel: ChannelName): boolean =>
  hub.isCrowded && crowdedOf(hub, app, channel).length > 0

/** Answers at once, or when the channels owe no more than they may. */
export function whenRoom<Answer>(
  hub: Hub,
  app: App,
  channels: readonly ChannelName[],
  answer: () => MaybePromise<Answer>,
): MaybePromise<Answer> {
  if (!hub.isCrowded) return answer()
  const crowded = channels.flatMap((channel) => crowdedOf(hub, app, channel))
  if (crowded.length === 0) return answer()
  return Promise.all(crowded.map((audience) => audience.waitForRoom())).then(answer)
}

/** True where too many wait already. */
export const isOverrun = (hub: Hub, app: App, channel: ChannelName): boolean =>
  hub.isCrowded && crowdedOf(hub, app, channel).some(({ waiting }) => waiting >= MAX_WAITING)

/** @throws RealtimeError where too many wait already */
export function requireRoom(hub: Hub, app: App, channel: ChannelName): void {
  if (!isOverrun(hub, app, channel)) return
  throw new RealtimeError(
    'backend_rate',
    `${MAX_WAITING} events wait for channel ${channel}, whose subscribers are behind (maxQueuedFrames, maxQueuedBytes)`,
    { retryAfterSeconds: 1 },
  )
}

function crowdedOf(hub: Hub, app: App, channel: ChannelName): ReturnType<Hub['crowdedAudiences']> {
  const group = hub.groups.relayOf(app, channel)?.group
  const own = hub.crowdedAudiences(app, channel)
  return group === undefined ? own : [...own, ...hub.crowdedAudiences(app, group)]
}
