/**
 * RFC 6455 by hand, the client's half. `scanFrames` walks the whole frames of one read without
 * allocating and returns where the incomplete rest begins; `maskFrame` makes the frames of a client.
 * Fragmented messages and compression are never offered, so a server that sends them is at fault.
 */
export const HANDSHAKE_HEADERS = [
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: Y2FyaWxsb24tYmVuY2gtMQ==',
  'Sec-WebSocket-Version: 13',
] as const

/** OPCODE: those that a load sends or answers. RFC 6455, 5.2. */
export const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const

export interface FrameSink {
  /** The text is `bytes[start, end)`. */
  onText(bytes: Uint8Array, start: number, end: number): void
  /** Any other frame: close, ping, pong, binary, or a fragment. */
  onOtherFrame(opcode: number, payload: Uint8Array): void
}

const SHORT_HEADER = 2
const MEDIUM_HEADER = 4
const LONG_HEADER = 10
const FINAL = 0x80
const FINAL_TEXT = 0x81
const OPCODE_BITS = 0x0f

/** Hands every whole frame of `bytes[from, length)` to the sink. Returns the first byte that is not consumed. */
export function scanFrames(
  bytes: Uint8Array,
  from: number,
  length: number,
  sink: FrameSink,
): number {
  let at = from
  while (at + SHORT_HEADER <= length) {
    const mark = bytes[at + 1]!
    const header = mark < 126 ? SHORT_HEADER : mark === 126 ? MEDIUM_HEADER : LONG_HEADER
    if (at + header > length) break
    const start = at + header
    const end = start + readLength(bytes, at, mark)
    if (end > length) break
    if (bytes[at] === FINAL_TEXT) sink.onText(bytes, start, end)
    else sink.onOtherFrame(bytes[at]! & OPCODE_BITS, bytes.subarray(start, end))
    at = end
  }
  return at
}

function readLength(bytes: Uint8Array, at: number, mark: number): number {
  if (mark < 126) return mark
  if (mark === 126) return (bytes[at + 2]! << 8) | bytes[at + 3]!
  let value = 0
  for (let index = at + 2; index < at + LONG_HEADER; index++) value = value * 256 + bytes[index]!
  return value
}

const MASK = [0x37, 0xfa, 0x21, 0x3d] as const

/** A frame of up to 65 535 bytes. */
export function maskFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload
  const size = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 0xff]
  if (length > 0xffff) throw new RangeError('Text of a client is too long')
  const frame = new Uint8Array(1 + size.length + MASK.length + length)
  frame.set([FINAL | opcode, ...size, ...MASK])
  const start = frame.length - length
  for (let index = 0; index < length; index++)
    frame[start + index] = payload[index]! ^ MASK[index % 4]!
  return frame
}

/** `4001 no such app`, of the payload of a close frame. */
export const formatClose = (payload: Uint8Array): string =>
  payload.length < 2
    ? 'no code'
    : `${(payload[0]! << 8) | payload[1]!} ${new TextDecoder().decode(payload.subarray(2))}`.trimEnd()
