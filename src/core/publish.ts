/**
 * Publish: events that a backend triggers. Everything is checked before anything is published, so a
 * refused request publishes nothing. Limits and texts: contract 2.3, 6.4, 6.5.
 */
import type { App } from './app'
import { mustNotOverrun } from './backlog'
import { channelKind, parseChannelName, scopeChannel, topicOf } from './channel'
import type { Core } from './core'
import { isRefusal, quoted, RealtimeError, raise } from './errors'
import { isReservedByPusher } from './event-names'
import { filter } from './hooks'
import { isLonger, jsonOf, jsonText, MAX_LEVELS } from './json'
import type { Slice } from './json-scan'
import type { BackendPublication } from './messages'
import { channelOfScope, toScope } from './scopes'
import type { ChannelName, SocketId } from './types'
import { appView } from './views'

/** One event as a backend asked for it; the types have been checked, nothing else. */
export type EventRequest = {
  readonly name: string
  /** The text that subscribers get, unchanged. */
  readonly data: string
  readonly channels: readonly string[]
  /** The connection to leave out; undefined or empty for nobody. */
  readonly socketId: string | undefined
}

/** What the APIs differ in. */
export type Api = {
  /** @throws RealtimeError for what is no name of a channel */
  readonly channelOf: (app: App, raw: string) => ChannelName
  /** An event must have a name. */
  readonly namesEvents: boolean
}

const PUSHER: Api = { channelOf: pusherChannel, namesEvents: true }

/**
 * Publishes all events, in order, or none. Returns the channels of each event, duplicates removed.
 * @throws RealtimeError for the first thing that is wrong
 */
export function publish(
  core: Core,
  app: App,
  requests: readonly EventRequest[],
  api: Api = PUSHER,
): ChannelName[][] {
  let accepted = requests.map((request) => check(app, request, api))
  if (core.hub.isCrowded)
    for (const { channel } of accepted.flat()) mustNotOverrun(core.hub, app, channel)
  if (app.limits.maxBackendEventsPerSecond > 0) checkRate(core, app, accepted.flat().length)
  if (core.hooks.publish.length > 0)
    accepted = accepted.map((publications) => publications.map((each) => filtered(core, each)))
  for (const publications of accepted) {
    core.counters.publications += publications.length
    for (const publication of publications) {
      if (channelKind(publication.channel).cache) core.cache.put(publication, core.clock.mono())
      core.broker.publish(publication)
      const bridged = toScope(core.hub, publication)
      if (bridged) core.broker.publish(bridged)
    }
  }
  return accepted.map((publications) => publications.map(({ channel }) => channel))
}

/** One event as ExPusherLite's backends ask for it. */
export type ScopeRequest = {
  /** `public`, `private` or anything else without a colon. */
  readonly scope: string
  /** A channel within the scope, as the backend wrote it; undefined for all who are in the scope. */
  readonly topic: string | undefined
  readonly event: string
  /** As subscribers get it. */
  readonly data: string
}

/**
 * Publishes to the members of a scope, under `topic:event`, and to the channel that the topic names.
 * Without a topic to the members only, under the event's own name. Returns what was reached.
 * @throws RealtimeError for the first thing that is wrong
 */
export function publishToScope(
  core: Core,
  app: App,
  request: ScopeRequest,
): readonly ChannelName[] {
  const { scope, topic, event, data: text } = request
  checkName(app, event)
  checkData(app, text)
  const group = scopeChannel(`${scope}:${app.record.slug}`)
  const channel = topic === undefined ? undefined : channelOfScope(scope, topic)
  const reached = channel ? [channel, group] : [group]
  for (const each of reached) mustNotOverrun(core.hub, app, each)
  if (app.limits.maxBackendEventsPerSecond > 0) checkRate(core, app, 1)
  const rest = { app, data: jsonText(text), sender: undefined, except: undefined }
  const asked: BackendPublication = { ...rest, type: 'event', channel: channel ?? group, event }
  const { data } = core.hooks.publish.length > 0 ? filtered(core, asked) : asked
  core.counters.publications++
  const name = topic === undefined ? event : `${topic}:${event}`
  core.broker.publish({ ...asked, channel: group, event: name, data })
  if (!channel) return reached
  const publication = { ...asked, data }
  if (channelKind(channel).cache) core.cache.put(publication, core.clock.mono())
  core.broker.publish(publication)
  return reached
}

