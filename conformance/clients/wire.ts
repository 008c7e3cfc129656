/** The protocol over a WebSocket, message by message. */
import { createHmac } from 'node:crypto'
import { expectThat, Mismatch, parseJson, show } from '../mismatch'
import { FLOOD, Inbox, MAX_RECEIVED_BYTES, type Wait } from './inbox'
import { socketUrl, type Target } from '../target'

export type Message = {
  readonly event: string
  readonly channel?: string
  readonly data?: unknown
  readonly user_id?: unknown
}

export type Closing = { readonly code: number; readonly reason: string }

export type WireOptions = {
  readonly key?: string
  /** What stands behind the `?`. */
  readonly query?: string
}

/** A subscription as it is asked for. */
export type Signed = { readonly auth?: string; readonly channel_data?: string }

export const USUAL_QUERY = 'protocol=7&client=js&version=8.6.0&flash=false'

/** The hex HMAC-SHA256 of a text. */
export const sign = ({ secret }: Pick<Target, 'secret'>, text: string): string =>
  createHmac('sha256', secret).update(text).digest('hex')

export class WireClient {
  /** Set by `greet`. */
  socketId = ''
  /** What says how many subscribers there are; it comes in between wherever an app has it. */
  readonly counts: Inbox<Message>
  readonly #messages: Inbox<Message>
  readonly #closed = Promise.withResolvers<Closing>()
  readonly #socket: WebSocket
  #last = 'nothing'
  #isClosed = false
  #received = 0

  constructor(
    readonly target: Target,
    readonly wait: Wait,
    { key = target.key, query = USUAL_QUERY }: WireOptions = {},
  ) {
    this.counts = new Inbox(wait, () => this.#saw())
    this.#messages = new Inbox(wait, () => this.#saw())
    this.#closed.promise.catch(() => undefined) // many a case has no interest in it
    this.#socket = new WebSocket(socketUrl(target, key, query))
    this.#socket.addEventListener('message', ({ data }) => this.#receive(String(data)))
    this.#socket.addEventListener('error', () => (this.#last = 'a failed connection'))
    this.#socket.addEventListener('close', ({ code, reason }) => {
      this.#last = `the end of the connection (${code}${reason ? ` ${show(reason)}` : ''})`
      this.#isClosed = true
      this.#closed.resolve({ code, reason })
      this.#messages.end(this.#last)
      this.counts.end(this.#last)
    })
  }

