/**
 * The Phoenix socket: joins, pushes and heartbeats to commands, replies to frames. A mount has its path
 * and the meaning of its topics, and a codec for each version of the serializer.
 *
 * Spec: phoenix contract 1, 2.5, 3.3, 4.3.
 */
import type { App } from '../core/app'
import type { Connection, RawFrame, Subscription } from '../core/connection'
import type { Core } from '../core/core'
import type { LaterRefusals } from '../core/connection'
import { isRefusal, REFUSE, refusal, type ErrorCode, type Refusal } from '../core/errors'
import { checkBudget } from '../core/client-event'
import { isRecord, jsonText, MAX_LEVELS, copyText, parseJson } from '../core/json'
import { scanObject, stringIn, type JsonSlice } from '../core/json-scan'
import { maxFrameChars } from '../core/limits'
import type {
  Broadcast,
  BytesPublication,
  Command,
  Encoder,
  Peer,
  EventPublication,
  Reply,
} from '../core/messages'
import type { ChannelName, Frame, JsonText, Position, Ref } from '../core/types'
import { closeFields, refuseHandshake, type Codec, type Handshake } from './codec'
import { WIRE_ERRORS } from './errors'
import { isReserved } from './event-names'
import { HISTORY_KEYS, keepsEvents, readHistory } from './history-request'
import { readBinary, writeBinary } from './phoenix-binary'
import {
  newRef,
  NULL,
  once,
  positionFields,
  readFrame,
  readRef,
  withoutJoin,
  writeFrame,
  type PhoenixMessage,
  type PhoenixNews,
  type PhoenixRef,
  type PhoenixVersion,
} from './phoenix-frames'
import { diffNews, statePayload } from './phoenix-payloads'
import type { Address } from './phoenix-topics'

/** A dialect's socket: its path, its topics, its frames. */
export type Mount = {
  readonly name: string
  readonly path: string
  /** The path of its long-poll, where it has one. */
  readonly longPoll?: string
  /** The app of a connection; undefined where only its joins name one. */
  readonly app: (core: Core, key: string | null) => App | Refusal | undefined
  readonly address: (core: Core, app: App | undefined, topic: string) => Address | undefined
  /** The topic of an event with bytes; undefined where its events can't carry any. */
  readonly topicOf?: (channel: ChannelName) => string
  /** The response to a join, as JSON. */
  readonly joinResponse: (channel: ChannelName) => string
  /** The response to a refused message, as JSON, where the dialect has its own. */
  readonly refusalResponse?: (refused: Refusal, peer: Peer) => string | undefined
  /** Undefined for an event that these clients must not be sent. */
  readonly news: (publication: EventPublication) => PhoenixNews | undefined
  /** True where its clients get the members of presence channels. */
  readonly presence: boolean
  /** Refuses pushes by rules of the dialect's own. */
  readonly checkPush: (channel: ChannelName, event: string) => Refusal | undefined
}

const VERSIONS: readonly PhoenixVersion[] = [2, 1]

/** The newest version first: it refuses clients of an unknown one. */
export const phoenixCodecs = (mount: Mount): readonly Codec[] =>
  VERSIONS.map((version) => codecOf(mount, version))

function codecOf(mount: Mount, version: PhoenixVersion): Codec {
  const decode = decoderOf(mount, version)
  const encoder: Omit<Encoder, 'name' | 'positioned' | 'broadcast'> = {
    heartbeats: true,
    repliesWithEvents: true,
    reply: (answer) => reply(mount, version, answer),
    refusal: (refused, peer) => refusalFrames(mount, version, refused, peer),
    closeFrame,
  }
  const name = `${mount.name}-${version}`
  const positioned: Encoder = {
    ...encoder,
    name: `${name}-positions`,
    positioned: undefined,
    broadcast: (news, position) =>
      broadcast(mount, version, news, position?.epoch ? position : undefined),
  }
  return {
    ...encoder,
    name,
    positioned,
    refusesUpgrades: true,
    serves: (path, query) =>
      isAt(mount.path, path) && (versionOf(query) ?? VERSIONS[0]) === version,
    handshake: (core, _, query) => handshake(core, mount, query),
    decode,
    movePattern: /phx_(?:join|leave)/,
    decodeBytes: version === 2 ? decode : undefined,
    refOf: ({ limits }, frame) =>
      frame.length > maxFrameChars(limits) ? undefined : messageIn(version, frame)?.ref,
    broadcast: (news) => broadcast(mount, version, news, undefined),
  }
}

