/**
 * Wire: what nodes say to each other about one channel. A message is a line of JSON, an array of version, epoch,
 * number, type and fields; the data of an event follows in its own JSON. Scripts write them (`scripts/base.lua`).
 * What anybody else writes there is refused.
 */
import { parseJson } from '../core/json'
import type { BackendPublication, BytesPublication, ClientPublication } from '../core/messages'
import { NOT_KEPT } from '../core/stream'
import type { PushView } from '../core/plugin'
import type { JsonText, Member, Meta, Position, SocketId, UserId } from '../core/types'

/** Of the messages that this version reads and writes. */
export const VERSION = 1

/** Versions of messages: nodes of two versions of the server speak to each other while one takes the other's place. */
export type Versions = {
  /** The newest that this node reads; it reads all before it, too. */
  readonly reads: number
  /** The newest that all nodes read: what this one writes. */
  writes: number
}

/** The longest message that is read: the largest data that a setting allows, and what escapes make of it. */
const MAX_CHARS = 8 * 1024 * 1024

/** Where a message stands among those of its channel. */
type Numbered = { readonly epoch: string; readonly rev: number }

/** A connection has taken a seat on a node. */
export type SeatTaken = Numbered & {
  readonly type: '+'
  readonly socketId: SocketId
  /** The node's id in the partition. */
  readonly node: string
  /** Undefined in a user's own channel, like `meta`. */
  readonly member: Member | undefined
  readonly meta: Meta | undefined
}

/** It has left. */
export type SeatLeft = Numbered & {
  readonly type: '-'
  readonly socketId: SocketId
  readonly node: string
}

/** How many subscriptions without seats a node has. */
export type Counted = Numbered & {
  readonly type: 'c'
  readonly node: string
  readonly count: number
}

/** An event; its app and channel are those of the bus. */
export type EventSent = Numbered & {
  readonly type: 'event'
  readonly sent: SentBy<BackendPublication> | SentBy<ClientPublication>
  /** Where it stands in the channel's stream. */
  readonly position: Position
}

/** All that was kept of the channel is given up. */
type Forgotten = Numbered & { readonly type: 'forgotten' }

/** One with bytes. */
export type BytesSent = Numbered & {
  readonly type: 'bytes'
  readonly sent: SentBy<BytesPublication>
}

/** An order to all nodes that hear the channel. */
export type OrderSent = Numbered & OrderGiven & { readonly type: 'order' }
export type OrderGiven = { readonly id: string; readonly order: SentOrder }

/** Without what its bus says: app and channel, or user. */
export type SentOrder =
  | { readonly type: 'terminate_user' }
  | { readonly type: 'unsubscribe_user'; readonly userId: UserId; readonly message: string }
  | { readonly type: 'push_delivered'; readonly push: PushView }

type SentBy<Published> = Omit<Published, 'app' | 'channel'>

export type Message = SeatTaken | SeatLeft | Counted | EventSent | BytesSent | Forgotten | OrderSent

const isText = (value: unknown): value is string => typeof value === 'string'
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0
/** Text that encoders may splice into frames. */
const isJson = (value: unknown): value is JsonText =>
  isText(value) && parseJson(value) !== undefined
/** Of a channel, or of its stream. */
const isEpoch = (value: unknown): value is string => isText(value) && EPOCH.test(value)
const EPOCH = /^[\da-z]{1,32}$/
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isMember = (value: unknown): value is Member =>
  isRecord(value) &&
  isText(value['userId']) &&
  isJson(value['userIdJson']) &&
  isJson(value['userInfo'])

export const isMeta = (value: unknown): value is Meta =>
  isRecord(value) && isText(value['id']) && isCount(value['since']) && isJson(value['userInfo'])

export function isOrder(value: unknown): value is SentOrder {
  if (!isRecord(value)) return false
  const { type, userId, message, push } = value
  if (type === 'unsubscribe_user') return isText(userId) && isText(message)
  if (type === 'push_delivered') return isPush(push)
  return type === 'terminate_user'
}

const isPush = (value: unknown): value is PushView =>
  isRecord(value) &&
  isText(value['channel']) &&
  isText(value['event']) &&
  isJson(value['data']) &&
  isCount(value['at'])

