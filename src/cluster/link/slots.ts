/**
 * Slots of a Redis Cluster: a key belongs to one of 16 384 by what stands in its first braces, else by all of it.
 * @see https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model
 */

export const SLOTS = 16_384
/** CRC-16/XMODEM. */
const POLYNOMIAL = 0x1021

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1
  return crc
})

/** The slot of keys that have this text in their braces. */
export function slotOf(tag: string): number {
  let crc = 0
  for (const byte of Buffer.from(tag))
    crc = ((crc << 8) ^ TABLE[((crc >> 8) ^ byte) & 0xff]!) & 0xffff
  return crc % SLOTS
}

/** What a key, or the name of a bus, has in its braces. */
export function tagOf(key: string): string {
  const from = key.indexOf('{')
  const until = from < 0 ? -1 : key.indexOf('}', from + 1)
  return until <= from + 1 ? key : key.slice(from + 1, until)
}