/** True for a path of a mount, with or without a slash at its end. */
export const isAt = (own: string | undefined, path: string): boolean =>
  own === (path.endsWith('/') ? path.slice(0, -1) : path)

// ---------------------------------------------------------------- connect

/** `vsn` picks the serializer; without it the first. Undefined for an unknown version. */
function versionOf(query: URLSearchParams): PhoenixVersion | undefined {
  // phoenix.js puts its own behind the application's.
  const vsn = query.getAll('vsn').at(-1) ?? (hasNestedVsn(query) ? '' : '1.0.0')
  const [, major] = /^([12])\.0\.\d+$/.exec(vsn) ?? []
  return major === undefined ? undefined : major === '1' ? 1 : 2
}

const hasNestedVsn = (query: URLSearchParams): boolean =>
  [...query.keys()].some((name) => name.startsWith('vsn['))

function handshake(core: Core, mount: Mount, query: URLSearchParams): Handshake {
  if (versionOf(query) === undefined)
    return refuseHandshake(refusal('protocol_unsupported', 'vsn must be 1.0.x or 2.0.x'))
  const app = mount.app(core, query.get('app_key'))
  if (app && 'code' in app) return refuseHandshake(app)
  return { app, refused: undefined }
}

// ---------------------------------------------------------------- client to server

/** A message, with the subscription that the connection has on its topic. */
type TopicMessage = {
  readonly mount: Mount
  readonly message: PhoenixMessage
  readonly address: Address | undefined
  readonly subscription: Subscription | undefined
}

type Decode = (message: TopicMessage) => Command | Refusal

/** PHOENIX_EVENTS: the protocol's own events on a topic. */
const PHOENIX_EVENTS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['phx_join', decodeJoin],
  ['phx_leave', decodeLeave],
])

/** Undefined where the frame is not of this version. */
function messageIn(version: PhoenixVersion, frame: RawFrame): PhoenixMessage | undefined {
  if (typeof frame === 'string') return readFrame(version, frame)
  return version === 2 ? readBinary(frame) : undefined
}

const HEARTBEAT = { topic: 'phoenix', event: 'heartbeat' }
const IGNORED: Command = { type: 'noop', reply: undefined }

const decoderOf =
  (mount: Mount, version: PhoenixVersion) =>
  (core: Core, conn: Connection, frame: RawFrame): Command | Refusal => {
    const limit = maxFrameChars(conn.app?.limits ?? core.limits)
    if (frame.length > limit)
      return refusal(
        'message_too_large',
        `Message of ${frame.length} characters exceeds the limit of ${limit}`,
      )
    const message = messageIn(version, frame)
    if (!message)
      return messageIn(version === 1 ? 2 : 1, frame)
        ? REFUSE.frameOfOtherVersion
        : REFUSE.frameInvalid
    const { ref, event } = message
    if (ref.topic === HEARTBEAT.topic)
      return event === HEARTBEAT.event ? ({ type: 'ping', ref } as const) : refuseTopic(ref)
    const decoder = PHOENIX_EVENTS.get(event)
    const spent = decoder ? undefined : checkBudget(core, conn, frame)
    if (spent) return isRefusal(spent) ? { ...spent, ref } : spent
    const address = mount.address(core, conn.app, ref.topic)
    const refused = conn.refusals && address && laterRefusal(conn.refusals, address.app)
    if (refused) return { ...refused, ref }
    const subscription =
      address && conn.subscription(core.hub.channel(address.app, address.channel))
    return (decoder ?? decodePush)({ mount, message, address, subscription })
  }

const laterRefusal = (refusals: LaterRefusals, app: App): Refusal | undefined =>
  (app.isPublished ? refusals.published : undefined) ??
  (app.record.tlsOnly ? refusals.tlsOnly : undefined)