type Reader = (
  at: Numbered,
  fields: readonly unknown[],
  data: string | undefined,
) => Message | undefined

/** READERS: how the fields of each type are read; undefined where they are none. */
const READERS: Readonly<Record<string, Reader>> = {
  '+': (at, [socketId, node, member, meta]) => {
    if (!isText(socketId) || !isText(node)) return undefined
    const rest = {
      ...at,
      type: '+',
      socketId: socketId as SocketId,
      node,
    } as const
    if (member === null && meta === null) return { ...rest, member: undefined, meta: undefined }
    return isMember(member) && isMeta(meta) ? { ...rest, member, meta } : undefined
  },
  '-': (at, [socketId, node]) =>
    isText(socketId) && isText(node)
      ? { ...at, type: '-', socketId: socketId as SocketId, node }
      : undefined,
  c: (at, [node, count]) =>
    isText(node) && isCount(count) ? { ...at, type: 'c', node, count } : undefined,
  e: (at, fields, data) => {
    const kept = readKept(fields, data)
    return kept && { ...at, type: 'event', ...kept }
  },
  x: (at, fields, data) => {
    const head = readHead(fields)
    if (!head || (data !== undefined && parseJson(data) === undefined)) return undefined
    const rest = { type: 'event', origin: 'client' } as const
    const sent = { ...rest, ...head, data: data as JsonText | undefined }
    return { ...at, type: 'event', sent, position: NOT_KEPT }
  },
  o: (at, [id, order]) =>
    isText(id) && isOrder(order) ? { ...at, type: 'order', id, order } : undefined,
  f: (at) => ({ ...at, type: 'forgotten' }),
  b: (at, fields) => {
    const head = readHead(fields)
    const data = fields[3]
    if (!head || !isText(data)) return undefined
    return {
      ...at,
      type: 'bytes',
      sent: { type: 'bytes', ...head, data: Buffer.from(data, 'base64') },
    }
  },
}

/** What every event has: its name, whom it excludes, who sent it. */
function readHead([event, except, sender]: readonly unknown[]) {
  if (!isText(event) || !(except === null || isText(except))) return undefined
  if (sender !== null && !isMember(sender)) return undefined
  return {
    event,
    except: (except ?? undefined) as SocketId | undefined,
    sender: sender ?? undefined,
  }
}

/** An event of a backend, as it is sent and as it is kept. */
export type KeptText = Pick<EventSent, 'position'> & {
  readonly sent: SentBy<BackendPublication>
}

/** Reads one: the fields of its head, epoch and offset the last, which are absent for one that nothing keeps; and its data. */
export function readKept(
  fields: readonly unknown[],
  data: string | undefined,
): KeptText | undefined {
  const head = readHead(fields)
  if (!head || !isJson(data)) return undefined
  const [, , , epoch = '', offset = 0] = fields
  if (!isCount(offset) || !(isEpoch(epoch) || (epoch === '' && offset === 0))) return undefined
  const rest = { type: 'event', origin: 'backend', once: undefined } as const
  return {
    sent: { ...rest, ...head, data },
    position: offset === 0 ? NOT_KEPT : { epoch, offset },
  }
}

/** Reads a message; undefined for what is none, or of a version after `newest`. */
export function readMessage(text: string, newest = VERSION): Message | undefined {
  if (text.length > MAX_CHARS) return undefined
  const [fields, data] = splitText(text)
  if (!Array.isArray(fields)) return undefined
  const [version, epoch, rev, type, ...rest] = fields as unknown[]
  if (
    !isCount(version) ||
    version < 1 ||
    version > newest ||
    !isEpoch(epoch) ||
    !isCount(rev) ||
    !isText(type)
  )
    return undefined
  return Object.hasOwn(READERS, type) ? READERS[type]!({ epoch, rev }, rest, data) : undefined
}

/** Takes apart the line of JSON and the data that follows it, if any. */
export function splitText(text: string): [head: unknown, data: string | undefined] {
  const end = text.indexOf('\n')
  if (end === -1) return [parseJson(text), undefined]
  return [parseJson(text.slice(0, end)), text.slice(end + 1)]
}
