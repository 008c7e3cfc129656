/**
 * Pusher Channels, protocol 7: JSON frames to commands, replies to frames.
 * `data` is a string that holds JSON, but for the objects of `pusher:error`, `pusher:signin_success` and
 * `pusher:subscription_error`: clients break when they are mixed up, and ignore all at any other object.
 * Spec: contract sections 1, 3 and 4.
 */
import type { App } from '../core/app'
import { findAppByKey } from '../core/apps'
import { parseChannelName } from '../core/channel'
import type { Connection } from '../core/connection'
import type { Core } from '../core/core'
import { percentDecode, isRefusal, quote, REFUSE, refusal, type Refusal } from '../core/errors'
import { checkBudget } from '../core/client-event'
import { jsonText, MAX_LEVELS } from '../core/json'
import { scanObject, stringIn, type JsonSlice } from '../core/json-scan'
import { MAX_DATA_KEYS, maxFrameChars } from '../core/limits'
import type { Broadcast, Command, Encoder, Peer, Replay, Reply } from '../core/messages'
import type { Members, RosterEntry } from '../core/roster'
import type { Frame, JsonText, Position } from '../core/types'
import { HISTORY_KEYS, keepsEvents, readHistory } from './history-request'
import { closeFields, refuseHandshake, type Codec, type Handshake } from './codec'
import { WIRE_ERRORS } from './errors'

const PATH = '/app/'
const SOCKET_PATH = /^\/app\/[^/]+$/
const PROTOCOLS = { oldest: 4, newest: 7 }

/** True for paths where clients open sockets, and which nothing else has. */
export const isSocketPath = (path: string): boolean => SOCKET_PATH.test(path)

/** With the position of each event beside its other fields. */
const positioned: Encoder = {
  name: 'pusher-positions',
  heartbeats: false,
  positioned: undefined,
  repliesWithEvents: false,
  broadcast: (news, position) => placed(broadcast(news), position),
  reply,
  refusal: refusalFrames,
  closeFrame,
}

export const pusher: Codec = {
  name: 'pusher',
  heartbeats: false,
  positioned,
  repliesWithEvents: false,
  refusesUpgrades: false,
  serves: (path) => path.startsWith(PATH),
  handshake,
  movePattern: /pusher:(?:(?:un)?subscribe|signin)/,
  decode,
  decodeBytes: undefined,
  refOf: undefined,
  broadcast,
  reply,
  refusal: refusalFrames,
  closeFrame,
}

// ---------------------------------------------------------------- connect

/** Contract 1.6: key, app, protocol. `client`, `version` and unknown parameters are ignored. */
function handshake(core: Core, path: string, query: URLSearchParams): Handshake {
  const key = percentDecode(path.slice(PATH.length))
  if (!path.startsWith(PATH) || key === '' || key.includes('/'))
    return refuseHandshake(
      refusal('path_not_found', `Path ${quote(path)} not found; connect to /app/KEY`),
    )
  const app = findAppByKey(core, key)
  if (isRefusal(app)) {
    const disabled = core.apps.byKey(key) // whoever watches it sees who is refused
    return disabled ? { app: disabled, refused: app } : refuseHandshake(app)
  }
  return { app, refused: checkProtocol(query.get('protocol')) }
}

function checkProtocol(protocol: string | null): Refusal | undefined {
  if (protocol === null || protocol === '') return undefined // small devices leave it out
  const version = Number(protocol)
  if (!/^\d+$/.test(protocol))
    return refusal('protocol_invalid', `Protocol '${quote(protocol)}' is not a number`)
  const { oldest, newest } = PROTOCOLS
  if (version >= oldest && version <= newest) return undefined
  return refusal(
    'protocol_unsupported',
    `Protocol ${version} is not supported; ${oldest} to ${newest} are`,
  )
}

// ---------------------------------------------------------------- client to server

/** The parts of a message, found and not decoded. */
type Message = {
  readonly event: string
  readonly channel: JsonSlice | undefined
  readonly data: JsonSlice | undefined
}
type Decode = (core: Core, app: App, message: Message) => Command | Refusal

