/**
 * Long-poll: Phoenix's other transport. A session is a connection whose client fetches what it is told;
 * what waits for it is queued, and the next poll takes all of it. Every answer is HTTP 200 with the
 * status inside: clients read an empty body as a fault.
 * Spec: phoenix contract 1.9.
 */
import type { Core } from '../core/core'
import { refusal, type Refusal } from '../core/errors'
import { withTimeout } from '../core/faults'
import { maxPostBytes } from '../core/limits'
import { Pass } from '../core/slices'
import type { Frame, MaybePromise } from '../core/types'
import { readBytes } from '../http/bytes'
import { isPolled, POLLED } from '../dialects/codecs'
import { CONTENT_TYPES } from '../http/headers'
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
import { readPost, unread } from './longpoll-body'
import { QueuedSink, type Fetched } from './queued-sink'

/** How long a poll waits for something to tell, and at most until the sweep after it; its client gives up after 20 s. */
const WINDOW_MS = 10_000
/** A session whose client has not asked for so long is over. */
const GAP_MS = 15_000
/** Of a version whose clients do not poll. */
const UNPOLLED = refusal('protocol_unsupported', 'This version is not polled')

/** A poll that waits for something to be told. */
type Waiting = (response: Response) => void

/** A connection's sink, and the polls that empty it. */
class LongPoll implements Fetched {
  readonly sink = new QueuedSink(this)
  readonly token = crypto.randomUUID()
  #waiting: Waiting | undefined
  /** When the client last asked, or was answered; ms of `mono`. */
  #since: number

  constructor(
    readonly core: Core,
    readonly conn: Client,
    /** As its client said it. */
    readonly appKey: string | null,
    /** Called once, when the session is over. */
    readonly onEnd: (session: LongPoll) => void,
  ) {
    this.#since = core.clock.mono()
  }

  get ready(): boolean {
    return this.#waiting !== undefined
  }

  /** Its clients read text only. */
  textOf(frame: Frame): string | undefined {
    return typeof frame === 'string' ? frame : undefined
  }

  close(): void {
    this.end()
  }

  /** Answered with what waits, or with what comes within the window. Takes the place of an earlier poll. */
  poll(signal: AbortSignal): Promise<Response> {
    this.#settle(204)
    this.#since = this.core.clock.mono()
    markSeen(this.core, this.conn)
    const { promise, resolve } = Promise.withResolvers<Response>()
    this.#waiting = resolve
    signal.addEventListener('abort', () => this.#abandon(resolve), { once: true })
    if (this.sink.queue.chars > 0) this.sink.flush()
    return promise
  }

  /** Several times a minute. */
  sweep(now: number): void {
    if (now - this.#since < (this.#waiting ? WINDOW_MS : GAP_MS)) return
    if (this.#waiting) this.#settle(204)
    else this.end()
  }

  /** Who polls is answered, and learns with the next poll that the session is gone. */
  end(): void {
    if (this.conn.closed) return
    this.onEnd(this)
    closeSession(this.core, this.conn)
    this.sink.flush()
    this.#settle(204)
  }

  write(): void {
    if (this.#waiting && this.sink.queue.chars > 0) this.#settle(200)
  }

  #settle(status: 200 | 204): void {
    const waiting = this.#waiting
    if (!waiting) return
    this.#abandon(waiting)
    this.#since = this.core.clock.mono()
    const messages = status === 200 ? this.sink.queue.take(Infinity) : []
    waiting(told({ status, token: this.token, messages }))
  }

  #abandon(waiting: Waiting): void {
    if (this.#waiting !== waiting) return
    this.#waiting = undefined
    this.#since = this.core.clock.mono()
  }
}

export class LongPolls {
  readonly #sessions = new Map<string, LongPoll>()
  readonly #pass: Pass<LongPoll>

  constructor(readonly core: Core) {
    const sessions = () => this.#sessions.values()
    this.#pass = new Pass(core.slices, 'long-poll', sessions, (session) =>
      session.sweep(core.clock.mono()),
    )
  }

  /** `arrival` is asked where a session is new. */
  answer(request: Request, arrival: () => IncomingRequest): MaybePromise<Response> {
    if (request.method === 'OPTIONS') return preflight(request)
    const asked = arrival()
    const header = request.headers.get('x-phoenix-longpoll-token')
    const session = this.#sessionOf(header ?? asked.query.get('token') ?? '', asked)
    if (request.method === 'GET') return session?.poll(request.signal) ?? this.#open(asked)
    if (request.method === 'POST') return session ? take(session, request) : told({ status: 410 })
    return badRequest()
  }

  /** Ends what has had its time. */
  sweep(): void {
    this.#pass.begin()
  }

  /** A token is good for the app that it was made for. */
  #sessionOf(token: string, { query }: IncomingRequest): LongPoll | undefined {
    const session = this.#sessions.get(token)
    return session?.appKey === query.get('app_key') ? session : undefined
  }

  /** 410 is how a client is told its token, and that an older one is gone. */
  #open(asked: IncomingRequest): MaybePromise<Response> {
    const { core } = this
    if (!isPolled(asked.query)) {
      core.refusalLog.note(UNPOLLED, { remoteAddress: asked.remoteAddress })
      return told({ status: 403 })
    }
    const attempt = accept(core, POLLED, POLLED.handshake(core, '', asked.query), asked)
    const verdict = authorize(core, attempt)
    const settle = (why: Refusal | undefined): Response => this.#begin(attempt, why)
    return verdict instanceof Promise ? verdict.then(settle) : settle(verdict)
  }

