/**
 * Long-poll: Phoenix's other transport. A session is a connection whose client fetches its frames: they
 * are queued, and the next poll takes all of them. Every response is HTTP 200 with the status inside:
 * clients take an empty body for a fault.
 * Spec: phoenix contract 1.9.
 */
import type { RawFrame } from '../core/connection'
import type { Core } from '../core/core'
import type { Ending } from '../core/disconnect'
import { refusal, type Refusal } from '../core/errors'
import { withTimeout } from '../core/faults'
import { maxPostBytes } from '../core/limits'
import { Pass } from '../core/slices'
import { andThen, type MaybePromise } from '../core/maybe-promise'
import type { Frame } from '../core/types'
import { decodeUtf8, tryReadBytes, type UnreadReason } from '../http/bytes'
import { isPolled, POLLED, POLLED_PATH } from '../dialects/codecs'
import { CONTENT_TYPES } from '../http/headers'
import { noteHttpRefusal } from '../core/refusals'
import { noteRefusedRequest } from '../protocols/refuse'
import type { Client } from '../protocols/codec'
import {
  authorize,
  accept,
  chargeFrame,
  closeSession,
  openSession,
  receiveFrame,
  markSeen,
  turnAway,
  whenIdle,
  type ConnectAttempt,
  type IncomingRequest,
} from '../protocols/session'
import { QueuedSink, type QueuedSession } from './queued-sink'

/** How long a poll waits for a frame, and at most until the sweep after it; its client gives up after 20 s. */
const WINDOW_MS = 10_000
/** A session whose client has not polled for so long is over. */
const GAP_MS = 15_000
/** Past it the rest waits for the next poll, which comes at once: a megabyte of quotes takes 6 ms to write. */
const MAX_RESPONSE_CHARS = 256 * 1024
const UNPOLLED = refusal('protocol_unsupported', 'This version is not polled')

/** A connection's sink, and the polls that empty it. */
class LongPoll implements QueuedSession {
  readonly sink = new QueuedSink(this)
  /** The poll that waits for frames. */
  #pending: PromiseWithResolvers<Response> | undefined
  /** When the client last polled, or got a response; ms of `mono`. */
  #since: number

  constructor(
    readonly core: Core,
    readonly conn: Client,
    readonly appKey: string | null,
    readonly token: string,
    /** Called once, when the session is over. */
    readonly onEnd: (session: LongPoll) => void,
  ) {
    this.#since = core.clock.mono()
  }

  get isReady(): boolean {
    return this.#pending !== undefined
  }

  /** Its clients read text only. */
  textOf(frame: Frame): string | undefined {
    return typeof frame === 'string' ? frame : undefined
  }

  close(): void {
    this.end()
  }