/** PUSHER_EVENTS: the protocol's own events; all others are client events. */
const PUSHER_EVENTS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['pusher:subscribe', decodeSubscribe],
  ['pusher:unsubscribe', decodeUnsubscribe],
  ['pusher:signin', decodeSignin],
  ['pusher:ping', () => ({ type: 'ping', ref: undefined })],
  ['pusher:pong', () => ({ type: 'pong' })],
])

const CLIENT_EVENT = 'client-'
/** How clients begin one, so that it is recognized before any of it is read. */
const PLAIN_CLIENT_EVENT = `{"event":"${CLIENT_EVENT}`
const NO_PARAMS = () => ({})

function decode(core: Core, conn: Connection, text: string): Command | Refusal {
  const limit = maxFrameChars(conn.app?.limits ?? core.limits)
  if (text.length > limit)
    return refusal(
      'message_too_large',
      `Message of ${text.length} characters exceeds the limit of ${limit} (4 x maxEventDataBytes and maxUserInfoBytes, and 16384)`,
    )
  const isPlain = text.startsWith(PLAIN_CLIENT_EVENT)
  const spent = isPlain ? checkBudget(core, conn, text) : undefined
  if (spent) return spent
  const message = messageIn(text)
  if (!message || !conn.app) return REFUSE.messageNotJson
  const { event } = message
  if (event.startsWith(CLIENT_EVENT))
    return (
      (isPlain ? undefined : checkBudget(core, conn, text)) ??
      decodeClientEvent(core, conn.app, message)
    )
  const decoder = PUSHER_EVENTS.get(event)
  if (!decoder) return refusal('event_unknown', `Unknown event '${quote(event)}'`)
  return decoder(core, conn.app, message)
}

function messageIn(text: string): Message | undefined {
  const [eventSlice, channel, data] = scanObject(text, ['event', 'channel', 'data']) ?? []
  const event = stringIn(eventSlice)
  return event === undefined ? undefined : { event, channel, data }
}

const SUBSCRIBE_KEYS = ['channel', 'auth', 'channel_data']
const SUBSCRIBE_AND_HISTORY_KEYS = [...SUBSCRIBE_KEYS, ...HISTORY_KEYS]

function decodeSubscribe({ limits }: Core, app: App, message: Message): Command | Refusal {
  const asks = keepsEvents(app)
  const parts = slicesBelow(message, asks ? SUBSCRIBE_AND_HISTORY_KEYS : SUBSCRIBE_KEYS)
  if (!parts) return refuseData(message, 'a channel')
  const name = stringIn(parts[0])
  const [auth, channelData] = [stringIn(parts[1]), stringIn(parts[2])]
  const channel = parseChannelName(name, limits)
  if (typeof channel !== 'string') return { ...channel, subscribing: name ?? '' }
  const history = asks ? readHistory(parts.slice(SUBSCRIBE_KEYS.length)) : undefined
  if (isRefusal(history)) return { ...history, subscribing: channel }
  const ref = undefined
  return {
    type: 'subscribe',
    app,
    channel,
    auth,
    channelData,
    params: NO_PARAMS,
    ref,
    replaces: ref,
    grant: undefined,
    history,
  }
}

function decodeUnsubscribe({ limits }: Core, app: App, message: Message): Command | Refusal {
  const parts = textsBelow(message, ['channel'])
  if (!parts) return refuseData(message, 'a channel')
  const channel = parseChannelName(parts[0], limits)
  return typeof channel === 'string'
    ? { type: 'unsubscribe', app, channel, ref: undefined }
    : channel
}

function decodeSignin(_: Core, app: App, message: Message): Command | Refusal {
  const [auth, userData] = textsBelow(message, ['auth', 'user_data']) ?? []
  if (auth !== undefined && userData !== undefined) return { type: 'signin', app, auth, userData }
  return refuseData(message, 'auth and user_data')
}

const refuseData = ({ event }: Message, expected: string): Refusal =>
  refusal('message_invalid', `Invalid ${event}: expected data with ${expected}`)

