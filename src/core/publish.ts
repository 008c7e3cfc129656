/**
 * Publish: events that a backend triggers. Everything is checked before anything is published, so a refused
 * request publishes nothing. Limits and messages: contract 2.3, 6.4, 6.5.
 */
import type { App } from './app'
import { checkActive } from './apps'
import { requireRoom } from './backlog'
import type { Core } from './core'
import { count } from './counters'
import {
  dataTooLarge,
  eventNameTooLong,
  isRefusal,
  quote,
  raise,
  raiseIfRefused,
  RealtimeError,
  refusal,
  type Refusal,
} from './errors'
import { emitPublished } from './facts'
import { runAtOnce, runFilters, type Resume } from './hooks'
import { isLonger, jsonOf, jsonText, MAX_LEVELS } from './json'
import type { JsonSlice } from './json-scan'
import { publishEvent } from './groups'
import type { MaybePromise } from './maybe-promise'
import type { BackendPublication, Claim } from './messages'
import type { ChannelName, Position, SocketId } from './types'
import { appView, EventReader } from './views'

/** One requested event; only its types have been checked. */
export type EventRequest = {
  readonly name: string
  /** The string that subscribers get, unchanged. */
  readonly data: string
  readonly channels: readonly string[]
  /** The connection that does not receive it; undefined or empty for none. */
  readonly socketId: string | undefined
  /** `once` of its publications; absent where a repeat is another event. */
  readonly once?: Claim | undefined
}

/** The differences between the HTTP APIs. */
export type Api = {
  /** What it is called in statistics. */
  readonly label: string
  /** @throws RealtimeError for an invalid name */
  readonly channelOf: (app: App, raw: string) => ChannelName
  /** An event must have a name. */
  readonly namesEvents: boolean
  readonly isReserved: IsReserved
  /** Given where a plugin publishes. */
  readonly resume?: Resume
}

/** True for the names of events that a client would take for its protocol's own. */
export type IsReserved = (event: string) => boolean

/**
 * Publishes all events, in order, or none. Returns the channels of each event, duplicates removed.
 * @throws RealtimeError for the first mistake, and for what the engine refuses (or rejects with it)
 */
export function publish(
  core: Core,
  app: App,
  requests: readonly EventRequest[],
  api: Api,
): MaybePromise<ChannelName[][]> {
  const requested = requests.map((request) => toPublications(app, request, api))
  const channels = requested.map((each) => each.map(({ channel }) => channel))
  let publications = requested.length === 1 ? requested[0]! : requested.flat()
  if (requests.some(isKeyed)) publications = withoutTaken(core, app, requested)
  if (publications.length === 0) return channels
  checkRoomAndRate(core, app, publications)
  if (core.hooks.publish.length === 0) return publishAll(core, app, publications, channels, api)
  const filtered = filterEvents(core, publications, api.resume)
  if (filtered instanceof Promise) return publishFiltered(core, app, filtered, channels, api)
  return publishAll(core, app, filtered, channels, api)
}

const isKeyed = ({ once }: EventRequest): boolean => once !== undefined

/** The events that their channels have not taken yet: a request that is repeated after a restart may have others. */
const withoutTaken = (
  { engine }: Core,
  app: App,
  requested: readonly BackendPublication[][],
): BackendPublication[] =>
  requested.flatMap((publications) => {
    const open = publications.filter((publication) => !engine.isTaken(publication))
    if (open.length === 0) app.counters.repeatsAnswered++
    return open
  })

/** Waits for plugins. What was checked before is checked again. */
async function publishFiltered(
  core: Core,
  app: App,
  pending: Promise<BackendPublication[]>,
  channels: ChannelName[][],
  api: Api,
): Promise<ChannelName[][]> {
  const publications = await pending
  requireApp(core, app)
  checkRoomAndRate(core, app, publications)
  return (api.resume ?? runAtOnce)(() => publishAll(core, app, publications, channels, api))
}

/** @throws RealtimeError where the app has ended while plugins were waited for */
export function requireApp({ apps }: Core, app: App): void {
  const ended =
    apps.byId(app.id) === app
      ? checkActive(app)
      : refusal('app_not_found', `App ${app.id} was deleted`)
  if (ended) raise(ended)
}

