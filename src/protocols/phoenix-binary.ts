/**
 * Phoenix's binary frames, of V2 on WebSockets only: a byte for the kind, one for the length of each
 * field, the fields, and the payload up to the end of the frame.
 *
 * Clients push (kind 0), the server broadcasts what they pushed (kind 2). Replies are text, since none
 * of ours carries bytes.
 * Spec: phoenix contract 1.2.
 */
import { jsonText } from '../core/json'
import type { JsonText } from '../core/types'
import { newRef, NULL, type PhoenixMessage, type PhoenixNews } from './phoenix-frames'

const PUSH = 0
const BROADCAST = 2

/** `join_ref`, `ref`, `topic`, `event`. */
const PUSH_FIELDS = 4

/** Throws for what is no UTF-8; a mark at the beginning is a part of the name. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Undefined where the bytes are no push. The payload is a copy of nothing: a view of the frame. */
export function readBinary(bytes: Uint8Array): PhoenixMessage | undefined {
  if (bytes[0] !== PUSH || bytes.length < 1 + PUSH_FIELDS) return undefined
  const fields: string[] = []
  let start = 1 + PUSH_FIELDS
  for (const length of bytes.subarray(1, start)) {
    const field = textOf(bytes.subarray(start, start + length), length)
    if (field === undefined) return undefined
    fields.push(field)
    start += length
  }
  const [join = '', message = '', topic = '', event = ''] = fields
  return {
    ref: newRef(topic, refOf(join), refOf(message)),
    event,
    payload: bytes.subarray(start),
  }
}

/** Undefined where it is shorter than it says, or no UTF-8. */
function textOf(field: Uint8Array, length: number): string | undefined {
  if (field.length < length) return undefined
  try {
    return UTF8.decode(field)
  } catch {
    return undefined // TypeError: no UTF-8
  }
}

/** There is no other way to write none. */
const refOf = (text: string): JsonText => (text === '' ? NULL : jsonText(text))

/** To all subscribers of a topic. Both names came in a frame or as a topic, so each fits into 255 bytes. */
export function writeBinary(
  { topic, event }: Pick<PhoenixNews, 'topic' | 'event'>,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const names = [Buffer.from(topic), Buffer.from(event)]
  const lengths = Uint8Array.from(names, ({ length }) => length)
  return Uint8Array.from(Buffer.concat([Uint8Array.of(BROADCAST), lengths, ...names, payload]))
}
