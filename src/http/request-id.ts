/**
 * The id that every answer carries, so that a caller's report finds its line in the log.
 * Spec: phoenix contract 3.1.
 */
export const REQUEST_ID = 'x-request-id'

/** The caller's own, where it is of 20 to 200 printable characters; else a new one. */
export function requestId(given: string | null): string {
  return given !== null && /^[\x21-\x7e]{20,200}$/.test(given) ? given : crypto.randomUUID()
}
