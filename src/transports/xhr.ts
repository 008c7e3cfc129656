/**
 * Xhr: pusher-js's `xhr_streaming` and `xhr_polling`, for clients whose WebSockets are blocked: the
 * requests, and the sessions by the names that clients have given them.
 *
 * A session's name is its only secret: forty random bits and more, below the key of its app. Pages
 * of any origin may call, as they may open WebSockets; plugins see the origin. As a wire of client libraries
 * it is no part of the OpenAPI document.
 * Spec: contract 9.2.
 */
import type { Core } from '../core/core'
import type { ErrorCode } from '../core/errors'
import { scanStrings, stringIn, type JsonSlice } from '../core/json-scan'
import { maxFrameChars, maxPostBytes } from '../core/limits'
import { Pass } from '../core/slices'
import type { MaybePromise } from '../core/maybe-promise'
import { tryReadBytes, decodeUtf8, TOO_SLOW, type UnreadReason } from '../http/bytes'
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
import { BEAT, HEADERS, Poll, Quotes, Stream, XhrSession, type Receiver } from './xhr-session'

export type XhrCall = {
  readonly verb: string
  /** The path of a WebSocket to the same app: `/app/KEY`. */
  readonly appPath: string
  /** Unique among all apps. */
  readonly session: string
}

/** `/pusher` is pusher-js's default prefix. */
const PATH =
  /^(?:\/pusher)?(?<appPath>\/app\/[^/]+)\/(?<session>\d{1,3}\/[\w-]{8,64})\/(?<verb>xhr|xhr_streaming|xhr_send)$/

/** Undefined for requests of anything else. */
export function xhrCall(method: string, path: string): XhrCall | undefined {
  if (method !== 'POST' && method !== 'OPTIONS') return undefined
  const { appPath, session, verb } = PATH.exec(path)?.groups ?? {}
  if (appPath === undefined || verb === undefined) return undefined
  return { verb: method === 'POST' ? verb : method, appPath, session: `${appPath}/${session}` }
}

/** pusher-js sends one message at a time. */
const MAX_MESSAGES_PER_SEND = 100

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

  /** `readIncoming` is called where a session is new. */
  respond(
    call: XhrCall,
    request: Request,
    readIncoming: () => IncomingRequest,
  ): MaybePromise<Response> {
    switch (call.verb) {
      case 'xhr':
        return this.#attach(call, request, readIncoming, () => new Poll())
      case 'xhr_streaming':
        return this.#attach(call, request, readIncoming, ({ sink }) => new Stream(sink.flush))
      case 'xhr_send':
        return this.#receive(call, request)
      default:
        return respondEmpty(PREFLIGHT_HEADERS)
    }
  }

  /** True for messages of a session that another process has, which serves now. */
  isElsewhere({ verb, session }: XhrCall): boolean {
    return this.core.state.hasMoved && verb === 'xhr_send' && !this.#sessions.has(session)
  }

  /** Ends sessions that have had their time. */
  sweep(): void {
    this.#pass.begin()
    this.quotes.forget()
  }

  #attach(
    call: XhrCall,
    { signal }: Request,
    readIncoming: () => IncomingRequest,
    receiverFor: (session: XhrSession) => Receiver,
  ): MaybePromise<Response> {
    const known = this.#sessions.get(call.session)
    // The next poll is by another connection, which the process has that serves now.
    if (!known && call.verb === 'xhr' && this.core.state.hasMoved) return respondLines(BEAT)
    const session = known ?? this.#open(call, readIncoming())
    markSeen(this.core, session.conn)
    const receiver = receiverFor(session)
    signal.addEventListener('abort', () => session.detach(receiver), { once: true })
    session.attach(receiver)
    return receiver.response
  }

  /** An unknown name opens a new session: that is how pusher-js finds that its own was lost. */
  #open({ appPath, session: name }: XhrCall, incoming: IncomingRequest): XhrSession {
    const { core, quotes } = this
    const handshake = pusher.handshake(core, appPath, incoming.query)
    const attempt = accept(core, pusher, handshake, incoming)
    const { conn } = attempt
    const session = new XhrSession(core, conn, quotes, () => this.#sessions.delete(name))
    conn.sink = session.sink
    this.#sessions.set(name, session)
    openSession(core, conn, authorize(core, attempt))
    return session
  }

  /** Receives a JSON list of messages; an empty one requests a sign of life. */
  async #receive(call: XhrCall, request: Request): Promise<Response> {
    const { core } = this
    const session = this.#sessions.get(call.session)
    if (!session) return respondText(404, 'The session does not exist')
    const limit = maxPostBytes(core.limits)
    const body = await tryReadBytes(core.uploads, request, limit)
    const messages = typeof body === 'string' ? body : await readMessages(core, session.conn, body)
    if (typeof messages === 'string') {
      noteRefusedRequest(core, session.conn, MISTAKES[messages][0])
      return respondMistake(messages, limit)
    }
    if (session.conn.closed) return respondText(404, 'The session is over')
    markSeen(core, session.conn)
    if (messages.length === 0) session.beat()
    for (const message of messages) receiveFrame(core, session.conn, message)
    return respondEmpty()
  }
}