/** Charges nothing. @throws RealtimeError('backend_rate') */
function checkRoomAndRate(
  core: Core,
  app: App,
  publications: readonly { readonly channel: ChannelName }[],
): void {
  if (core.hub.isCrowded)
    for (const { channel } of publications) requireRoom(core.hub, app, channel)
  checkRate(core, app, publications.length)
}

function publishAll(
  core: Core,
  app: App,
  publications: readonly BackendPublication[],
  channels: ChannelName[][],
  { label, resume }: Api,
): MaybePromise<ChannelName[][]> {
  chargeRate(core, app, publications.length)
  let pending: Promise<Position | Refusal>[] | undefined
  let refused: Refusal | undefined
  for (const publication of publications) {
    const answer = publishEvent(core, publication)
    if (answer instanceof Promise)
      (pending ??= []).push(noteLater(core, publication, answer, label, resume))
    else if (isRefusal(noteAnswer(core, publication, answer, label))) refused ??= answer as Refusal
  }
  if (pending) return requireAll(pending, refused, channels)
  if (refused) raise(refused)
  return channels
}

/** Not with `await`: a durable event passes here, and each step of its way costs. */
function requireAll<Result>(
  pending: readonly Promise<Position | Refusal>[],
  refused: Refusal | undefined,
  result: Result,
): Promise<Result> {
  if (pending.length === 1 && !refused)
    return pending[0]!.then((answer) => (raiseIfRefused(answer), result))
  return Promise.all(pending).then((answers) => {
    if (refused) raise(refused)
    answers.forEach(raiseIfRefused)
    return result
  })
}

/** Apart from the loop of `publish`: a closure there would cost every event an allocation, and it is seldom needed. */
const noteLater = (
  core: Core,
  publication: BackendPublication,
  answer: Promise<Position | Refusal>,
  label: string,
  resume: Resume = runAtOnce,
): Promise<Position | Refusal> =>
  answer.then((known) => resume(() => noteAnswer(core, publication, known, label)))

/** Counts a backend's event, which came by the API of that label, and emits that it was published, if it was. Returns the engine's answer. */
export function noteAnswer(
  { facts }: Core,
  publication: BackendPublication,
  answer: Position | Refusal,
  label: string,
): Position | Refusal {
  if (isRefusal(answer)) return answer
  const { counters, tallies } = publication.app
  counters.publications++
  count(tallies.publicationsByApi, label)
  emitPublished(facts, publication, undefined, label)
  return answer
}

function toPublications(
  app: App,
  { name, data, channels, socketId, once }: EventRequest,
  { channelOf, namesEvents, isReserved }: Api,
): BackendPublication[] {
  if (namesEvents || name !== '') checkName(app, name, isReserved)
  checkData(app, data)
  const except = parseSocketId(socketId)
  if (channels.length === 0)
    throw new RealtimeError('request_invalid', 'Expected at least one channel')
  if (channels.length > app.limits.maxChannelsPerTrigger)
    throw channelCountError(app, channels.length)
  const text = jsonText(data)
  const distinct = channels.length === 1 ? channels : Array.from(new Set(channels))
  return distinct.map((raw): BackendPublication => {
    const channel = channelOf(app, raw)
    return {
      type: 'event',
      origin: 'backend',
      app,
      channel,
      event: name,
      data: text,
      sender: undefined,
      except,
      once,
    }
  })
}

export const channelCountError = ({ limits }: App, count: number): RealtimeError =>
  new RealtimeError(
    'request_invalid',
    `${count} channels exceed the limit of ${limits.maxChannelsPerTrigger} (maxChannelsPerTrigger)`,
  )

/** @throws RealtimeError('event_invalid' | 'event_reserved') */
export function checkName(app: App, name: string, isReserved: IsReserved): void {
  const { maxEventNameChars } = app.limits
  if (name === '') throw new RealtimeError('event_invalid', 'Event name must not be empty')
  if (name.length > maxEventNameChars) raise(eventNameTooLong(name.length, maxEventNameChars))
  if (isReserved(name))
    throw new RealtimeError(
      'event_reserved',
      `Event name '${quote(name)}' is reserved for the server`,
    )
}

