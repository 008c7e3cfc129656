/**
 * Exchanges: what the last requests to each endpoint carried, and how they were answered, so that an operator sees the
 * body as it was signed. Kept in memory only: what was delivered is on no disk any more.
 *
 * Owns the exchanges, at most KEPT_ATTEMPTS of an endpoint and MAX_BYTES of all; the oldest go first.
 */
import type { Exchange } from '../core/deliveries'
import type { Endpoint } from '../core/webhooks'
import { KEPT_ATTEMPTS } from '../store/outbox'
import type { Outcome, PostRequest } from './post'
import { isReservedHeader } from './request'

/** Of one body. */
export const MAX_BODY_BYTES = 16_384
/** Of all exchanges of the server. */
const MAX_BYTES = 16 * 1024 * 1024
/** Headers of a request, and the characters of one. */
const MAX_HEADERS = 50
const HEADER_CHARS = 200
/** An exchange without its body. */
const BYTES_BESIDES = 1000

const MASK = '***'

/** What was sent and came back, as it may be shown. */
export function exchangeOf(
  { headers, body }: PostRequest,
  endpoint: Endpoint,
  { answer }: Outcome,
): Exchange {
  const shown = Object.entries(headers)
    .slice(0, MAX_HEADERS)
    .map(([name, value]) => [name.slice(0, HEADER_CHARS), isOwn(endpoint, name) ? MASK : value])
  return {
    headers: Object.fromEntries(shown) as Exchange['headers'],
    body: beginningOf(body, MAX_BODY_BYTES),
    bodyBytes: body.length,
    answer,
  }
}

const isOwn = ({ headers }: Endpoint, name: string): boolean =>
  Object.hasOwn(headers, name) && !isReservedHeader(name)

/** The first characters of UTF-8, as many as are whole within so many bytes. */
function beginningOf(text: Uint8Array, maxBytes: number): string {
  let end = Math.min(text.length, maxBytes)
  while (end < text.length && end > 0 && (text[end]! & 0xc0) === 0x80) end--
  return new TextDecoder().decode(text.subarray(0, end))
}

type Kept = {
  readonly lane: string
  readonly number: number
  readonly bytes: number
  readonly exchange: Exchange
}

export class Exchanges {
  /** The oldest first. */
  readonly #all = new Set<Kept>()
  /** By lane and number, in order. */
  readonly #byLane = new Map<string, Map<number, Kept>>()
  #bytes = 0

  constructor(readonly maxBytes = MAX_BYTES) {}

  /** Keeps the exchange of an attempt, by the number that the outbox gave it. */
  add(lane: string, number: number, exchange: Exchange): void {
    const bytes = BYTES_BESIDES + exchange.body.length
    const kept = { lane, number, bytes, exchange }
    const ofLane = this.#byLane.getOrInsertComputed(lane, () => new Map())
    ofLane.set(number, kept)
    this.#all.add(kept)
    this.#bytes += bytes
    if (ofLane.size > KEPT_ATTEMPTS) this.#remove(ofLane.values().next().value!)
    while (this.#bytes > this.maxBytes) this.#remove(this.#all.values().next().value!)
  }

  /** Undefined where it is not kept. */
  of(lane: string, number: number): Exchange | undefined {
    return this.#byLane.get(lane)?.get(number)?.exchange
  }

  /** For an endpoint that is removed. */
  forget(lane: string): void {
    for (const kept of this.#byLane.get(lane)?.values() ?? []) this.#remove(kept)
  }

  #remove(kept: Kept): void {
    const { lane, number, bytes } = kept
    const ofLane = this.#byLane.get(lane)!
    ofLane.delete(number)
    if (ofLane.size === 0) this.#byLane.delete(lane)
    this.#all.delete(kept)
    this.#bytes -= bytes
  }
}
