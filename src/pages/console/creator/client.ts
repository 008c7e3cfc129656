/**
 * The creator's pane as a client of the app: one connection by Pusher's protocol 7 that comes back after each cut, and
 * signs its channels in the page. Owns the connection and what it wants; events and changes go to the listener.
 * Bounded: a number of channels, one timer, waits that grow.
 */
import { signText, type KeyPair } from '../../signature'

export type ChannelState =
  | { readonly phase: 'asked' }
  | { readonly phase: 'subscribed' }
  | { readonly phase: 'refused'; readonly reason: string }

export type ClientState = {
  /** `ended`: the server wants no other attempt of this client, or the page has closed it. */
  readonly phase: 'connecting' | 'connected' | 'waiting' | 'ended'
  /** Of the connection; undefined without one. */
  readonly socketId: string | undefined
  /** Why there is no connection, or what the server complained about last. */
  readonly reason: string | undefined
  readonly channels: ReadonlyMap<string, ChannelState>
  /** The user that the connection is signed in as. */
  readonly user: string | undefined
}

export type Received = {
  /** When it arrived, by the clock of `performance.now()`. */
  readonly at: number
  /** Undefined for events to a user. */
  readonly channel: string | undefined
  readonly event: string
  /** As the sender wrote it; JSON for most. */
  readonly data: string
  readonly userId: string | undefined
}

export type ClientOptions = {
  /** `ws://` or `wss://`, up to and without `/app/KEY`. */
  readonly base: string
  readonly key: string
  /** Undefined for whoever may not see it: then only public channels can be listened to. */
  readonly secret: string | undefined
  /** Who it is in presence channels, unless it is signed in as a user. */
  readonly memberId: string
  readonly change: (state: ClientState) => void
  readonly receive: (event: Received) => void
}

export const MAX_CHANNELS = 20
const FIRST_WAIT_MS = 500
const MAX_WAIT_MS = 30_000
/** A connection that has lasted so long was no failure. */
const STABLE_MS = 5000
/** How long a silent server has to answer a ping, and how long a handshake may take. */
const PATIENCE_MS = 10_000
const USUAL_ACTIVITY_SECONDS = 120
const NO_SECRET = 'Only who may see the secret of the app can sign for this channel'

type Frame = {
  readonly event: string
  readonly channel?: string
  readonly data: string
} & Readonly<Record<string, unknown>>

