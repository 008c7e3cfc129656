/**
 * The yardstick: a bare `Bun.serve` that does what the runtime itself does and nothing more. Sockets
 * are upgraded, told the hello, and subscribed to one native topic per channel; a POST is parsed and
 * published once per channel. No signature, no checks, no shards. Run as a process of its own; the
 * port comes from `PORT`, the socket settings are Carillon's, so that only the work differs.
 */
import type { WebSocketHandler } from 'bun'
import { HOST } from './app'

type Trigger = { name: string; channels: string[]; data: string }
type Subscribe = { data: { channel: string } }

const BACKPRESSURE_BYTES = 1024 * 1024
const HELLO = frameText(
  'pusher:connection_established',
  undefined,
  '{"socket_id":"1.1","activity_timeout":120}',
)
const ANSWER = { headers: { 'content-type': 'application/json' } }

const websocket: WebSocketHandler<undefined> = {
  idleTimeout: 0,
  sendPings: false,
  backpressureLimit: BACKPRESSURE_BYTES,
  closeOnBackpressureLimit: true,
  open(ws) {
    ws.send(HELLO)
  },
  message(ws, message) {
    const { channel } = (JSON.parse(String(message)) as Subscribe).data
    ws.subscribe(channel)
    ws.send(frameText('pusher_internal:subscription_succeeded', channel, '{}'))
  },
}

const server = Bun.serve({
  port: Number(process.env['PORT'] ?? 0),
  hostname: HOST,
  development: false,
  async fetch(request, server) {
    if (request.method === 'POST') return trigger(await request.text())
    if (server.upgrade(request)) return undefined
    return new Response('OK') // GET /up: the process answers
  },
  websocket,
})

function trigger(body: string): Response {
  const { name, channels, data } = JSON.parse(body) as Trigger
  for (const channel of channels) server.publish(channel, frameText(name, channel, data))
  return new Response('{}', ANSWER)
}

/** The frame that Carillon sends, byte for byte. */
function frameText(event: string, channel: string | undefined, data: string): string {
  const where = channel === undefined ? '' : `,"channel":${JSON.stringify(channel)}`
  return `{"event":${JSON.stringify(event)}${where},"data":${JSON.stringify(data)}}`
}