  #begin({ conn, request }: ConnectAttempt, refused: Refusal | undefined): Response {
    const { core } = this
    if (refused) {
      turnAway(core, conn, refused)
      return told({ status: 403 })
    }
    const appKey = request.query.get('app_key')
    const session = new LongPoll(core, conn, appKey, ({ token }) => this.#sessions.delete(token))
    conn.sink = session.sink
    this.#sessions.set(session.token, session)
    openSession(core, conn, undefined)
    if (conn.closed) return told({ status: 403 }) // a token would be asked for again at once
    return told({ status: 410, token: session.token, messages: [] })
  }
}

/** Every line is charged as a message, also where nothing comes of it. Undecodable ones end the session, as they close a socket. */
async function take({ core, conn }: LongPoll, request: Request): Promise<Response> {
  const limit = maxPostBytes(core.limits)
  const bytes = await readBytes(core.uploads, request, limit)
  if (bytes === 'too_slow') {
    noteRefusedRequest(core, conn, 'body_too_slow')
    return givenUp()
  }
  const isBatch = request.headers.get('content-type')?.startsWith('application/x-ndjson') === true
  const body = typeof bytes === 'string' ? unread(bytes, limit) : readPost(bytes, isBatch)
  if ('mistake' in body) {
    for (let line = 0; line < body.lines; line++) chargeFrame(core, conn, '')
    noteRefusedRequest(core, conn, 'message_invalid')
    return badRequest(body.mistake)
  }
  for (const frame of body.frames)
    if (frame.length > 0) receiveFrame(core, conn, frame)
    else chargeFrame(core, conn, frame)
  const done = await withinWindow(core, whenIdle(conn))
  return told({ status: conn.closed ? 410 : done ? 200 : 408 })
}

/** False where the window ended before. */
async function withinWindow({ clock }: Core, pending: Promise<void> | undefined): Promise<boolean> {
  if (!pending) return true
  return withTimeout(clock, WINDOW_MS, pending).then(
    () => true,
    () => false,
  )
}

// ---------------------------------------------------------------- answers

type Told = {
  readonly status: number
  readonly token?: string
  readonly messages?: readonly string[]
}

const ANY_ORIGIN = { 'access-control-allow-origin': '*' }

const told = (answer: Told): Response =>
  Response.json(answer, {
    headers: {
      ...ANY_ORIGIN,
      'content-type': CONTENT_TYPES.json,
      'cache-control': 'no-store',
    },
  })

/** Clients read the status in the body, and take anything but 200 for the end of the session. */
const badRequest = (reason?: string): Response =>
  reason === undefined
    ? new Response(null, { status: 400, headers: ANY_ORIGIN })
    : Response.json({ status: 400, reason }, { status: 400, headers: ANY_ORIGIN })

/** Nobody waits for the rest. */
const givenUp = (): Response =>
  new Response(null, { status: 408, headers: { ...ANY_ORIGIN, connection: 'close' } })

const preflight = ({ headers }: Request): Response =>
  new Response(null, {
    headers: {
      ...ANY_ORIGIN,
      'access-control-allow-headers': headers.get('access-control-request-headers') ?? '',
      'access-control-allow-methods': 'get, post, options',
      'access-control-max-age': '3600',
    },
  })