export class CreatorClient {
  readonly #options: ClientOptions
  readonly #channels = new Map<string, ChannelState>()
  /** Cache channels whose last event, or word that there is none, has not come yet. */
  readonly #cached = new Set<string>()
  #socket: WebSocket | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #activityMs = USUAL_ACTIVITY_SECONDS * 1000
  #failures = 0
  /** By the clock of `performance.now()`. */
  #connectedAt = 0
  #wantedUser: string | undefined
  #state: Omit<ClientState, 'channels'> = {
    phase: 'connecting',
    socketId: undefined,
    reason: undefined,
    user: undefined,
  }
  /** Told of each change, until they have what they wait for. */
  readonly #waiting = new Set<() => void>()

  constructor(options: ClientOptions) {
    this.#options = options
    this.#connect()
  }

  get state(): ClientState {
    return { ...this.#state, channels: new Map(this.#channels) }
  }

  /** Listens to a channel from now on, over all connections. Past MAX_CHANNELS the oldest one is left. */
  subscribe(channel: string): void {
    const known = this.#channels.get(channel)
    if (known && known.phase !== 'refused') return
    const [oldest] = this.#channels.keys()
    if (!known && this.#channels.size >= MAX_CHANNELS) this.unsubscribe(oldest!)
    this.#ask(channel)
    this.#tell()
  }

  unsubscribe(channel: string): void {
    if (!this.#channels.delete(channel)) return
    this.#cached.delete(channel)
    if (this.#state.socketId) this.#send('pusher:unsubscribe', { channel })
    this.#tell()
  }

  /** Signs in as a user, to hear what is sent to it. A connection has one user for life, so another needs a new one. */
  signIn(user: string | undefined): void {
    if (user === this.#wantedUser) return
    const isTaken = this.#wantedUser !== undefined
    this.#wantedUser = user
    if (isTaken) this.retry()
    else if (this.#state.socketId) this.#sendSignin()
  }

  /** Connects anew at once, also after the end. */
  retry(): void {
    this.#failures = 0
    this.#leave()
    this.#connect()
  }

  close(): void {
    this.#leave()
    this.#lose('ended', 'Closed')
  }

  /** Resolves to true once the channel is subscribed to; to false once it is refused, gone, or the time is over. */
  whenSubscribed(channel: string, patienceMs: number): Promise<boolean> {
    return this.#when(patienceMs, () => {
      const phase = this.#channels.get(channel)?.phase
      if (phase === 'asked' && this.#state.phase !== 'ended') return undefined
      return phase === 'subscribed' ? (this.#cached.has(channel) ? undefined : true) : false
    })
  }

  /** Resolves to true once the connection is signed in as the user. */
  whenSignedIn(user: string, patienceMs: number): Promise<boolean> {
    return this.#when(patienceMs, () => {
      if (this.#wantedUser !== user || this.#state.phase === 'ended') return false
      return this.#state.user === user ? true : undefined
    })
  }

  #when(patienceMs: number, answer: () => boolean | undefined): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const look = (): void => {
      const answered = answer()
      if (answered !== undefined) resolve(answered)
    }
    const timer = setTimeout(() => resolve(false), patienceMs)
    this.#waiting.add(look)
    look()
    return promise.finally(() => {
      clearTimeout(timer)
      this.#waiting.delete(look)
    })
  }

  #tell(): void {
    for (const look of this.#waiting) look()
    this.#options.change(this.state)
  }

  // ---------------------------------------------------------------- the connection

  #connect(): void {
    const { base, key } = this.#options
    const query = 'protocol=7&client=carillon-console&version=1'
    const socket = new WebSocket(`${base}/app/${encodeURIComponent(key)}?${query}`)
    this.#socket = socket
    this.#lose('connecting', this.#state.reason)
    this.#wait(PATIENCE_MS, () => socket.close())
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return
      this.#wait(this.#activityMs, () => this.#doubt())
      const frame = readFrame(data)
      if (frame) this.#hear(frame)
    }
    socket.onclose = ({ code, reason }) => {
      if (socket === this.#socket) this.#comeBack(code, reason)
    }
  }

  /** Codes from 4000 on say how to come back: not at all, after a wait, at once. Spec: protocol 7, closures. */
  #comeBack(code: number, reason: string): void {
    this.#leave()
    const said = reason === '' ? `The connection was cut (${code})` : `${reason} (${code})`
    if (code >= 4000 && code < 4100) return this.#lose('ended', said)
    if (this.#state.socketId && performance.now() - this.#connectedAt > STABLE_MS)
      this.#failures = 0
    const isAtOnce = code >= 4200 && code < 4300 && this.#failures === 0
    const waitMs = isAtOnce ? 0 : Math.min(FIRST_WAIT_MS * 2 ** this.#failures, MAX_WAIT_MS)
    this.#failures++
    this.#wait(waitMs, () => this.#connect())
    this.#lose('waiting', said)
  }

  #leave(): void {
    const socket = this.#socket
    this.#socket = undefined
    clearTimeout(this.#timer)
    socket?.close()
  }

  #lose(phase: ClientState['phase'], reason: string | undefined): void {
    this.#state = { phase, socketId: undefined, reason, user: undefined }
    this.#cached.clear()
    for (const channel of this.#channels.keys()) this.#channels.set(channel, { phase: 'asked' })
    this.#tell()
  }

  /** Runs in the place of what it waited for before. */
  #wait(ms: number, run: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(run, ms)
  }

  #doubt(): void {
    const socket = this.#socket
    this.#send('pusher:ping', {})
    this.#wait(PATIENCE_MS, () => {
      if (socket === this.#socket) this.#comeBack(1006, 'The server has not answered')
    })
  }

  #send(event: string, data: object): void {
    this.#socket?.send(JSON.stringify({ event, data }))
  }

  // ---------------------------------------------------------------- what it asks

  #ask(channel: string): void {
    const request = this.#requestFor(channel)
    this.#channels.set(
      channel,
      request ? { phase: 'asked' } : { phase: 'refused', reason: NO_SECRET },
    )
    if (!request || !this.#state.socketId) return
    if (isCache(channel)) this.#cached.add(channel)
    this.#send('pusher:subscribe', request)
  }

  /** Undefined where it takes a secret and there is none. */
  #requestFor(channel: string): object | undefined {
    if (!/^(private|presence)-/.test(channel)) return { channel }
    const pair = this.#pair
    if (!pair) return undefined
    const user_id = this.#wantedUser ?? this.#options.memberId
    const member = channel.startsWith('presence-')
      ? JSON.stringify({ user_id, user_info: { name: 'Carillon console' } })
      : undefined
    const text = [this.#state.socketId, channel, member].filter((part) => part !== undefined)
    return { channel, auth: authOf(pair, text.join(':')), ...(member && { channel_data: member }) }
  }

  get #pair(): KeyPair | undefined {
    const { key, secret } = this.#options
    return secret === undefined ? undefined : { key, secret }
  }

  #sendSignin(): void {
    const pair = this.#pair
    if (this.#wantedUser === undefined || !pair) return
    const user_data = JSON.stringify({ id: this.#wantedUser })
    const auth = authOf(pair, `${this.#state.socketId}::user::${user_data}`)
    this.#send('pusher:signin', { auth, user_data })
  }

  // ---------------------------------------------------------------- what it hears

  #hear(frame: Frame): void {
    const { event, channel, data } = frame
    switch (event) {
      case 'pusher:connection_established':
        return this.#begin(data)
      case 'pusher:ping':
        return this.#send('pusher:pong', {})
      case 'pusher:pong':
        return
      case 'pusher:error':
        return this.#note({ reason: textIn(data, 'message') ?? data })
      case 'pusher:signin_success':
        return this.#note({ user: this.#wantedUser })
    }
    if (channel === undefined) return
    switch (event) {
      case 'pusher_internal:subscription_succeeded':
        return this.#settle(channel, { phase: 'subscribed' })
      case 'pusher:subscription_error':
        return this.#settle(channel, { phase: 'refused', reason: textIn(data, 'error') ?? data })
    }
    if (this.#cached.delete(channel)) this.#tell()
    if (event !== 'pusher:cache_miss') this.#receive(frame)
  }

  #begin(data: string): void {
    const seconds = Number(/"activity_timeout":(\d+)/.exec(data)?.[1]) || USUAL_ACTIVITY_SECONDS
    this.#activityMs = seconds * 1000
    this.#connectedAt = performance.now()
    this.#state = {
      phase: 'connected',
      socketId: textIn(data, 'socket_id'),
      reason: undefined,
      user: undefined,
    }
    this.#sendSignin()
    for (const channel of this.#channels.keys()) this.#ask(channel)
    this.#tell()
  }

  #note(change: Partial<Pick<ClientState, 'reason' | 'user'>>): void {
    this.#state = { ...this.#state, ...change }
    this.#tell()
  }

  /** The answer for a channel that was left meanwhile is none. */
  #settle(channel: string, state: ChannelState): void {
    if (!this.#channels.has(channel)) return
    this.#channels.set(channel, state)
    this.#tell()
  }

  #receive({ event, channel, data, user_id: userId }: Frame): void {
    const isToUser = channel?.startsWith('#server-to-user-')
    this.#options.receive({
      at: performance.now(),
      channel: isToUser ? undefined : channel,
      event: event.replace(/^pusher_internal:/, 'pusher:'),
      data,
      userId: typeof userId === 'string' ? userId : undefined,
    })
  }
}

const isCache = (channel: string): boolean =>
  /^(private-(encrypted-)?|presence-)?cache-/.test(channel)

const authOf = ({ key, secret }: KeyPair, text: string): string =>
  `${key}:${signText(text, secret)}`

/** Undefined for what is no frame of the protocol. */
function readFrame(message: unknown): Frame | undefined {
  const frame = typeof message === 'string' ? parseObject(message) : undefined
  if (typeof frame?.['event'] !== 'string') return undefined
  const { event, channel, data = '' } = frame
  return {
    ...frame,
    event,
    ...(typeof channel === 'string' && { channel }),
    data: typeof data === 'string' ? data : JSON.stringify(data),
  }
}

/** A text below the key of a JSON object; undefined where there is none. */
function textIn(json: string, key: string): string | undefined {
  const value = parseObject(json)?.[key]
  return typeof value === 'string' ? value : undefined
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined // a SyntaxError: not JSON
  }
}
