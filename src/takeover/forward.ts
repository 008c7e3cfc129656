/**
 * Requests that are passed on to the process that serves now, by its private socket, as they were sent. It is told
 * which listener a request came to, and from whom.
 */
import { REQUEST_ID, requestIdFrom } from '../http/headers'
import type { Addresses } from '../http/address'
import type { UnreadReason } from '../http/bytes'
import type { Forward, Way } from '../entrance'

/** Says where a request came from: the way, the peer's port and address, and the names of the headers that it had. */
const FROM = 'carillon-passed-on'

const WAYS: readonly string[] = ['public', 'plain', 'admin', 'metrics'] satisfies Way[]

/** Headers of one connection; the runtime writes those of the next. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'transfer-encoding', 'expect']

/** What the runtime adds to a request without it. */
const ADDED = ['accept', 'accept-encoding', 'user-agent']

type ForwardOptions = {
  /** Reads a body; a text says why it was not read. */
  readonly read?: (request: Request) => Promise<Uint8Array<ArrayBuffer> | UnreadReason>
  /** The client may send its next request by the same connection. */
  readonly keepsAlive?: boolean
}

const readWhole = async (request: Request): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await request.arrayBuffer())

/** Sends requests to the socket. One that cannot be sent is answered with 503. */
export function forwardTo(
  socketOf: () => string,
  addresses: Addresses,
  { read = readWhole, keepsAlive = false }: ForwardOptions = {},
): Forward {
  return async (request, way) => {
    const { address, port } = addresses.peerOf(request)
    const headers = new Headers(request.headers)
    const had = ADDED.filter((name) => headers.has(name)).join(',')
    for (const name of HOP_BY_HOP) headers.delete(name)
    headers.set(FROM, `${way} ${port} ${address} ${had}`)
    const { method, url, signal } = request
    try {
      const body = method === 'GET' || method === 'HEAD' ? undefined : await read(request)
      if (typeof body === 'string') return unread(request, body)
      const answer = await fetch(`http://localhost${url.slice(url.indexOf('/', 8))}`, {
        unix: socketOf(),
        method,
        headers,
        signal,
        ...(body && { body }),
        redirect: 'manual',
        decompress: false,
      })
      return await answerOf(answer, keepsAlive)
    } catch {
      const id = requestIdFrom(request.headers.get(REQUEST_ID))
      const own = { [REQUEST_ID]: id, 'retry-after': '1', connection: 'close' }
      return Response.json({ error: 'the server is being replaced' }, { status: 503, headers: own })
    }
  }
}

const STATUS: Readonly<Record<UnreadReason, number>> = {
  too_large: 413,
  too_slow: 408,
  broken_off: 400,
}

function unread({ headers }: Request, reason: UnreadReason): Response {
  const id = requestIdFrom(headers.get(REQUEST_ID))
  const own = { [REQUEST_ID]: id, connection: 'close' }
  return new Response(null, { status: STATUS[reason], headers: own })
}

/** The next request of the client is to open a connection to the process that serves now, unless this one goes on. */
async function answerOf(answer: Response, keepsAlive: boolean): Promise<Response> {
  const { status } = answer
  const headers = new Headers(answer.headers)
  if (keepsAlive) headers.delete('connection')
  else headers.set('connection', 'close')
  const isWhole = headers.has('content-length')
  return new Response(isWhole ? await answer.arrayBuffer() : answer.body, { status, headers })
}

/**
 * Marks a request that another process has passed on as what it was there. Returns the way that it came; undefined
 * for a request that nobody has passed on.
 */
export function receiveForwarded(request: Request, addresses: Addresses): Way | undefined {
  const { headers } = request
  const [way = '', port = '', address = '', had = ''] = headers.get(FROM)?.split(' ') ?? []
  if (!WAYS.includes(way)) return undefined
  headers.delete(FROM)
  for (const name of ADDED) if (!had.split(',').includes(name)) headers.delete(name)
  addresses.markForwarded(request, { address, port: Number(port) })
  return way as Way
}