const JOIN_KEYS = ['auth', 'channel_data']
const JOIN_AND_HISTORY_KEYS = [...JOIN_KEYS, ...HISTORY_KEYS]

function decodeJoin({ message, address, subscription }: TopicMessage): Command | Refusal {
  const { ref, payload } = message
  if (!address) return refuseTopic(ref)
  const asks = keepsEvents(address.app)
  const keys = asks ? JOIN_AND_HISTORY_KEYS : JOIN_KEYS
  const found = isBytes(payload) ? [] : (scanObject(payload.text, keys) ?? [])
  const [auth, channelData] = [stringIn(found[0]), stringIn(found[1])]
  const history = asks ? readHistory(found.slice(JOIN_KEYS.length)) : undefined
  if (isRefusal(history)) return { ...history, subscribing: address.channel, ref }
  return {
    type: 'subscribe',
    ...address,
    auth,
    channelData,
    params: once(() => paramsIn(payload)),
    ref: copyRef(ref),
    replaces: subscription?.ref,
    grant: undefined,
    history,
  }
}

/** A ref to keep, whose texts do not hold the whole frame in memory. */
const copyRef = ({ topic, join, message }: PhoenixRef): PhoenixRef =>
  newRef(copyText(topic), copyText(join), copyText(message))

function paramsIn(payload: JsonSlice | Uint8Array): Readonly<Record<string, unknown>> {
  const params = isBytes(payload) ? undefined : parseJson(payload.text)
  return isRecord(params) ? params : {}
}

function decodeLeave({ message, address, subscription }: TopicMessage): Command {
  const { ref } = message
  if (!address || !subscription) return { type: 'noop', reply: { type: 'unsubscribed', ref } }
  return isStale(ref, subscription) ? IGNORED : { type: 'unsubscribe', ...address, ref }
}

function decodePush(on: TopicMessage): Command | Refusal {
  const { address, subscription } = on
  const { ref, event, payload } = on.message
  if (!address || !subscription) return refuseTopic(ref)
  if (isStale(ref, subscription)) return IGNORED
  const refused = on.mount.checkPush(address.channel, event)
  if (refused) return { ...refused, ref }
  if (isBytes(payload)) return { type: 'client_event', ...address, event, data: payload, ref }
  if (payload.depth > MAX_LEVELS) return { ...REFUSE.clientEventTooDeep, ref }
  return { type: 'client_event', ...address, event, data: payload.text, ref }
}

const isBytes = (payload: JsonSlice | Uint8Array): payload is Uint8Array =>
  payload instanceof Uint8Array

/** The one refusal of a message without a generation: there is no subscription. */
const refuseTopic = (ref: PhoenixRef): Refusal => ({
  ...REFUSE.topicUnmatched,
  ref: withoutJoin(ref),
})

/** True for a ref of an earlier subscription to the topic. */
const isStale = (ref: PhoenixRef, { ref: own }: Subscription): boolean =>
  ref.join !== NULL && ref.join !== (own && readRef(own).join)

// ---------------------------------------------------------------- server to client

function broadcast(
  mount: Mount,
  version: PhoenixVersion,
  news: Broadcast,
  position: Position | undefined,
): Frame | undefined {
  if (news.type === 'bytes') return version === 2 ? bytesFrame(mount, news) : undefined
  const encoded = news.type === 'event' ? mount.news(news) : mount.presence && diffNews(news)
  return encoded ? writeFrame(version, encoded, undefined, position) : undefined
}

function bytesFrame(
  { topicOf }: Mount,
  { channel, event, data }: BytesPublication,
): Frame | undefined {
  if (!topicOf || isReserved(event)) return undefined
  return writeBinary({ topic: topicOf(channel), event }, data)
}

