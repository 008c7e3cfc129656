/**
 * NodesWire: what nodes say of themselves, on a bus of their own. A message is an object in one line of JSON; nodes of
 * all versions read it, so fields are added and none is ever changed. What is none, is refused.
 */
import type { ConnectionView } from '../../core/connection-view'
import { isRecord, parseJson, parseRecord } from '../../core/json'
import type { AppId } from '../../core/types'

/** A node is there, every `BEAT_MS`. */
export type NodeBeat = {
  readonly type: 'beat'
  readonly id: string
  /** The newest messages between nodes that it reads. */
  readonly reads: number
  /** Stands for its `NodeCard`: another one where that has changed. */
  readonly card: string
  /** The number of its last `AppNumbers`. */
  readonly told: number
  /** By its own clock; for itself. */
  readonly sentAt: number
  readonly isReady: boolean
  readonly connections: number
  readonly subscriptions: number
  /** Milliseconds; undefined before the first. */
  readonly lagMs: number | undefined
  readonly busLagMs: number | undefined
  readonly deafMs: number
  readonly deafChannels: number
  readonly refusedMessages: number
  readonly gaps: number
  readonly overflows: number
  readonly factsDropped: number
}

/** What changes seldom: it is fetched where it has. */
export type NodeCard = {
  readonly name: string
  readonly worker: number | undefined
  readonly host: string
  readonly port: number | undefined
  readonly version: string
  readonly startedAt: number
  /** What has to be the same on all nodes, by name. */
  readonly agreed: Readonly<Record<string, string>>
}

/** Numbers of some apps that have changed. */
export type AppNumbers = {
  readonly type: 'apps'
  readonly id: string
  /** One more than that of the message before. */
  readonly told: number
  /** Those of all apps: others have none. */
  readonly isWhole: boolean
  readonly connections: readonly (readonly [AppId, number])[]
  /** That were charged to the rate of the app since. */
  readonly events: readonly (readonly [AppId, number])[]
}

/** It has left, or was not heard of for a lease. */
type NodeGone = { readonly type: 'gone'; readonly id: string }

/** A question to all; whoever has an answer gives it. */
export type NodeAsk = {
  readonly type: 'ask'
  readonly id: string
  /** Of the question; the answer has it, too. */
  readonly number: number
  /** One connection, or the metrics of all whose names begin so. */
  readonly about: { readonly appId: AppId; readonly socketId: string } | { readonly group: string }
}

export type NodeAnswer = {
  readonly type: 'answer'
  readonly id: string
  /** The node that has asked. */
  readonly to: string
  readonly number: number
  /** Of a connection. */
  readonly view?: ConnectionView
  /** Metrics. */
  readonly text?: string
}

/** Whoever has this connection closes it. */
export type NodeClose = {
  readonly type: 'close'
  readonly id: string
  readonly appId: AppId
  readonly socketId: string
  readonly isToReconnect: boolean
}

export type NodeMessage = NodeBeat | AppNumbers | NodeGone | NodeAsk | NodeAnswer | NodeClose

const MAX_TEXT_CHARS = 256
const MAX_AGREED = 10_000

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= MAX_TEXT_CHARS
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0
const isTime = (value: unknown): value is number => Number.isFinite(value) && (value as number) >= 0
const isTimeOrAbsent = (value: unknown): value is number | undefined =>
  value === undefined || isTime(value)

/** Ids are those of `Incarnations`. */
const isId = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w-]{1,64}$/.test(value)

/** Reads a message; undefined for what is none. */
export function readNodeMessage(text: string): NodeMessage | undefined {
  const fields = parseRecord(text)
  if (!fields || !isId(fields['id'])) return undefined
  const type = String(fields['type'])
  return Object.hasOwn(READERS, type) ? READERS[type]!(fields) : undefined
}

type Fields = Readonly<Record<string, unknown>>

/** READERS: how the fields of each type are checked; undefined where they are none. */
const READERS: Readonly<Record<string, (fields: Fields) => NodeMessage | undefined>> = {
  beat: readBeat,
  apps: readNumbers,
  gone: (fields) => fields as NodeGone,
  ask: readAsk,
  close: (fields) =>
    isAboutConnection(fields) && typeof fields['isToReconnect'] === 'boolean'
      ? (fields as NodeClose)
      : undefined,
  answer: (fields) => {
    const { to, number, view, text } = fields
    if (!isId(to) || !isCount(number)) return undefined
    const isAnswer = view === undefined ? typeof text === 'string' : isRecord(view)
    return isAnswer ? (fields as NodeAnswer) : undefined
  },
}

function readAsk(fields: Fields): NodeAsk | undefined {
  const { about, number } = fields
  if (!isRecord(about) || !isCount(number)) return undefined
  return isText(about['group']) || isAboutConnection(about) ? (fields as NodeAsk) : undefined
}

const isAboutConnection = ({ appId, socketId }: Fields): boolean =>
  isText(appId) && isText(socketId)

const COUNTS = [
  'reads',
  'told',
  'connections',
  'subscriptions',
  'refusedMessages',
  'gaps',
  'overflows',
  'factsDropped',
  'deafChannels',
] as const satisfies readonly (keyof NodeBeat)[]

function readBeat(fields: Fields): NodeBeat | undefined {
  const beat = fields as NodeBeat
  const { card, sentAt, isReady, lagMs, busLagMs, deafMs } = beat
  if (!COUNTS.every((name) => isCount(beat[name])) || beat.reads < 1) return undefined
  if (!isText(card) || typeof isReady !== 'boolean') return undefined
  if (![sentAt, deafMs].every(isTime) || ![lagMs, busLagMs].every(isTimeOrAbsent)) return undefined
  return beat
}

function readNumbers(fields: Fields): AppNumbers | undefined {
  const numbers = fields as AppNumbers
  const { told, isWhole, connections, events } = numbers
  if (!isCount(told) || typeof isWhole !== 'boolean') return undefined
  return areNumbers(connections) && areNumbers(events) ? numbers : undefined
}

const areNumbers = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every((pair) => Array.isArray(pair) && isText(pair[0]) && isCount(pair[1]))

/** Reads a card as Redis has it; undefined for what is none. */
export function readCard(text: string): NodeCard | undefined {
  const card = parseJson(text) as Partial<NodeCard> | null | undefined
  if (typeof card !== 'object' || card === null) return undefined
  const { name, worker, host, port, version, startedAt, agreed } = card
  if (![name, host, version].every(isText) || !isTime(startedAt)) return undefined
  if ([port, worker].some((each) => each !== undefined && !isCount(each))) return undefined
  if (typeof agreed !== 'object' || agreed === null) return undefined
  const values = Object.values(agreed)
  return values.length <= MAX_AGREED && values.every(isText) ? (card as NodeCard) : undefined
}
