/**
 * A small server of the Pusher protocol that does one thing wrong, for the bench to find.
 */
import type { ServerWebSocket } from 'bun'

export type Misdeed =
  | 'nothing'
  | 'pings'
  | 'begins late'
  | 'answers in chunks'
  | 'loses one'
  | 'sends one twice'
  | 'swaps two'
  | 'cuts one short'
  | 'refuses with 200'
  | 'closes after the handshake'
  | 'closes in the middle'
  | 'closes after every answer'
  | 'stalls for a second'

type Subscriber = ServerWebSocket<undefined>
type Trigger = { name: string; channels: string[]; data: string }

/** The message at which it goes wrong, for one subscriber: among those that are sent at once, however short the run is. */
const FATEFUL = 3
const STALLED_AT = 100
/** Longer than `bench smoke` warms up and measures. */
const LATE_MS = 700
const GOODBYE = { headers: { connection: 'close' } }

export function startMisbehavingPeer(misdeed: Misdeed): Disposable & { readonly url: string } {
  const subscribers: Subscriber[] = []
  let [published, held] = [0, '']
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request, server) {
      if (request.method === 'POST') return publish((await request.json()) as Trigger)
      return server.upgrade(request) ? undefined : new Response('OK')
    },
    websocket: {
      open(ws) {
        if (misdeed === 'closes after the handshake') return ws.close(4001, 'no such app')
        ws.send(frame('pusher:connection_established', '{"socket_id":"1.1"}'))
      },
      message(ws, text) {
        const { channel } = (JSON.parse(String(text)) as { data: { channel: string } }).data
        subscribers.push(ws)
        ws.send(frame('pusher_internal:subscription_succeeded', '{}', channel))
      },
    },
  })

  function publish({ name, channels, data }: Trigger): Response {
    if (misdeed === 'refuses with 200') return new Response('{"error":"no"}')
    if (misdeed === 'closes after every answer') return new Response('{}', GOODBYE)
    published++
    if (misdeed === 'stalls for a second' && published === STALLED_AT) Bun.sleepSync(1000)
    if (misdeed === 'begins late' && published === 1) Bun.sleepSync(LATE_MS)
    const text = frame(name, data, channels[0])
    for (const [index, ws] of subscribers.entries())
      if (index > 0 || !misdeliver(ws, text)) ws.send(text)
    return misdeed === 'answers in chunks' ? inChunks() : new Response('{}')
  }

  /** True when the first subscriber has what it gets of this message. */
  function misdeliver(ws: Subscriber, text: string): boolean {
    if (misdeed === 'swaps two' && published === FATEFUL + 1) return sent(ws, text, held)
    if (published !== FATEFUL) return false
    if (misdeed === 'swaps two') held = text
    if (misdeed === 'pings') ws.ping('are you there?')
    if (misdeed === 'sends one twice') ws.send(text)
    if (misdeed === 'closes in the middle') ws.close(4100, 'full')
    if (misdeed === 'cuts one short') return sent(ws, text.replace(/x{9}/, ''))
    return misdeed === 'loses one' || misdeed === 'swaps two'
  }

  return {
    url: `http://127.0.0.1:${server.port}?pid=${process.pid}`,
    [Symbol.dispose]: () => void server.stop(true),
  }
}

function sent(ws: Subscriber, ...texts: readonly string[]): true {
  for (const text of texts) ws.send(text)
  return true
}

const frame = (event: string, data: string, channel?: string): string =>
  JSON.stringify({ event, channel, data })

function inChunks(): Response {
  async function* chunks(): AsyncGenerator<string> {
    yield '{'
    await new Promise(setImmediate) // so that the second is a packet of its own
    yield '}'
  }
  return new Response(chunks() as unknown as ReadableStream)
}
