/**
 * URLs as text: signatures need the query and the path as they were sent, which parsers do not keep.
 */
import { invalid } from './mistake'

export type Pair = readonly [key: string, value: string]

/** Parameters of a signed query, which is decoded several ways before a signature is known to be wrong. */
const MAX_PAIRS = 50

/**
 * Splits a query without decoding: `a=1&b=%20` is `[['a', '1'], ['b', '%20']]`.
 * @throws RealtimeError('request_invalid') for too many
 */
export function splitQuery(url: string): Pair[] {
  const pairs: Pair[] = []
  let at = url.indexOf('?') + 1
  if (at === 0) return pairs
  while (at < url.length) {
    if (pairs.length === MAX_PAIRS) throw invalid(`More than ${MAX_PAIRS} parameters in the query`)
    const ampersand = url.indexOf('&', at)
    const end = ampersand === -1 ? url.length : ampersand
    const equals = url.indexOf('=', at)
    const split = equals === -1 || equals > end ? end : equals
    pairs.push([url.slice(at, split), url.slice(split + 1, end)])
    at = end + 1
  }
  return pairs
}

/** What follows the question mark; a server is never sent a fragment. */
export function queryOf(url: string): string {
  const start = url.indexOf('?')
  return start === -1 ? '' : url.slice(start + 1)
}

/** From the first slash after the host to the query. */
export function pathOf(url: string): string {
  const [start, end] = pathIn(url)
  return url.slice(start, end)
}

/** The URL with another path. */
export function withPath(url: string, path: string): string {
  const [start, end] = pathIn(url)
  return url.slice(0, start) + path + url.slice(end)
}

function pathIn(url: string): readonly [start: number, end: number] {
  const start = url.startsWith('/') ? 0 : url.indexOf('/', 8) // a bad Host header leaves a bare path
  const end = url.indexOf('?', start)
  return [start, end === -1 ? url.length : end]
}