  /** Responds with the queued frames, or the first within the window. Takes the place of an earlier poll. */
  poll(signal: AbortSignal): Promise<Response> {
    this.#respond(204)
    this.#since = this.core.clock.mono()
    markSeen(this.core, this.conn)
    const pending = (this.#pending = Promise.withResolvers<Response>())
    signal.addEventListener('abort', () => this.#forget(pending), { once: true })
    this.sink.flush()
    return pending.promise
  }

  /** Called several times a minute. */
  sweep(now: number): void {
    if (now - this.#since < (this.#pending ? WINDOW_MS : GAP_MS)) return
    if (this.#pending) this.#respond(204)
    else this.end()
  }

  /** A poll that waits gets its response; the next one shows the client that the session is gone. */
  end(ending?: Ending): void {
    if (this.conn.closed) return
    this.onEnd(this)
    closeSession(this.core, this.conn, ending)
    this.sink.flush()
    this.#respond(204)
  }

  write(): void {
    if (this.#pending && !this.sink.isEmpty) this.#respond(200)
  }

  #respond(status: 200 | 204): void {
    const pending = this.#pending
    if (!pending) return
    this.#forget(pending)
    const messages = status === 200 ? this.sink.take(MAX_RESPONSE_CHARS) : []
    pending.resolve(respond(status, this.token, messages))
  }

  #forget(poll: PromiseWithResolvers<Response>): void {
    if (this.#pending !== poll) return
    this.#pending = undefined
    this.#since = this.core.clock.mono()
  }
}

export class LongPolls {
  readonly #sessions = new Map<string, LongPoll>()
  readonly #pass: Pass<LongPoll>

  constructor(
    readonly core: Core,
    /** False for tokens of sessions that another worker has. */
    readonly owns: (token: string) => boolean = () => true,
  ) {
    const sessions = () => this.#sessions.values()
    this.#pass = new Pass(core.slices, 'long-poll', sessions, (session) =>
      session.sweep(core.clock.mono()),
    )
  }

  respond(request: Request, readIncoming: () => IncomingRequest): MaybePromise<Response> {
    if (request.method === 'OPTIONS') return respondPreflight(request)
    const incoming = readIncoming()
    const token = tokenIn(request, incoming)
    const session = this.#sessionOf(token, incoming)
    // The next poll is by another connection, which the process has that serves now.
    if (!session && token && request.method === 'GET' && this.core.state.hasMoved)
      return respond(204, token, [])
    if (request.method === 'GET') return session?.poll(request.signal) ?? this.#open(incoming)
    if (request.method === 'POST') return session ? receivePost(session, request) : respond(410)
    return respondEmpty(400)
  }

  /** True for messages of a session that another process has, which serves now, and for a new session. */
  isElsewhere(request: Request, incoming: IncomingRequest): boolean {
    if (!this.core.state.hasMoved || request.method === 'OPTIONS') return false
    const token = tokenIn(request, incoming)
    if (request.method === 'GET') return token === ''
    return this.#sessionOf(token, incoming) === undefined
  }

  /** Ends sessions that have had their time. */
  sweep(): void {
    this.#pass.begin()
  }

  /** A token is valid for the app that it was made for. */
  #sessionOf(token: string, { query }: IncomingRequest): LongPoll | undefined {
    const session = this.#sessions.get(token)
    return session?.appKey === query.get('app_key') ? session : undefined
  }

  /** A new session's token goes out with status 410, which is also what an old token gets. */
  #open(incoming: IncomingRequest): MaybePromise<Response> {
    const { core } = this
    if (!isPolled(incoming.query)) {
      const { remoteAddress } = incoming
      const unknown = { app: undefined, requestId: undefined }
      noteHttpRefusal(core, UNPOLLED, { ...unknown, remoteAddress, path: POLLED_PATH })
      return respond(403)
    }
    const attempt = accept(core, POLLED, POLLED.handshake(core, '', incoming.query), incoming)
    return andThen(authorize(core, attempt), (refused) => this.#start(attempt, refused))
  }

  #newToken(): string {
    let token = crypto.randomUUID()
    while (!this.owns(token)) token = crypto.randomUUID()
    return token
  }

  #start({ conn, request }: ConnectAttempt, refused: Refusal | undefined): Response {
    const { core } = this
    if (refused) {
      turnAway(core, conn, refused)
      return respond(403)
    }
    const appKey = request.query.get('app_key')
    const end = ({ token }: LongPoll) => this.#sessions.delete(token)
    const session = new LongPoll(core, conn, appKey, this.#newToken(), end)
    conn.sink = session.sink
    this.#sessions.set(session.token, session)
    openSession(core, conn, undefined)
    if (conn.closed) return respond(403) // a token would be asked for again at once
    return respond(410, session.token, [])
  }
}

/** Empty where the client has none yet. */
export const tokenIn = ({ headers }: Request, { query }: IncomingRequest): string =>
  headers.get('x-phoenix-longpoll-token') ?? query.get('token') ?? ''

/** Every line is charged as a message, valid or not. Undecodable ones end the session, as they close a socket. */
async function receivePost({ core, conn }: LongPoll, request: Request): Promise<Response> {
  const limit = maxPostBytes(core.limits)
  const bytes = await tryReadBytes(core.uploads, request, limit)
  if (bytes === 'too_slow') {
    noteRefusedRequest(core, conn, 'body_too_slow')
    return respondEmpty(408, { connection: 'close' }) // the rest of the body is not read
  }
  const isBatch = request.headers.get('content-type')?.startsWith('application/x-ndjson') === true
  const body = typeof bytes === 'string' ? rejectUnread(bytes, limit) : readPost(bytes, isBatch)
  if ('mistake' in body) {
    for (let line = 0; line < body.lines; line++) chargeFrame(core, conn, '')
    noteRefusedRequest(core, conn, 'message_invalid')
    const answer = { status: 400, reason: body.mistake }
    return Response.json(answer, { status: 400, headers: ANY_ORIGIN })
  }
  for (const frame of body.frames)
    if (frame.length > 0) receiveFrame(core, conn, frame)
    else chargeFrame(core, conn, frame)
  const idle = whenIdle(conn)
  const isLate =
    idle &&
    (await withTimeout(
      core.clock,
      WINDOW_MS,
      idle.then(() => false),
    ).catch(() => true))
  return respond(conn.closed ? 410 : isLate ? 408 : 200)
}

/** Clients of 1.7 send all that is queued in one request, later ones a hundred lines. */
const MAX_LINES = 1000

/** The frames of a post, empty lines as empty strings; or the mistake, and the lines to charge for. */
type Post =
  { readonly frames: readonly RawFrame[] } | { readonly mistake: string; readonly lines: number }

/** A batch is a message per line, any other post is one message. */
function readPost(bytes: Uint8Array, isBatch: boolean): Post {
  const text = decodeUtf8(bytes)
  if (!isBatch) return text === undefined ? rejectPost(NO_UTF8) : { frames: [text] }
  const lines = linesIn(text ?? Buffer.from(bytes).toString('latin1'))
  if (lines.length > MAX_LINES)
    return rejectPost(`The body exceeds the limit of ${MAX_LINES} lines`, MAX_LINES)
  if (text === undefined) return rejectPost(NO_UTF8, lines.length)
  const frames = lines.map(frameIn)
  const broken = frames.indexOf(undefined)
  if (broken === -1) return { frames: frames as RawFrame[] }
  return rejectPost(`Line ${broken + 1} is neither a message nor base64`, lines.length)
}

const NO_UTF8 = 'Expected the body to be UTF-8'

const rejectPost = (mistake: string, lines = 1): Post => ({ mistake, lines })

const rejectUnread = (reason: UnreadReason, maxBytes: number): Post =>
  rejectPost(
    reason === 'too_large'
      ? `The body exceeds the limit of ${maxBytes} bytes`
      : 'The body did not come whole',
  )

/** One line more than the limit at most: a megabyte of line ends is a million. The last line end begins none. */
function linesIn(text: string): string[] {
  const lines = text.split('\n', MAX_LINES + 2)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** The message in a line: a JSON array, or bytes in base64. Undefined where it is neither. */
function frameIn(line: string): RawFrame | undefined {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line
  return text === '' || text.startsWith('[') ? text : bytesIn(text)
}

function bytesIn(base64: string): Uint8Array | undefined {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0
  try {
    const bytes = Uint8Array.fromBase64(base64)
    // The decoder skips spaces, and accepts missing padding.
    return bytes.length === (base64.length / 4) * 3 - padding ? bytes : undefined
  } catch {
    return undefined // SyntaxError
  }
}

// ---------------------------------------------------------------- responses

const ANY_ORIGIN = { 'access-control-allow-origin': '*' }

/** Clients read the status in the body, and take any other than 200 of the response for the end of the session. */
function respond(status: number, token?: string, messages?: readonly string[]): Response {
  const headers = {
    ...ANY_ORIGIN,
    'content-type': CONTENT_TYPES.json,
    'cache-control': 'no-store',
  }
  return Response.json({ status, token, messages }, { headers })
}

const respondEmpty = (status: number, headers: object = {}): Response =>
  new Response(null, { status, headers: { ...ANY_ORIGIN, ...headers } })

const respondPreflight = ({ headers }: Request): Response =>
  respondEmpty(200, {
    'access-control-allow-headers': headers.get('access-control-request-headers') ?? '',
    'access-control-allow-methods': 'get, post, options',
    'access-control-max-age': '3600',
  })
