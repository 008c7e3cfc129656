/**
 * Phoenix's two serializers: V1 writes objects of four keys, V2 arrays of five elements. Both are read
 * to the same message; what is neither is undecodable. Refs come back as they were sent, type included:
 * phoenix.js compares them strictly.
 * Spec: phoenix contract 1.2.
 */
import { isRecord, jsonOf, jsonText, parseJson } from '../core/json'
import type { Frame, JsonText, Ref } from '../core/types'

export type PhoenixVersion = 1 | 2

export type PhoenixMessage = {
  readonly ref: Ref
  readonly event: string
  /** What came as JSON, or the bytes of a binary frame. */
  readonly payload: unknown
}

/** What goes out; `payload` is JSON. */
export type PhoenixNews = {
  readonly topic: string
  readonly event: string
  readonly payload: string
}

export const NULL = 'null' as JsonText
/** On a frame for all subscribers of a topic. */
const NO_REFS = { join: NULL, message: NULL }

type Refs = Pick<Ref, 'join' | 'message'>

type Serializer = {
  readonly read: (message: unknown) => readonly unknown[] | undefined
  readonly write: (news: PhoenixNews, refs: Refs) => Frame
}

const V1_KEYS = ['ref', 'topic', 'event', 'payload']

const SERIALIZERS: Readonly<Record<PhoenixVersion, Serializer>> = {
  1: {
    read: (message) =>
      isRecord(message) && V1_KEYS.every((key) => Object.hasOwn(message, key))
        ? [message['join_ref'], ...V1_KEYS.map((key) => message[key])]
        : undefined,
    write: ({ topic, event, payload }, { message }) =>
      `{"topic":${jsonText(topic)},"event":${jsonText(event)},"payload":${payload},"ref":${message}}`,
  },
  2: {
    read: (message) => (Array.isArray(message) && message.length >= 5 ? message : undefined),
    write: ({ topic, event, payload }, { join, message }) =>
      `[${join},${message},${jsonText(topic)},${jsonText(event)},${payload}]`,
  },
}

/** Undefined where the text is no message of this version. */
export function readFrame(version: PhoenixVersion, text: string): PhoenixMessage | undefined {
  const parts = SERIALIZERS[version].read(parseJson(text))
  if (!parts) return undefined
  const [join, message, topic, event, payload] = parts
  if (typeof topic !== 'string' || typeof event !== 'string') return undefined
  const refs = { join: refOf(join), message: refOf(message) }
  if (refs.join === undefined || refs.message === undefined) return undefined
  return { ref: { topic, join: refs.join, message: refs.message }, event, payload }
}

const MAX_REF_CHARS = 255

/** Text, or an integer that comes back as it was; undefined for anything else. */
function refOf(value: unknown): JsonText | undefined {
  if (value === undefined || value === null) return NULL
  if (Number.isSafeInteger(value)) return jsonOf(value)
  return typeof value === 'string' && value.length <= MAX_REF_CHARS ? jsonText(value) : undefined
}

/** A frame for one connection, or without refs for all subscribers. */
export function writeFrame(
  version: PhoenixVersion,
  news: PhoenixNews,
  refs: Refs = NO_REFS,
): Frame {
  return SERIALIZERS[version].write(news, refs)
}
