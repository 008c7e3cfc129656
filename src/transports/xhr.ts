/**
 * Xhr: pusher-js's `xhr_streaming` and `xhr_polling`, for clients whose WebSockets do not pass: who
 * calls what, and the sessions by the names that clients have given them.
 *
 * A session's name is its only secret: forty random bits and more, below the key of its app. Pages
 * of any origin may call, as they may open WebSockets; plugins see the origin.
 *
 * Like the WebSocket beside it, this is a wire of client libraries and no part of the OpenAPI document:
 * what a request means depends on those before it, and its answer is a stream of frames.
 * Spec: contract 9.2.
 */
import type { Core } from '../core/core'
import type { ErrorCode } from '../core/errors'
import { scanStrings } from '../core/json-scan'
import { maxPostBytes } from '../core/limits'
import { Pass } from '../core/slices'
import type { MaybePromise } from '../core/types'
import { readBytes, textIn, TOO_SLOW, type Unread } from '../http/bytes'
import { CONTENT_TYPES } from '../http/headers'
import { pusher } from '../protocols/pusher'
import { noteRefusedRequest } from '../protocols/refuse'
import {
  authorize,
  accept,
  openSession,
  receiveFrame,
  markSeen,
  type IncomingRequest,
} from '../protocols/session'
import { HEADERS, Poll, Stream, type Receiver } from './receivers'
import { XhrSession, Quotes } from './xhr-session'

/** What is asked of which session. */
export type XhrCall = {
  readonly verb: string
  /** As a WebSocket would ask for it: `/app/KEY`. */
  readonly appPath: string
  /** Unique among all apps. */
  readonly session: string
}

/** `/pusher` is what pusher-js puts in front unless it is told otherwise. */
const PATH =
  /^(?:\/pusher)?(?<appPath>\/app\/[^/]+)\/(?<session>\d{1,3}\/[\w-]{8,64})\/(?<verb>xhr|xhr_streaming|xhr_send)$/

/** Undefined for requests that are none of this transport. */
export function xhrCall(method: string, path: string): XhrCall | undefined {
  if (method !== 'POST' && method !== 'OPTIONS') return undefined
  const { appPath, session, verb } = PATH.exec(path)?.groups ?? {}
  if (appPath === undefined || verb === undefined) return undefined
  return { verb: method === 'POST' ? verb : method, appPath, session: `${appPath}/${session}` }
}

/** pusher-js sends one message at a time. */
const MAX_MESSAGES_PER_SEND = 100
const PREFLIGHT_SECONDS = '86400'

export class XhrSessions {
  readonly #sessions = new Map<string, XhrSession>()
  readonly quotes = new Quotes()
  readonly #pass: Pass<XhrSession>

  constructor(readonly core: Core) {
    const sessions = () => this.#sessions.values()
    this.#pass = new Pass(core.slices, 'xhr', sessions, (session) =>
      session.sweep(core.clock.mono()),
    )
  }

  get count(): number {
    return this.#sessions.size
  }

  /** `arrival` is asked where a session is new. */
  answer(call: XhrCall, request: Request, arrival: () => IncomingRequest): MaybePromise<Response> {
    switch (call.verb) {
      case 'xhr':
        return this.#attach(call, request, arrival, () => new Poll())
      case 'xhr_streaming':
        return this.#attach(call, request, arrival, ({ sink }) => new Stream(sink.flush))
      case 'xhr_send':
        return this.#take(call, request)
      default:
        return preflight()
    }
  }

  /** Ends what has had its time. */
  sweep(): void {
    this.#pass.begin()
    this.quotes.forget()
  }

  #attach(
    call: XhrCall,
    { signal }: Request,
    arrival: () => IncomingRequest,
    receiverFor: (session: XhrSession) => Receiver,
  ): MaybePromise<Response> {
    const session = this.#sessions.get(call.session) ?? this.#open(call, arrival())
    markSeen(this.core, session.conn)
    const receiver = receiverFor(session)
    signal.addEventListener('abort', () => session.lost(receiver), { once: true })
    session.attach(receiver)
    return receiver.response
  }

  /** A session that nobody knows is a new one: pusher-js finds that its own was lost by being told so. */
  #open({ appPath, session: name }: XhrCall, arrival: IncomingRequest): XhrSession {
    const { core, quotes } = this
    const handshake = pusher.handshake(core, appPath, arrival.query)
    const attempt = accept(core, pusher, handshake, arrival)
    const { conn } = attempt
    const session = new XhrSession(core, conn, quotes, () => this.#sessions.delete(name))
    conn.sink = session.sink
    this.#sessions.set(name, session)
    openSession(core, conn, authorize(core, attempt))
    return session
  }

  /** A JSON list of texts, each a message; an empty one asks for a sign of life. */
  async #take(call: XhrCall, request: Request): Promise<Response> {
    const { core } = this
    const session = this.#sessions.get(call.session)
    if (!session) return answer(404, 'The session does not exist')
    const limit = maxPostBytes(core.limits)
    const body = await readBytes(core.uploads, request, limit)
    const messages = typeof body === 'string' ? body : messagesOf(body)
    if (typeof messages === 'string') {
      noteRefusedRequest(core, session.conn, MISTAKES[messages][0])
      return refusedFor(messages, limit)
    }
    if (session.conn.closed) return answer(404, 'The session is over')
    markSeen(core, session.conn)
    if (messages.length === 0) session.beat()
    for (const message of messages) receiveFrame(core, session.conn, message)
    return answer(204, '')
  }
}

/** What is no UTF-8 is refused, as in a WebSocket's text, also where it is written as an escape: repaired, it would be what nobody said. */
function messagesOf(body: Uint8Array): readonly string[] | Mistake {
  const text = textIn(body)
  if (text === undefined) return 'no_list'
  const messages = scanStrings(text, MAX_MESSAGES_PER_SEND)
  if (!messages?.every((message) => message.isWellFormed())) return 'no_list'
  return messages.length > MAX_MESSAGES_PER_SEND ? 'too_many' : messages
}

/** What can be wrong with what a request brings, and how that is told; `limit` is of bytes. */
const MISTAKES: Readonly<
  Record<Mistake, readonly [code: ErrorCode, status: number, text: (limit: number) => string]>
> = {
  broken_off: ['message_invalid', 400, () => 'The body broke off'],
  too_large: ['message_too_large', 413, (limit) => `The body exceeds the limit of ${limit} bytes`],
  too_slow: ['body_too_slow', 408, () => TOO_SLOW],
  no_list: ['message_invalid', 400, () => 'Expected the body to be a JSON list of texts'],
  too_many: [
    'message_too_large',
    413,
    () => `More than ${MAX_MESSAGES_PER_SEND} messages in one request`,
  ],
}
type Mistake = Unread | 'no_list' | 'too_many'

function refusedFor(mistake: Mistake, limit: number): Response {
  const [, status, text] = MISTAKES[mistake]
  const refused = answer(status, text(limit))
  if (mistake === 'too_slow') refused.headers.set('connection', 'close')
  return refused
}

function answer(status: number, text: string): Response {
  const headers = { ...HEADERS, 'content-type': CONTENT_TYPES.text }
  return status === 204
    ? new Response(null, { status, headers: HEADERS })
    : new Response(`${text}\n`, { status, headers })
}

/** Browsers ask first, because of the content type. */
const preflight = (): Response =>
  new Response(null, {
    status: 204,
    headers: {
      ...HEADERS,
      'access-control-allow-methods': 'POST, OPTIONS',
      'access-control-allow-headers': 'content-type',
      'access-control-max-age': PREFLIGHT_SECONDS,
    },
  })
