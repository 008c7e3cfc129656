/**
 * Handshakes: the headers that the runtime does not check, and the answers to requests that are none.
 * Spec: RFC 6455, 4.2.1.
 */
import { percentDecode, quote } from '../core/errors'
import { HEADER_NAME } from '../core/webhooks'
import { CONTENT_TYPES, REQUEST_ID, requestIdFrom } from './headers'
import { pathOf } from './place'

/** A list of protocols may name others before ours. */
const UPGRADE = /(^|,)\s*websocket\s*(,|$)/i
const CONNECTION = /(^|,)\s*upgrade\s*(,|$)/i

/** True for a client that wants a WebSocket. */
export const requestsUpgrade = (headers: Headers): boolean =>
  UPGRADE.test(headers.get('upgrade') ?? '')

/** True where the last sender, a proxy or the client, means this connection. */
export const hasUpgradeConnection = (headers: Headers): boolean =>
  CONNECTION.test(headers.get('connection') ?? '')

/**
 * Browsers fail when the protocols that they offer get no answer; device libraries offer `arduino`.
 * phoenix.js offers its token beside `phoenix`, and a token must not be sent back.
 */
export function chooseProtocol(header: string | null): string | undefined {
  if (header === null) return undefined
  const offered = header.split(',').map((name) => name.trim())
  if (offered.includes('phoenix')) return 'phoenix'
  return offered.find((name) => HEADER_NAME.test(name) && !name.startsWith('base64url.bearer.'))
}

const NO_UPGRADE =
  'Expected a WebSocket: the request has no "Upgrade: websocket". A proxy has to pass it on (nginx: proxy_http_version 1.1, and the headers Upgrade and Connection)'

/** For people who open a socket's address in a browser, or whose proxy passes no upgrade on. */
export function respondToPage(request: Request): Response {
  const text = `This is where Pusher clients connect, and no page. With pusher-js:\n\n${snippet(request.url)}\n\n${NO_UPGRADE}`
  return refuse(request, 426, text, {
    upgrade: 'websocket',
    'content-type': CONTENT_TYPES.text,
    'x-content-type-options': 'nosniff',
  })
}

/** JavaScript that connects to where the request went, to be pasted into a page. */
function snippet(url: string): string {
  const path = pathOf(url)
  const at = path.lastIndexOf('/app/')
  const wsPath = quote(path.slice(0, at)).replace(/\/+/g, '/').replace(/\/$/, '')
  const key = quote(percentDecode(path.slice(at + '/app/'.length)))
  const { hostname = 'localhost', port = '' } = URL.canParse(url) ? new URL(url) : {}
  const options = [
    "cluster: 'carillon'",
    `wsHost: ${JSON.stringify(hostname)}`,
    ...(port === '' ? [] : [`wsPort: ${port}`, `wssPort: ${port}`]),
    ...(wsPath === '' ? [] : [`wsPath: ${JSON.stringify(wsPath)}`]),
    "forceTLS: location.protocol === 'https:'",
  ]
  return `  new Pusher(${JSON.stringify(key)}, { ${options.join(', ')} })`
}

const NO_HANDSHAKE =
  'Expected a WebSocket handshake: "Connection: Upgrade", which a proxy has to set, and a Sec-WebSocket-Key'

export const refuseHandshake = (request: Request): Response => refuse(request, 400, NO_HANDSHAKE)

const refuse = (request: Request, status: number, text: string, headers: object = {}): Response =>
  new Response(`${text}\n`, {
    status,
    headers: { [REQUEST_ID]: requestIdFrom(request.headers.get(REQUEST_ID)), ...headers },
  })