/** Invalid Unicode is refused, as in a WebSocket's text, also in escapes: a repaired message is not the client's. */
async function readMessages(
  { slices, limits }: Core,
  { app }: XhrSession['conn'],
  body: Uint8Array,
): Promise<readonly string[] | Mistake> {
  const began = slices.meter()
  const strings = findMessages(body)
  slices.spend(began)
  if (typeof strings === 'string') return strings
  const messages: string[] = []
  for (const string of strings) {
    const read = (): string => readMessage(string, maxFrameChars(app?.limits ?? limits))
    const message = body.length > LONG_BYTES ? await slices.runOrDefer(read) : read()
    if (!message.isWellFormed()) return 'no_list'
    messages.push(message)
  }
  return messages
}

function findMessages(body: Uint8Array): readonly JsonSlice[] | Mistake {
  const text = decodeUtf8(body)
  const strings = text === undefined ? undefined : scanStrings(text, MAX_MESSAGES_PER_SEND)
  if (!strings) return 'no_list'
  return strings.length > MAX_MESSAGES_PER_SEND ? 'too_many' : strings
}

/** A megabyte of escapes takes 5 ms to read: the messages of a longer body take turns with others. */
const LONG_BYTES = 65_536
const ESCAPE_CHARS = 6

/** What is too long for a message however it is escaped is not read: it is refused for its length. */
const readMessage = (string: JsonSlice, maxChars: number): string =>
  string.end - string.start > ESCAPE_CHARS * maxChars + 2 ? string.text : stringIn(string)!

/** The mistakes of a body and their responses; `limit` is in bytes. */
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
type Mistake = UnreadReason | 'no_list' | 'too_many'

function respondMistake(mistake: Mistake, limit: number): Response {
  const [, status, text] = MISTAKES[mistake]
  const refused = respondText(status, text(limit))
  if (mistake === 'too_slow') refused.headers.set('connection', 'close')
  return refused
}

function respondText(status: number, text: string): Response {
  const headers = { ...HEADERS, 'content-type': CONTENT_TYPES.text }
  return new Response(`${text}\n`, { status, headers })
}

const respondLines = (lines: string): Response => new Response(lines, { headers: HEADERS })

const respondEmpty = (headers: object = {}): Response =>
  new Response(null, { status: 204, headers: { ...HEADERS, ...headers } })

/** Browsers send a preflight because of the content type. */
const PREFLIGHT_HEADERS = {
  'access-control-allow-methods': 'POST, OPTIONS',
  'access-control-allow-headers': 'content-type',
  'access-control-max-age': '86400',
}