/** Only `channel`, `event` and `data` are passed on: a `user_id` that the sender made up is not. */
function decodeClientEvent({ limits }: Core, app: App, message: Message): Command | Refusal {
  const { event, channel: name, data } = message
  if (!name) return REFUSE.clientEventIncomplete
  const channel = parseChannelName(stringIn(name), limits)
  if (typeof channel !== 'string') return channel
  if (data && data.depth > MAX_LEVELS) return REFUSE.clientEventTooDeep
  return { type: 'client_event', app, channel, event, data: data?.text, ref: undefined }
}

/** The texts below the keys of `data`, an object or a string that holds one (contract 1.7). */
function textsBelow(
  message: Message,
  keys: readonly string[],
): readonly (string | undefined)[] | undefined {
  return slicesBelow(message, keys)?.map(stringIn)
}

function slicesBelow({ data }: Message, keys: readonly string[]) {
  const text = stringIn(data) ?? data?.text
  return text === undefined ? undefined : scanObject(text, keys, MAX_DATA_KEYS)
}

// ---------------------------------------------------------------- server to client

function broadcast(news: Broadcast): Frame | undefined {
  switch (news.type) {
    case 'event': {
      const { event, channel, data, sender } = news
      const dataPart = data === undefined ? '' : `,"data":${data}`
      const userId = sender ? `,"user_id":${sender.userIdJson}` : ''
      return `{"event":${jsonText(event)},"channel":${jsonText(channel)}${dataPart}${userId}}`
    }
    case 'member_added': {
      const { userIdJson, userInfo } = news.member
      const data = `{"user_id":${userIdJson},"user_info":${userInfo}}`
      return internalFrame('member_added', news.channel, data)
    }
    case 'subscription_count':
      return internalFrame(
        'subscription_count',
        news.channel,
        `{"subscription_count":${news.count}}`,
      )
    case 'user_status':
      return watchlistEvents([news.online ? 'online' : 'offline', [news.userId]])
    case 'bytes':
    case 'seat_taken':
    case 'seat_left':
      return undefined // it has no binary frames, and its clients know users, not their connections
    case 'member_removed':
      return internalFrame('member_removed', news.channel, `{"user_id":${news.member.userIdJson}}`)
  }
}

/** Top-level fields: a client that looks for others does not mind them. */
function placed(frame: Frame | undefined, position: Position | undefined): Frame | undefined {
  if (typeof frame !== 'string' || !position?.epoch) return frame
  return `${frame.slice(0, -1)},"epoch":"${position.epoch}","offset":${position.offset}}`
}

type SubscribedReply = Extract<Reply, { readonly type: 'subscribed' }>

function subscribedFrame({ channel, members, data }: SubscribedReply): string {
  if (members) return presenceFrame(channel, members, data)
  return data === undefined
    ? `{"event":"pusher_internal:subscription_succeeded","channel":${jsonText(channel)},"data":"{}"}`
    : internalFrame('subscription_succeeded', channel, data)
}

/** The events of the replay follow as frames of their own. */
function withHistory(frame: string, { position, recovered, events }: Replay): Frame {
  const missed = recovered ? `"missed":${events.length},` : ''
  const first = recovered === undefined ? '' : `"recovered":${recovered},${missed}`
  const { epoch, offset } = position
  return `${frame.slice(0, -1)},"history":{${first}"epoch":"${epoch}","offset":${offset}}}`
}

