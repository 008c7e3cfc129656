/**
 * `bun run bench autocannon`: what a sceptic would type against a server that runs, signatures
 * included. The commands work for ten minutes, as long as a signature does.
 */
import { batchBody, eventBody } from './lib/events'
import { peerAt, type Peer } from './lib/sides'
import { signedRead, signedTargets } from './lib/signing'

const USUAL = 'http://127.0.0.1:6001'
const DATA_BYTES = 100
const CHANNELS = Array.from({ length: 10 }, (_, index) => `bench-${index}`)
const CANNON = 'bun x --bun autocannon -c 8 -d 10'

type Request = { readonly about: string; readonly path: string; readonly body?: string }

const data = 'x'.repeat(DATA_BYTES)
const REQUESTS: readonly Request[] = [
  { about: 'one event on one channel', path: '/events', body: eventBody(['bench'], data) },
  { about: 'one event on ten channels', path: '/events', body: eventBody(CHANNELS, data) },
  { about: 'ten events in a batch', path: '/batch_events', body: batchBody(CHANNELS, data) },
  { about: 'the list of occupied channels', path: '/channels' },
]

/** The URL may say id, key and secret, as `--peer` does. */
export function printAutocannon([url = USUAL]: readonly string[]): readonly string[] {
  console.log(commands(peerAt(url)).join('\n\n'))
  return []
}

/** Each with a comment above it; nothing in them needs quoting by the reader. */
export function commands(peer: Peer): readonly string[] {
  return REQUESTS.map(({ about, path, body }) => {
    const origin = `http://${peer.host}:${peer.port}`
    const what =
      body === undefined
        ? `'${origin}${signedRead(peer.app, path)}'`
        : `-m POST -H 'content-type: application/json' -b '${body}' '${origin}${signedTargets(peer.app, path)(body)}'`
    return `# ${about}; signed until ${until()}\n${CANNON} ${what}`
  })
}

const VALID_MS = 600_000
const until = (): string => new Date(Date.now() + VALID_MS).toTimeString().slice(0, 8)