  #saw(): string {
    return this.#last === 'nothing' ? 'nothing' : `nothing more after ${this.#last}`
  }

  #receive(text: string): void {
    this.#received += text.length
    if (this.#received > MAX_RECEIVED_BYTES) return this.#giveUp()
    this.#last = show(text)
    let message: Message
    try {
      message = JSON.parse(text) as Message
    } catch {
      message = { event: `(no JSON) ${text}` }
    }
    if (message?.event === 'pusher:ping') this.send({ event: 'pusher:pong', data: {} })
    else if (message?.event === 'pusher_internal:subscription_count') this.counts.push(message)
    else this.#messages.push(message)
  }

  #giveUp(): void {
    this.#last = FLOOD
    this.#messages.end(FLOOD)
    this.counts.end(FLOOD)
    this.#socket.close()
  }

  /** The next message, whatever it is. @throws Mismatch where none comes */
  next(expected = 'a message'): Promise<Message> {
    return this.#messages.next(expected)
  }

  /** The next message, which has this event. @throws Mismatch */
  async nextOf(event: string, channel?: string): Promise<Message> {
    const message = await this.next(event)
    const isIt = message?.event === event && (channel === undefined || message.channel === channel)
    const expected = channel === undefined ? event : `${event} on ${channel}`
    expectThat(isIt, expected, message)
    return message
  }

  /** The data of the next message, which has this event and text as its data. @throws Mismatch */
  async nextData(event: string, channel?: string): Promise<unknown> {
    const { data } = await this.nextOf(event, channel)
    return parseJson(`data of ${event}`, data)
  }

  /** Reads the greeting. @throws Mismatch */
  async greet(): Promise<void> {
    const data = (await this.nextData('pusher:connection_established')) as { socket_id?: unknown }
    expectThat(typeof data?.socket_id === 'string', 'a socket_id', data)
    this.socketId = data.socket_id
  }

  send(message: object | string): void {
    this.#socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  /** Signs a channel for this connection. */
  sign(channel: string, channelData?: string): Signed {
    const parts = [this.socketId, channel, ...(channelData === undefined ? [] : [channelData])]
    const auth = `${this.target.key}:${sign(this.target, parts.join(':'))}`
    return channelData === undefined ? { auth } : { auth, channel_data: channelData }
  }

  /** Asks for a channel. */
  askFor(channel: string, signed: Signed = { auth: '' }): void {
    this.send({ event: 'pusher:subscribe', data: { channel, ...signed } })
  }

  /** Subscribes, and returns what the reply has as its data. @throws Mismatch */
  async subscribe(channel: string, signed?: Signed): Promise<unknown> {
    this.askFor(channel, signed)
    return (await this.nextOf('pusher_internal:subscription_succeeded', channel)).data
  }

  /** Subscribes to a channel that needs a signature. @throws Mismatch */
  join(channel: string, channelData?: string): Promise<unknown> {
    return this.subscribe(channel, this.sign(channel, channelData))
  }

  leave(channel: string): void {
    this.send({ event: 'pusher:unsubscribe', data: { channel } })
  }

  /** Signs in. @throws Mismatch */
  async signIn(userData: object): Promise<Message> {
    this.askToSignIn(JSON.stringify(userData))
    return this.nextOf('pusher:signin_success')
  }

  askToSignIn(userData: string, auth = this.signUser(userData)): void {
    this.send({ event: 'pusher:signin', data: { auth, user_data: userData } })
  }

  signUser(userData: string): string {
    return `${this.target.key}:${sign(this.target, `${this.socketId}::user::${userData}`)}`
  }

  /**
   * Waits until a subscription was refused, by `pusher:error` or `pusher:subscription_error`, and takes both
   * where both come. @throws Mismatch
   */
  async expectRefused(channel: string, why: string): Promise<void> {
    const expected = `${why} to be refused`
    const message = await this.next(expected)
    expectThat(isRefusal(message, channel), expected, message)
    await this.expectAlive(channel)
  }

  /** Waits until an error was told. @throws Mismatch */
  async expectError(why: string, code?: number): Promise<void> {
    const expected = `pusher:error${code === undefined ? '' : ` ${code}`} for ${why}`
    const message = await this.next(expected)
    const given = (message?.data as { code?: unknown } | undefined)?.code
    const isIt = message?.event === 'pusher:error' && (code === undefined || given === code)
    expectThat(isIt, expected, message)
  }

  /** Fails unless a ping is the next that is answered, refusals of a channel aside. @throws Mismatch */
  async expectAlive(channel?: string): Promise<void> {
    this.send({ event: 'pusher:ping', data: {} })
    for (;;) {
      const message = await this.next('an open connection that answers pings')
      if (message?.event === 'pusher:pong') return
      const isAside = channel !== undefined && isRefusal(message, channel)
      if (!isAside) throw new Mismatch('pusher:pong and nothing before it', show(message))
    }
  }

  /** True once this message has come, false where the connection ends instead. @throws Mismatch */
  async isAnswered(event: string): Promise<boolean> {
    try {
      await this.nextOf(event)
      return true
    } catch (error) {
      if (this.#isClosed) return false
      throw error
    }
  }

  /** The end of the connection. @throws Mismatch where it stays */
  nextClose(expected: string): Promise<Closing> {
    return this.wait(expected, this.#closed.promise, () => `an open connection, ${this.#saw()}`)
  }

  close(): void {
    this.#socket.close()
  }
}

const isRefusal = (message: Message | undefined, channel: string): boolean =>
  message?.event === 'pusher:error' ||
  (message?.event === 'pusher:subscription_error' && message.channel === channel)
