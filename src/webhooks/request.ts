/**
 * What goes into one request to an endpoint, and how it is signed.
 */
import type { App } from '../core/app'
import type { Endpoint } from '../core/webhooks'
import type { Head, OutboxRow } from '../store/outbox'
import type { PostRequest } from './post'

/** Each attempt that failed leaves a quarter of the events that an event may have beside it. */
const SHARE = 4

/** Many web servers take no more than a megabyte. */
const MAX_BODY_BYTES = 262_144

/** How many of the rows that are due go into one request. */
export function batchSize(due: readonly Head[], most: number): number {
  let size = most
  let bytes = 0
  for (const [index, row] of due.entries()) {
    size = Math.min(size, Math.max(1, Math.floor(most / SHARE ** row.attempts)))
    bytes += row.bytes
    if (index >= size || (index > 0 && bytes > MAX_BODY_BYTES)) return index
  }
  return due.length
}

/** After so many an event is sent alone. */
export const attemptsBeforeAlone = (most: number): number =>
  Math.ceil(Math.log(most) / Math.log(SHARE))

/** Headers that are ours whatever an endpoint's record says. */
const RESERVED = [
  'host',
  'content-length',
  'content-type',
  'transfer-encoding',
  'connection',
  'x-pusher-key',
  'x-pusher-signature',
]

/** Built from what is sent now, and signed over these very bytes with the oldest live pair. */
export function requestFor(
  rows: readonly OutboxRow[],
  { app, endpoint }: { app: App; endpoint: Endpoint },
): PostRequest {
  const timeMs = Math.min(...rows.map((row) => row.time_ms))
  const text = `{"time_ms":${timeMs},"events":[${rows.map(({ event }) => event).join(',')}]}`
  const pair = app.keys[0]!
  const own = Object.entries(endpoint.headers).filter(
    ([name]) => !RESERVED.includes(name.toLowerCase()),
  )
  return {
    url: endpoint.url,
    body: Buffer.from(text),
    headers: {
      'User-Agent': 'carillon-webhooks',
      ...Object.fromEntries(own),
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(text)),
      'X-Pusher-Key': pair.key,
      'X-Pusher-Signature': pair.sign(text),
    },
  }
}
