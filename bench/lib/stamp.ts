/**
 * The stamp at the head of a message's data: who published it, its number and when, in fixed-width
 * digits, so that a reader finds them by offset. `#PPNNNNNNNNNTTTTTTTTT`: publisher, sequence number
 * of that publisher, microseconds since the load process started. Nine digits stay below 2^31, so
 * that reading is integer arithmetic; they last for 16 minutes. Each channel has numbers of its own,
 * so that a message on the wrong channel is out of sequence.
 */
const MARK = '#'
const MARK_BYTE = 0x23
const ZERO_BYTE = 0x30
const NUMBERS_PER_CHANNEL = 100_000
const PUBLISHER_DIGITS = 2
const NUMBER_DIGITS = 9

const SEQUENCE_AT = 1 + PUBLISHER_DIGITS
const TIME_AT = SEQUENCE_AT + NUMBER_DIGITS
const STAMP_BYTES = TIME_AT + NUMBER_DIGITS

/** Microseconds since this process started. */
export const nowMicros = (): number => Math.floor(performance.now() * 1000)

/** The number of a channel's first message. */
export const firstOf = (channel: number): number => channel * NUMBERS_PER_CHANNEL + 1

export function makeStamp(publisher: number, sequence: number, micros: number): string {
  const number = (value: number): string => String(value).padStart(NUMBER_DIGITS, '0')
  return `${MARK}${String(publisher).padStart(PUBLISHER_DIGITS, '0')}${number(sequence)}${number(micros)}`
}

/** What fills the data up to its size after the stamp. */
export const makePadding = (dataBytes: number): string => 'x'.repeat(dataBytes - STAMP_BYTES)

/** Where the stamp begins in a frame, or -1 when the frame carries none. */
export function findStamp(bytes: Uint8Array, start: number, end: number): number {
  const at = start + bytes.subarray(start, end).indexOf(MARK_BYTE)
  return at >= start && at + STAMP_BYTES <= end ? at : -1
}

export const hasStamp = (bytes: Uint8Array, at: number, end: number): boolean =>
  bytes[at] === MARK_BYTE && at + STAMP_BYTES <= end
export const publisherOf = (bytes: Uint8Array, at: number): number =>
  digits(bytes, at + 1, at + SEQUENCE_AT)
export const sequenceOf = (bytes: Uint8Array, at: number): number =>
  digits(bytes, at + SEQUENCE_AT, at + TIME_AT)
export const microsOf = (bytes: Uint8Array, at: number): number =>
  digits(bytes, at + TIME_AT, at + STAMP_BYTES)

function digits(bytes: Uint8Array, from: number, to: number): number {
  let value = 0
  for (let index = from; index < to; index++) value = value * 10 + bytes[index]! - ZERO_BYTE
  return value
}
