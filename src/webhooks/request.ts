/**
 * One request to an endpoint: how many events it has, its body, headers and signature.
 */
import type { App } from '../core/app'
import type { Endpoint } from '../core/webhooks'
import type { Head, OutboxRow } from '../store/outbox'
import type { PostRequest } from './post'

/** After each failed attempt a request has a quarter of the events. */
const SHRINK_FACTOR = 4

/** Many web servers take no more than a megabyte. */
const MAX_BODY_BYTES = 262_144

/** How many of the due rows go into one request. */
export function batchSize(due: readonly Head[], maxEvents: number): number {
  let size = maxEvents
  let bytes = 0
  for (const [index, row] of due.entries()) {
    size = Math.min(size, Math.max(1, Math.floor(maxEvents / SHRINK_FACTOR ** row.attempts)))
    bytes += row.bytes
    if (index >= size || (index > 0 && bytes > MAX_BODY_BYTES)) return index
  }
  return due.length
}

/** The failed attempts after which an event is sent alone. */
export const attemptsBeforeAlone = (maxEvents: number): number =>
  Math.ceil(Math.log(maxEvents) / Math.log(SHRINK_FACTOR))

/** Headers that an endpoint's record cannot change. */
const RESERVED_HEADERS = [
  'host',
  'content-length',
  'content-type',
  'transfer-encoding',
  'connection',
  'x-pusher-key',
  'x-pusher-signature',
  'x-carillon-test',
]

export const isReservedHeader = (name: string): boolean =>
  RESERVED_HEADERS.includes(name.toLowerCase())

/** Where a request goes. */
export type Target = { readonly app: App; readonly endpoint: Endpoint }

/** A request that carries the rows. */
export function buildRequest(rows: readonly OutboxRow[], target: Target): PostRequest {
  const timeMs = Math.min(...rows.map((row) => row.time_ms))
  const json = `{"time_ms":${timeMs},"events":[${rows.map(({ event }) => event).join(',')}]}`
  return signRequest(json, target)
}

/** The body is signed byte for byte with the app's oldest key. */
export function signRequest(json: string, { app, endpoint }: Target): PostRequest {
  const pair = app.keys[0]!
  const ownHeaders = Object.entries(endpoint.headers).filter(([name]) => !isReservedHeader(name))
  return {
    url: endpoint.url,
    body: Buffer.from(json),
    headers: {
      'User-Agent': 'carillon-webhooks',
      ...Object.fromEntries(ownHeaders),
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(json)),
      'X-Pusher-Key': pair.key,
      'X-Pusher-Signature': pair.sign(json),
    },
  }
}
