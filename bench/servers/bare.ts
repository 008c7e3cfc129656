/**
 * The yardstick: a bare `Bun.serve` that does what the runtime itself does and little more. Sockets
 * are upgraded, sent the hello, and subscribed to one native topic per channel; a signed POST is
 * verified, parsed and published once per channel. No other checks, and no shards.
 * Run as a process of its own; the port comes from `PORT`, the socket settings are Carillon's, so
 * that only the work differs.
 */
import type { WebSocketHandler } from 'bun'
import { timingSafeEqual } from 'node:crypto'
import { HOST, findSide } from '../lib/sides'

const { app: APP } = findSide('bare')
const APP_PATH = `/apps/${APP.id}`

type Trigger = { name: string; channels: string[]; data: string }
type Subscribe = { data: { channel: string } }

const BACKPRESSURE_BYTES = 1024 * 1024
const HELLO = frameText(
  'pusher:connection_established',
  undefined,
  '{"socket_id":"1.1","activity_timeout":30}',
)
const ANSWER = { headers: { 'content-type': 'application/json' } }

const PING = '{"event":"pusher:ping","data":{}}'
const PONG = '{"event":"pusher:pong","data":"{}"}'

const websocket: WebSocketHandler<undefined> = {
  idleTimeout: 0,
  sendPings: false,
  backpressureLimit: BACKPRESSURE_BYTES,
  closeOnBackpressureLimit: true,
  open(ws) {
    ws.send(HELLO)
  },
  message(ws, message) {
    if (message === PING) return void ws.send(PONG)
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
    const { url, method } = request
    const path = url.slice(url.indexOf('/', 8))
    const body = method === 'POST' ? await request.text() : ''
    if (path.startsWith(APP_PATH)) {
      if (!isSigned(method, path, body)) return new Response('', { status: 401 })
      return method === 'POST'
        ? trigger(body)
        : new Response(JSON.stringify({ channels: {} }), ANSWER)
    }
    if (server.upgrade(request)) return undefined
    return new Response('OK') // GET /up: the process answers
  },
  websocket,
})

const KEYED = new Bun.CryptoHasher('sha256', APP.secret)
const WINDOW_SECONDS = 600

/** By hand, for queries that are sorted and have nothing encoded, with the signature last. */
function isSigned(method: string, path: string, body: string): boolean {
  const [target = '', query = ''] = path.split('?')
  const [signed = '', signature] = query.split('&auth_signature=')
  const fields = new Map(signed.split('&').map((part) => part.split('=') as [string, string]))
  const late = Math.abs(Date.now() / 1000 - Number(fields.get('auth_timestamp')))
  if (fields.get('auth_key') !== APP.key || late >= WINDOW_SECONDS) return false
  if (body !== '' && Bun.MD5.hash(body, 'hex') !== fields.get('body_md5')) return false
  const digest = KEYED.copy().update(`${method}\n${target}\n${signed}`).digest('hex')
  return timingSafeEqual(Buffer.from(digest), Buffer.from(signature ?? ''))
}

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