function reply(mount: Mount, version: PhoenixVersion, answer: Reply): Frame | undefined {
  switch (answer.type) {
    case 'subscribed':
      return writeOk(version, answer.ref, joinResponse(mount, answer))
    case 'pong':
      return writeOk(version, answer.ref && withoutJoin(answer.ref))
    case 'unsubscribed':
    case 'accepted':
      return writeOk(version, answer.ref)
    case 'ended':
      // Frames of V1 name no generation: this one would close the subscription that replaced it.
      return version === 1 && answer.replaced ? undefined : writeClose(version, answer.ref)
    case 'dismissed':
      return writeClose(version, answer.ref, `{"reason":${jsonText(answer.message)}}`)
    case 'present': {
      if (!mount.presence) return undefined
      const payload = statePayload(answer.members)
      const news = { topic: readRef(answer.ref).topic, event: 'presence_state', payload }
      return writeFrame(version, news, { join: generationOf(answer.ref), message: NULL })
    }
    case 'established':
    case 'cache_miss':
    case 'watched':
    case 'signed_in':
    case 'ping':
      return undefined
  }
}

type SubscribedReply = Extract<Reply, { readonly type: 'subscribed' }>

/** The response to a join; where that asked for history, with what there is of it. */
function joinResponse(mount: Mount, { channel, data, replay }: SubscribedReply): string {
  const response = data ?? mount.joinResponse(channel)
  if (!replay) return response
  const { position, recovered, events } = replay
  const missed = recovered ? `"missed":${events.length},` : ''
  const first = recovered === undefined ? '' : `"recovered":${recovered},${missed}`
  const items = events.flatMap(({ offset, publication }) => {
    const news = mount.news(publication)
    return news
      ? `{"offset":${offset},"event":${jsonText(news.event)},"payload":${news.payload}}`
      : []
  })
  const history = `"history":{${first}${positionFields(position)},"events":[${items.join()}]}`
  const isEmpty = /^\{\s*\}$/.test(response)
  return `${response.slice(0, -1)}${isEmpty ? '' : ','}${history}}`
}

function writeOk(version: PhoenixVersion, ref: Ref | undefined, response = '{}') {
  return ref && writeReply(version, ref, `{"status":"ok","response":${response}}`)
}

const writeReply = (version: PhoenixVersion, ref: Ref, payload: string): Frame =>
  writeFrame(version, { topic: readRef(ref).topic, event: 'phx_reply', payload }, readRef(ref))

/** After a `phx_close` no client joins again by itself, as after a `phx_error`. */
function writeClose(
  version: PhoenixVersion,
  ref: Ref | undefined,
  payload = '{}',
): Frame | undefined {
  if (!ref) return undefined
  const own = generationOf(ref)
  const news = { topic: readRef(ref).topic, event: 'phx_close', payload }
  return writeFrame(version, news, { join: own, message: own })
}

/** The generation of a subscription: its `join_ref`, or the join's own `ref` where it has none. */
function generationOf(ref: Ref): JsonText {
  const { join, message } = readRef(ref)
  return join === NULL ? message : join
}

// ---------------------------------------------------------------- refusals

/** None where the socket closes, since its code tells; none without a ref, since nothing waits for a reply. */
function refusalFrames(
  mount: Mount,
  version: PhoenixVersion,
  refused: Refusal,
  peer: Peer,
): readonly Frame[] {
  const { ref, code } = refused
  if (!ref || typeof WIRE_ERRORS[code].phoenix === 'number') return []
  const response = mount.refusalResponse?.(refused, peer) ?? describeRefusal(refused, peer)
  return [writeReply(version, ref, `{"status":"error","response":${response}}`)]
}

/**
 * An auth endpoint signs the socket id, which these clients learn in no other way. After a cut they join with the
 * signature of the connection before.
 */
const CODES_WITH_SOCKET_ID: readonly ErrorCode[] = ['auth_missing', 'auth_signature_invalid']

function describeRefusal({ code, message, subscribing }: Refusal, { id }: Peer): string {
  const isCrash = code === 'internal' && subscribing !== undefined
  const reason = jsonText(isCrash ? 'join crashed' : String(WIRE_ERRORS[code].phoenix ?? message))
  const socketId = CODES_WITH_SOCKET_ID.includes(code) ? `,"socket_id":"${id}"` : ''
  return `{"reason":${reason}${socketId}}`
}

const closeFrame = ({ code, message }: Refusal) => closeFields(WIRE_ERRORS[code].phoenix, message)