function check(
  app: App,
  { name, data, channels, socketId }: EventRequest,
  { channelOf, namesEvents }: Api,
): BackendPublication[] {
  if (namesEvents || name !== '') checkName(app, name)
  checkData(app, data)
  const except = parseSocketId(socketId)
  if (channels.length === 0)
    throw new RealtimeError('request_invalid', 'Expected at least one channel')
  if (channels.length > app.limits.maxChannelsPerTrigger)
    throw tooManyChannels(app, channels.length)
  const text = jsonText(data)
  const distinct = channels.length === 1 ? channels : Array.from(new Set(channels))
  return distinct.map((raw): BackendPublication => {
    const channel = channelOf(app, raw)
    return { type: 'event', app, channel, event: name, data: text, sender: undefined, except }
  })
}

export const tooManyChannels = ({ limits }: App, count: number): RealtimeError =>
  new RealtimeError(
    'request_invalid',
    `${count} channels exceed the limit of ${limits.maxChannelsPerTrigger} (maxChannelsPerTrigger)`,
  )

function pusherChannel(app: App, raw: string): ChannelName {
  const channel = parseChannelName(raw, app.limits)
  return typeof channel === 'string' ? channel : raise(channel)
}

function checkName(app: App, name: string): void {
  const { maxEventNameChars } = app.limits
  if (name === '') throw new RealtimeError('event_invalid', 'Event name must not be empty')
  if (name.length > maxEventNameChars)
    throw new RealtimeError(
      'event_invalid',
      `Event name of ${name.length} characters exceeds the limit of ${maxEventNameChars} (maxEventNameChars)`,
    )
  if (isReservedByPusher(name))
    throw new RealtimeError(
      'event_reserved',
      `Event name '${quoted(name)}' is reserved for the server`,
    )
}

/** @throws RealtimeError('data_too_large') */
export function checkData({ limits: { maxEventDataBytes: most } }: App, data: string): void {
  const bytes = Buffer.byteLength(data)
  if (bytes > most) throw tooLarge(`${bytes} of ${most} bytes`)
}

/**
 * The text of data that is none: its JSON as it was written, or written now where nobody wrote any, as in
 * forms. How long it is at least is looked at first.
 * @throws RealtimeError('data_too_large' | 'request_invalid')
 */
export function textOfData(app: App, data: unknown, written: () => Slice | undefined): string {
  const most = app.limits.maxEventDataBytes
  if (isLonger(data, most)) throw tooLarge(`more than ${most} bytes`)
  const slice = written()
  const text = slice ? slice.text : jsonOf(data)
  if (text !== undefined) checkData(app, text)
  if (text === undefined || (slice && slice.depth > MAX_LEVELS))
    throw new RealtimeError('request_invalid', 'data is nested too deep')
  return text
}

const tooLarge = (size: string): RealtimeError =>
  new RealtimeError(
    'data_too_large',
    `The data content of this event exceeds the allowed maximum (${size})`,
  )

function checkRate({ rates, clock }: Core, app: App, events: number): void {
  const { maxBackendEventsPerSecond: limit } = app.limits
  const waitSeconds = rates.take(app, events, limit, clock.mono())
  if (waitSeconds > 0)
    throw new RealtimeError(
      'backend_rate',
      `${events} events exceed what is left of the limit of ${limit} per second (maxBackendEventsPerSecond)`,
      { retryAfterSeconds: waitSeconds },
    )
}

const SOCKET_ID = /^\d+\.\d+$/

function parseSocketId(raw: string | undefined): SocketId | undefined {
  if (!raw) return undefined
  if (!SOCKET_ID.test(raw))
    throw new RealtimeError('request_invalid', `Invalid socket_id: '${quoted(raw)}'`)
  return raw as SocketId
}

/** @throws RealtimeError where a plugin refuses */
function filtered(core: Core, publication: BackendPublication): BackendPublication {
  const { app, channel, event, data } = publication
  const view = { channel: topicOf(channel), event, data }
  const passed = filter(core, core.hooks.publish, appView(app), view, app.limits.maxEventDataBytes)
  if (isRefusal(passed)) raise(passed)
  return passed === view ? publication : { ...publication, data: passed.data }
}
