/**
 * Phoenix's two serializers: V1 writes objects of four keys, V2 arrays of five elements. Both are read
 * to the same message; what is neither is undecodable. Refs come back as they were sent, type included:
 * phoenix.js compares them strictly.
 * Spec: phoenix contract 1.2.
 */
import { jsonText } from '../core/json'
import { scanArray, scanObject, stringIn, type JsonSlice } from '../core/json-scan'
import type { Frame, JsonText, Position, Ref } from '../core/types'

export type PhoenixVersion = 1 | 2

/** What a client calls its message and its subscription. */
export type PhoenixRef = Ref & {
  readonly topic: string
  /** The JSON of what the client sent, so that it comes back as it was. */
  readonly join: JsonText
  readonly message: JsonText
}

export const newRef = (topic: string, join: JsonText, message: JsonText): PhoenixRef =>
  ({ topic, join, message }) as PhoenixRef

/** It says no generation of a subscription. */
export const withoutJoin = (ref: Ref): PhoenixRef => {
  const { topic, message } = readRef(ref)
  return newRef(topic, NULL, message)
}

/** Of a connection that speaks Phoenix every ref is one of these. */
export const readRef = (ref: Ref): PhoenixRef => ref as PhoenixRef

export type PhoenixMessage = {
  readonly ref: PhoenixRef
  readonly event: string
  /** What came as JSON, found and not read, or the bytes of a binary frame. */
  readonly payload: JsonSlice | Uint8Array
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

type Refs = Pick<PhoenixRef, 'join' | 'message'>

type Serializer = {
  /** `join_ref`, `ref`, `topic`, `event` and `payload`; undefined where the text has not got them. */
  readonly read: (text: string) => readonly (JsonSlice | undefined)[] | undefined
  readonly write: (news: PhoenixNews, refs: Refs, position: Position | undefined) => Frame
}

const V1_KEYS = ['join_ref', 'ref', 'topic', 'event', 'payload']

const SERIALIZERS: Readonly<Record<PhoenixVersion, Serializer>> = {
  1: {
    read: (text) => {
      const parts = scanObject(text, V1_KEYS)
      return parts?.every((part, index) => part || V1_KEYS[index] === 'join_ref')
        ? parts
        : undefined
    },
    write: ({ topic, event, payload }, { message }, position) =>
      `{"topic":${jsonText(topic)},"event":${jsonText(event)},"payload":${payload},"ref":${message}${position ? `,${positionFields(position)}` : ''}}`,
  },
  2: {
    read: (text) => {
      const parts = scanArray(text, 5)
      return parts?.length === 5 ? parts : undefined
    },
    write: ({ topic, event, payload }, { join, message }, position) =>
      `[${join},${message},${jsonText(topic)},${jsonText(event)},${payload}${position ? `,{${positionFields(position)}}` : ''}]`,
  },
}

/** Undefined where the text is no message of this version. */
export function readFrame(version: PhoenixVersion, text: string): PhoenixMessage | undefined {
  const [join, message, topicSlice, eventSlice, payload] = SERIALIZERS[version].read(text) ?? []
  const [topic, event] = [stringIn(topicSlice), stringIn(eventSlice)]
  if (topic === undefined || event === undefined || !payload) return undefined
  const refs = { join: refOf(join), message: refOf(message) }
  if (refs.join === undefined || refs.message === undefined) return undefined
  return { ref: newRef(topic, refs.join, refs.message), event, payload }
}

const MAX_REF_CHARS = 255

/** Text, or a number as it was written; undefined for anything else. */
function refOf(slice: JsonSlice | undefined): JsonText | undefined {
  if (slice === undefined || slice.text === NULL) return NULL
  const text = stringIn(slice)
  if (text !== undefined) return text.length <= MAX_REF_CHARS ? jsonText(text) : undefined
  const written = slice.text
  return NUMBER.test(written) && written.length <= MAX_REF_CHARS ? written : undefined
}
const NUMBER = /^[-\d]/

/** As keys of an object. */
export const positionFields = ({ epoch, offset }: Position): string =>
  `"epoch":"${epoch}","offset":${offset}`

/** A frame for one connection, or without refs for all subscribers; a sixth element or two more keys say its position. */
export function writeFrame(
  version: PhoenixVersion,
  news: PhoenixNews,
  refs: Refs = NO_REFS,
  position?: Position,
): Frame {
  return SERIALIZERS[version].write(news, refs, position)
}

/** Reads when it is first asked. */
export function once<T>(read: () => T): () => T {
  let value: T | undefined
  return () => (value ??= read())
}
