/**
 * Subscriber: one connection by Pusher's protocol that comes back after each cut, and then asks for what it missed.
 * Owns the connection, and the position of the last event of each channel.
 */
import { version } from '../../package.json'
import { parseRecord } from '../core/json'
import { explainRefusal, sign } from './client'
import { CommandError } from './exits'
import type { AppCredentials, Place } from './target'

export type ReceivedEvent = {
  /** When it arrived; epoch milliseconds. */
  readonly time: number
  readonly channel: string
  readonly event: string
  readonly data: string
  readonly userId: string | undefined
  /** Of channels that keep their events. */
  readonly position: Position | undefined
}

type Position = { readonly epoch: string; readonly offset: number }

export type SubscriberOptions = {
  /** `http://` or `https://`, with a path prefix. */
  readonly base: string
  readonly tls: Place['tls']
  readonly app: AppCredentials
  readonly channels: readonly string[]
  /** How many of its last events each channel replays at first. */
  readonly rewind: number | undefined
  /** JSON of who it is in presence channels. */
  readonly member: string
  readonly receive: (event: ReceivedEvent) => void
  readonly note: (line: string) => void
  readonly signal: AbortSignal
  /** The error for a server that was never reached. */
  readonly unreachable: () => CommandError
}

const FIRST_WAIT_MS = 500
const MAX_WAIT_MS = 30_000
/** How long a silent server has to answer a ping. */
const PONG_MS = 10_000
const USUAL_ACTIVITY_SECONDS = 120
/** How long a connection may take. */
const HANDSHAKE_SECONDS = 20

/** A frame of the protocol, as far as it is looked at. */
type Frame = Readonly<Record<string, unknown>>

export class Subscriber {
  readonly #options: SubscriberOptions
  readonly #positions = new Map<string, Position>()
  /** Channels that the server has refused. */
  readonly #refused = new Map<string, string>()
  /** Channels that it was in. */
  readonly #entered = new Set<string>()
  #wasConnected = false
  /** Cuts and failures in a row. */
  #failures = 0

  constructor(options: SubscriberOptions) {
    this.#options = options
  }

