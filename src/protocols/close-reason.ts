/** Close reasons, which hold 123 bytes of UTF-8. */

export const REASON_BYTES = 123

/** The text, or so much of it as fits; no character is cut in two. */
export function cut(text: string, bytes: number): string {
  const whole = Buffer.from(text.slice(0, bytes))
  // A decoder that expects more leaves a character out that is not whole.
  return new TextDecoder().decode(whole.subarray(0, bytes), { stream: true })
}
