/**
 * Backlog: what happens where a channel owes its subscribers more than it may (`maxQueuedFrames`,
 * `maxQueuedBytes`): it is crowded. Events are still accepted, but their publishers wait for the answer until
 * there is room; at most `MAX_WAITING` of them, then events are refused.
 *
 * Presence events are never refused: joining a crowded presence channel waits as publishing does, which
 * bounds leaving, too. Subscription counts are sent less often.
 */
import type { App } from './app'
import { RealtimeError } from './errors'
import type { Hub } from './hub'
import type { MaybePromise } from './maybe-promise'
import type { ChannelName } from './types'

/** Waiting requests and connections of one channel and format. */
export const MAX_WAITING = 1000

/** True where the channel, or its group, is crowded. */
export const isCrowded = (hub: Hub, app: App, channel: ChannelName): boolean =>
  hub.isCrowded && crowdedOf(hub, app, channel).length > 0

/** Answers at once, or when none of the channels is crowded any more. */
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

/** True where the most publishers wait already. */
export const isOverrun = (hub: Hub, app: App, channel: ChannelName): boolean =>
  hub.isCrowded && crowdedOf(hub, app, channel).some(({ waiting }) => waiting >= MAX_WAITING)

/** @throws RealtimeError('backend_rate') where the most publishers wait already */
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