  /** Listens until the signal is aborted. @throws CommandError for a refusal that stays */
  async run(): Promise<void> {
    const { signal, note, unreachable } = this.#options
    while (!signal.aborted) {
      const { code, reason } = await this.#connect()
      if (signal.aborted) return
      this.#requireAnyChannel()
      if (code >= 4000 && code < 4100) throw finalError(code, reason)
      if (!this.#wasConnected && code < 4100) throw unreachable()
      const wait = this.#nextWait(code)
      note(`the connection is gone (${reason || code}); again in ${(wait / 1000).toFixed(1)} s`)
      await waitFor(wait, signal)
    }
  }

  /** 42xx asks to come back at once; else each failure in a row doubles the wait. Some chance, since all others come back, too. */
  #nextWait(code: number): number {
    const most = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures++)
    return Math.round(
      (code >= 4200 && code < 4300 ? FIRST_WAIT_MS / 4 : most) * (0.5 + Math.random() / 2),
    )
  }

  /** Resolves with the close of one connection. */
  #connect(): Promise<{ code: number; reason: string }> {
    const { base, tls, app, signal } = this.#options
    const url = `${base.replace(/^http/, 'ws')}/app/${encodeURIComponent(app.key)}?protocol=7&client=carillon&version=${version}`
    // The types are those of browsers, which have no such option.
    const socket = new WebSocket(url, tls && ({ tls } as unknown as string[]))
    const { promise, resolve } = Promise.withResolvers<{ code: number; reason: string }>()
    const end = (reason: string): void => {
      socket.close()
      resolve({ code: 1006, reason })
    }
    const ask = (text: string): void => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text)
    }
    const watch = new Silence(ask, () => end('the server is silent'))
    watch.start(HANDSHAKE_SECONDS)
    const leave = (): void => end('')
    signal.addEventListener('abort', leave)
    socket.onmessage = ({ data }) => {
      watch.hear()
      const frame = parseRecord(String(data))
      if (frame) this.#hear(frame, socket, watch)
    }
    socket.onerror = () => undefined // its close says more
    socket.onclose = ({ code, reason }) => resolve({ code, reason })
    return promise.finally(() => {
      watch.stop()
      signal.removeEventListener('abort', leave)
    })
  }

  #hear(frame: Frame, socket: WebSocket, watch: Silence): void {
    const { event, channel } = frame
    const data =
      typeof frame['data'] === 'string' ? frame['data'] : JSON.stringify(frame['data'] ?? '')
    if (event === 'pusher:connection_established') this.#subscribe(data, socket, watch)
    else if (event === 'pusher:ping') socket.send('{"event":"pusher:pong","data":{}}')
    else if (event === 'pusher_internal:subscription_succeeded')
      this.#noteSubscribed(String(channel), frame)
    else if (event === 'pusher:subscription_error') this.#noteRefused(String(channel), data, socket)
    else if (event === 'pusher:error') this.#noteError(data)
    else if (typeof event === 'string' && typeof channel === 'string')
      this.#receive(event, channel, data, frame)
  }

  #subscribe(data: string, socket: WebSocket, watch: Silence): void {
    const { app, channels, rewind, member } = this.#options
    const hello = parseRecord(data)
    const socketId = String(hello?.['socket_id'])
    this.#wasConnected = true
    watch.start(Number(hello?.['activity_timeout']) || USUAL_ACTIVITY_SECONDS)
    for (const channel of channels) {
      const since = this.#positions.get(channel)
      const isPresence = channel.startsWith('presence-')
      const text = [socketId, channel, ...(isPresence ? [member] : [])].join(':')
      const request = {
        channel,
        positions: true,
        ...(since && { since }),
        ...(rewind !== undefined && !this.#entered.has(channel) && { rewind }),
        ...(/^(private|presence)-/.test(channel) && { auth: `${app.key}:${sign(app, text)}` }),
        ...(isPresence && { channel_data: member }),
      }
      socket.send(JSON.stringify({ event: 'pusher:subscribe', data: request }))
    }
  }

  /** Says what became of the events since the cut. */
  #noteSubscribed(channel: string, { history }: Frame): void {
    const answer = (history ?? {}) as { recovered?: boolean; missed?: number } & Partial<Position>
    const isBack = this.#entered.has(channel)
    const had = this.#positions.has(channel)
    this.#failures = 0
    this.#entered.add(channel)
    this.#refused.delete(channel)
    const { epoch, offset, missed, recovered } = answer
    // The position of now is not ours yet while missed events follow: each has its own.
    if (epoch && offset !== undefined && !missed) this.#positions.set(channel, { epoch, offset })
    else if (!epoch) this.#positions.delete(channel)
    if (!isBack) return this.#options.note(`subscribed to ${channel}`)
    const gap = missed ? `${missed} missed events follow` : 'nothing was missed'
    this.#options.note(
      `back in ${channel}; ${had && recovered ? gap : 'what happened meanwhile may be lost'}`,
    )
  }

  /** The close that follows an error of 40xx to 42xx says the same, and so does the refusal of a channel. */
  #noteError(data: string): void {
    const { code, message = data } = parseRecord(data) ?? {}
    const isKnown = [...this.#refused.values()].includes(String(message))
    if (!isKnown && !(typeof code === 'number' && code < 4300)) this.#options.note(String(message))
  }

  #noteRefused(channel: string, data: string, socket: WebSocket): void {
    const reason = explainRefusal(String(parseRecord(data)?.['error'] ?? data))
    this.#refused.set(channel, reason)
    this.#options.note(`${channel} is refused: ${reason}`)
    if (this.#refused.size === this.#options.channels.length) socket.close()
  }

  #requireAnyChannel(): void {
    if (this.#refused.size < this.#options.channels.length) return
    throw new CommandError('unauthorized', 'no channel is left to listen to')
  }

  #receive(event: string, channel: string, data: string, frame: Frame): void {
    const { epoch, offset, user_id: userId } = frame
    const position =
      typeof epoch === 'string' && typeof offset === 'number' ? { epoch, offset } : undefined
    if (position) this.#positions.set(channel, position)
    this.#options.receive({
      time: Date.now(),
      channel,
      event: event.replace(/^pusher_internal:/, 'pusher:'),
      data,
      userId: typeof userId === 'string' ? userId : undefined,
      position,
    })
  }
}

/** Finds out when the server is gone without a word: whoever is silent is asked. */
class Silence {
  #timer: ReturnType<typeof setTimeout> | undefined
  #limitMs = 0

  constructor(
    readonly ask: (text: string) => void,
    readonly giveUp: () => void,
  ) {}

  start(seconds: number): void {
    this.#limitMs = seconds * 1000
    this.hear()
  }

  hear(): void {
    clearTimeout(this.#timer)
    if (this.#limitMs > 0) this.#timer = setTimeout(() => this.#doubt(), this.#limitMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#limitMs = 0
  }

  #doubt(): void {
    this.ask('{"event":"pusher:ping","data":{}}')
    this.#timer = setTimeout(this.giveUp, PONG_MS)
  }
}

function finalError(code: number, reason: string): CommandError {
  const exit = code === 4001 ? 'missing' : code === 4009 ? 'unauthorized' : 'failed'
  return new CommandError(exit, `refused with ${code}: ${reason}`)
}

/** Resolves after a time, or once the signal is aborted. */
function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  signal.addEventListener('abort', () => resolve(), { once: true })
  return promise.finally(() => clearTimeout(timer))
}