/** @throws RealtimeError('data_too_large') */
export function checkData({ limits: { maxEventDataBytes: most } }: App, data: string): void {
  const bytes = Buffer.byteLength(data)
  if (bytes > most) raise(dataTooLarge(`${bytes} of ${most} bytes`))
}

/**
 * The string for data that is not a string: its JSON as it was written, or written now where there is none, as
 * in forms. Its least length is checked first.
 * @throws RealtimeError('data_too_large' | 'request_invalid')
 */
export function textOfData(app: App, data: unknown, written: () => JsonSlice | undefined): string {
  const most = app.limits.maxEventDataBytes
  if (isLonger(data, most)) raise(dataTooLarge(`more than ${most} bytes`))
  const slice = written()
  const text = slice ? slice.text : jsonOf(data)
  if (text !== undefined) checkData(app, text)
  if (text === undefined || (slice && slice.depth > MAX_LEVELS))
    throw new RealtimeError('request_invalid', 'data is nested too deep')
  return text
}

/** Charges events that are about to be published: what a plugin has refused is not charged. */
export function chargeRate({ rates, clock }: Core, app: App, events: number): void {
  const { maxBackendEventsPerSecond: limit } = app.limits
  if (limit > 0) rates.take(app, events, limit, clock.mono())
}

/** Charges nothing. @throws RealtimeError('backend_rate') */
export function checkRate({ rates, clock }: Core, app: App, events: number): void {
  const { maxBackendEventsPerSecond: limit } = app.limits
  if (limit === 0) return
  const waitSeconds = rates.waitFor(app, events, limit, clock.mono())
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
    throw new RealtimeError('request_invalid', `Invalid socket_id: '${quote(raw)}'`)
  return raw as SocketId
}

/** The events after the plugins' filters, which are asked about one after the other. @throws RealtimeError where one refuses */
function filterEvents(
  core: Core,
  publications: readonly BackendPublication[],
  resume: Resume | undefined,
): MaybePromise<BackendPublication[]> {
  const filtered: BackendPublication[] = []
  for (const publication of publications) {
    const passed = filterEvent(core, publication, resume)
    if (passed instanceof Promise) {
      const rest = publications.slice(filtered.length + 1)
      return filterRest(core, filtered, passed, rest, resume)
    }
    filtered.push(passed)
  }
  return filtered
}

/** Adds to `filtered` the event that is waited for, then the rest. */
async function filterRest(
  core: Core,
  filtered: BackendPublication[],
  passed: Promise<BackendPublication>,
  rest: readonly BackendPublication[],
  resume: Resume = runAtOnce,
): Promise<BackendPublication[]> {
  filtered.push(await passed)
  for (const publication of rest)
    filtered.push(await resume(() => filterEvent(core, publication, resume)))
  return filtered
}

/** The event after the plugins' filters; a promise only where one waits. @throws RealtimeError where one refuses */
export function filterEvent(
  core: Core,
  publication: BackendPublication,
  resume?: Resume,
): MaybePromise<BackendPublication> {
  const filters = core.hooks.publish
  if (filters.length === 0) return publication
  const { app, channel, event, data } = publication
  const view = new EventReader(core.groups.nameOf(channel), event, data)
  const passed = runFilters(core, filters, app, appView(app), view, resume)
  return passed instanceof Promise
    ? passedLater(publication, view, passed)
    : passedOf(publication, view, passed)
}

const passedLater = async (
  publication: BackendPublication,
  view: EventReader,
  passed: Promise<EventReader | Refusal>,
): Promise<BackendPublication> => passedOf(publication, view, await passed)

function passedOf(
  publication: BackendPublication,
  view: EventReader,
  passed: EventReader | Refusal,
): BackendPublication {
  if (isRefusal(passed)) raise(passed)
  return passed === view ? publication : { ...publication, data: passed.data }
}