function reply(answer: Reply): Frame | undefined {
  switch (answer.type) {
    case 'established': {
      const { socketId, activityTimeoutSeconds } = answer
      const data = `{\\"socket_id\\":\\"${socketId}\\",\\"activity_timeout\\":${activityTimeoutSeconds}}`
      return `{"event":"pusher:connection_established","data":"${data}"}`
    }
    case 'subscribed': {
      const frame = subscribedFrame(answer)
      return answer.replay ? withHistory(frame, answer.replay) : frame
    }
    case 'cache_miss':
      return `{"event":"pusher:cache_miss","channel":${jsonText(answer.channel)},"data":"{}"}`
    case 'watched':
      return watchlistEvents(['offline', answer.offline], ['online', answer.online])
    case 'signed_in':
      return `{"event":"pusher:signin_success","data":{"user_data":${jsonText(answer.userData)}}}`
    case 'ping':
      return '{"event":"pusher:ping","data":"{}"}'
    case 'pong':
      return '{"event":"pusher:pong","data":"{}"}'
    case 'dismissed':
      return dismissedFrame(answer.channel, answer.message)
    case 'present':
    case 'unsubscribed':
    case 'ended':
    case 'accepted':
      return undefined // Pusher's protocol has no such frame
  }
}

/** Groups of users, by what happened to them; empty ones are left out (contract 5.3). */
function watchlistEvents(...groups: readonly (readonly [name: string, ids: readonly string[]])[]) {
  const events = groups
    .filter(([, ids]) => ids.length > 0)
    .map(([name, ids]) => `{"name":"${name}","user_ids":[${ids.map(jsonText).join()}]}`)
  const data = `{"events":[${events.join()}]}`
  return `{"event":"pusher_internal:watchlist_events","data":${jsonText(data)}}`
}

/** `data` goes out as a string that holds the JSON. */
function internalFrame(event: string, channel: string, data: string): string {
  return `{"event":"pusher_internal:${event}","channel":${jsonText(channel)},"data":${jsonText(data)}}`
}

/** As `internalFrame` would write it, from parts that are escaped already: it may be long, and most of it is cached. */
function presenceFrame(channel: string, members: Members, given: JsonText | undefined): string {
  const [ids, hash] = [members.write(IDS), members.write(HASH)]
  const presence = `\\"presence\\":{\\"ids\\":[${ids}],\\"hash\\":{${hash}},\\"count\\":${members.size}}`
  const data = given === undefined ? `{${presence}}` : withKeysOf(given, presence)
  return `{"event":"pusher_internal:subscription_succeeded","channel":${jsonText(channel)},"data":"${data}"}`
}

/** An object with the keys of another one before its own, as part of a JSON string. */
const withKeysOf = (given: JsonText, own: string): string =>
  given === '{}' ? `{${own}}` : `${escapeJson(given).slice(0, -1)},${own}}`

/** JSON as part of a JSON string. */
const escapeJson = (json: string): string => jsonText(json).slice(1, -1)

const IDS: RosterEntry = {
  write: ({ userIdJson }) => escapeJson(userIdJson),
  eachConnection: false,
}

const HASH: RosterEntry = {
  write: ({ userId, userInfo }) => escapeJson(`${jsonText(userId)}:${userInfo}`),
  eachConnection: false,
}

// ---------------------------------------------------------------- refusals

/**
 * A refused subscribe gets two frames: `pusher:subscription_error` reaches the channel in pusher-js,
 * `pusher:error` the connection. After the hello, a refusal that closes is in the close code alone.
 */
function refusalFrames(refused: Refusal, { established }: Peer): readonly Frame[] {
  const { pusher: code, closes, http: status, subscription: type } = WIRE_ERRORS[refused.code]
  if (closes && established) return []
  const { message, subscribing: channel } = refused
  const error = JSON.stringify({ event: 'pusher:error', data: { code, message } })
  if (channel === undefined || type === undefined) return [error]
  const data = { type, error: message, status }
  return [JSON.stringify({ event: 'pusher:subscription_error', channel, data }), error]
}

/** The protocol has no frame for the end of a subscription: this is the one that reaches the channel in its clients. */
function dismissedFrame(channel: string, error: string): Frame {
  const { http: status, subscription: type } = WIRE_ERRORS.subscription_refused
  return JSON.stringify({
    event: 'pusher:subscription_error',
    channel,
    data: { type, error, status },
  })
}

function closeFrame({ code, message }: Refusal) {
  const { pusher: number, closes } = WIRE_ERRORS[code]
  return closes ? closeFields(number, message) : undefined
}
