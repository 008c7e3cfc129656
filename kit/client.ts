/** A raw client, and waiting for messages: tests never wait for a time. */

/** How long a test waits for what must arrive; only tests that fail pay for it, and machines are busy. */
export const PATIENCE_MS = 15_000

/** Items that arrived, or the waits for them; a wait that fails names what it waited for. */
export class Inbox<T> {
  readonly #items: T[] = []
  readonly #waiting: ((item: T) => void)[] = []

  push(item: T): void {
    const waiter = this.#waiting.shift()
    if (waiter) waiter(item)
    else this.#items.push(item)
  }

  next(what = 'a message'): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift()!)
    return waitFor(what, new Promise<T>((resolve) => this.#waiting.push(resolve)))
  }

  async take(count: number, what?: string): Promise<T[]> {
    const taken: T[] = []
    while (taken.length < count) taken.push(await this.next(what))
    return taken
  }

  /** Items that have arrived and were not read. */
  get unread(): readonly T[] {
    return this.#items
  }
}

/** Waits for a promise: rejects after so many milliseconds, naming what was waited for. */
export async function waitFor<T>(
  what: string,
  promise: Promise<T>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Error(`waited ${patienceMs} ms for ${what}`)),
    patienceMs,
  )
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Certificates of tests are signed by nobody. */
export const UNCHECKED = { tls: { rejectUnauthorized: false } } as const

export type RawOptions = {
  readonly path?: string
  readonly hello?: boolean
  readonly headers?: Record<string, string>
  readonly protocols?: string[]
}

export type Closing = { readonly code: number; readonly reason: string }

/** A client as small as a device's: sends text, reads frames, and answers only native pings. */
export class RawClient {
  readonly frames = new Inbox<string>()
  readonly closed: Promise<Closing>
  readonly opened: Promise<void>
  readonly socket: WebSocket
  socketId = ''

  constructor(url: string, { headers = {}, protocols = [] }: RawOptions = {}) {
    const options = { headers, protocols, ...UNCHECKED }
    this.socket = new WebSocket(url, options as unknown as string[])
    this.socket.binaryType = 'arraybuffer'
    this.socket.onmessage = ({ data }) =>
      this.frames.push(
        typeof data === 'string'
          ? data
          : `binary frame of ${(data as ArrayBuffer).byteLength} bytes`,
      )
    this.opened = new Promise((resolve, reject) => {
      this.socket.onopen = () => resolve()
      this.socket.onerror = () => reject(new Error(`no connection to ${url}`))
    })
    this.opened.catch(() => undefined) // for clients whose `opened` nobody awaits
    this.closed = new Promise((resolve) => {
      this.socket.onclose = ({ code, reason }) => resolve({ code, reason })
    })
  }

  async hello(): Promise<void> {
    const frame = await this.nextJson()
    if (frame.event !== 'pusher:connection_established')
      throw new Error(`expected a hello, got ${JSON.stringify(frame)}`)
    this.socketId = (JSON.parse(frame.data as string) as { socket_id: string }).socket_id
  }

  send(message: object | string | Uint8Array): void {
    if (typeof message === 'string' || message instanceof Uint8Array)
      this.socket.send(message as string)
    else this.socket.send(JSON.stringify(message))
  }

  next(what?: string): Promise<string> {
    return this.frames.next(what)
  }

  async nextJson(
    what?: string,
  ): Promise<{ event: string; channel?: string; data: unknown; user_id?: string }> {
    return JSON.parse(await this.next(what))
  }

  subscribe(channel: string, auth?: string, channelData?: string): void {
    this.send({ event: 'pusher:subscribe', data: { channel, auth, channel_data: channelData } })
  }

  /** Subscribes and reads the success. @throws Error for any other frame */
  async subscribed(channel: string, auth?: string, channelData?: string): Promise<string> {
    this.subscribe(channel, auth, channelData)
    const frame = await this.next(`the subscription to ${channel}`)
    if (!frame.startsWith('{"event":"pusher_internal:subscription_succeeded"'))
      throw new Error(`not subscribed to ${channel}: ${frame}`)
    return frame
  }

  /** Fails unless the next frame is the pong to a ping that it sends: nothing else was on its way. */
  async expectNothing(): Promise<void> {
    this.send({ event: 'pusher:ping', data: {} })
    const frame = await this.next('a pong')
    if (frame !== PONG) throw new Error(`expected nothing, got ${frame}`)
  }

  /** Resolves once the server has read everything that was sent: native pings are answered in order. */
  async heard(): Promise<void> {
    const socket = this.socket as WebSocket & { ping(): void }
    const pong = new Promise((resolve) => socket.addEventListener('pong', resolve, { once: true }))
    socket.ping()
    await waitFor('a native pong', Promise.race([pong, this.closed]))
  }

  closing(): Promise<Closing> {
    return waitFor('the close', this.closed)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close()
    await this.closed
  }
}

export const PONG = '{"event":"pusher:pong","data":"{}"}'
