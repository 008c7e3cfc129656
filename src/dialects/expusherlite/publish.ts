/** Publishes to scopes, for ExPusherLite's backends. Spec: phoenix contract 2.2, 4.2. */
import type { App } from '../../core/app'
import { requireRoom } from '../../core/backlog'
import type { Core } from '../../core/core'
import { jsonText } from '../../core/json'
import { checkData, checkName, checkRate, publishEvent, filterEvent } from '../../core/publish'
import type { BackendPublication } from '../../core/messages'
import type { ChannelName } from '../../core/types'
import { isReservedByPusher } from '../../protocols/event-names'
import { channelOfScope, scopeChannel } from './scopes'

export type ScopeRequest = {
  /** `public`, `private` or anything else without a colon. */
  readonly scope: string
  /** A channel of the scope, as the backend wrote it; undefined for the whole scope. */
  readonly topic: string | undefined
  readonly event: string
  /** As subscribers get it. */
  readonly data: string
}

/**
 * Publishes to the members of a scope, under `topic:event`, and to the channel that the topic names.
 * Without a topic to the members only, under the event's own name. Returns the channels that were reached.
 * @throws RealtimeError for the first mistake
 */
export function publishToScope(
  core: Core,
  app: App,
  request: ScopeRequest,
): readonly ChannelName[] {
  const { scope, topic, event, data: text } = request
  checkName(app, event, isReservedByPusher)
  checkData(app, text)
  const group = scopeChannel(`${scope}:${app.record.slug}`)
  const channel = topic === undefined ? undefined : channelOfScope(scope, topic)
  const reached = channel ? [channel, group] : [group]
  for (const each of reached) requireRoom(core.hub, app, each)
  checkRate(core, app, 1)
  const rest = { app, data: jsonText(text), sender: undefined, except: undefined }
  const original: BackendPublication = { ...rest, type: 'event', channel: channel ?? group, event }
  const publication = filterEvent(core, original)
  core.counters.publications++
  const name = topic === undefined ? event : `${topic}:${event}`
  core.broker.publish({ ...publication, channel: group, event: name })
  if (channel) publishEvent(core, publication)
  return reached
}
