/** Close reasons, which hold 123 bytes of UTF-8. */

export const REASON_BYTES = 123

export function cut(text: string, bytes: number): string {
  let short = text
  while (Buffer.byteLength(short) > bytes) short = short.slice(0, -1)
  return short
}
