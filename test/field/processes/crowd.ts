/** Clients that come back after 4200 and say what they had last, as `carillon/resume` does; thousands fit into a process. */
import { Inbox } from '../../harness'

type Heard = { readonly n: number }
type Frame = {
  readonly event: string
  readonly data?: string
  readonly offset?: number
  readonly epoch?: string
}
type Position = { readonly epoch: string; readonly offset: number }

const KEY = 'test-app-fake-key'

/** What has become of all of them. */
export class Crowd {
  /** Close codes, and how often each came. */
  readonly codes = new Map<number, number>()
  readonly clients: Client[] = []
  /** Clients that were told that events were lost. */
  unrecovered = 0

  readonly ports: readonly number[]

  /** Clients that know several servers go from one to the next when they lose it. */
  constructor(
    port: number | readonly number[],
    readonly channel: string,
  ) {
    this.ports = [port].flat()
  }

  /** Opens so many, some at a time. */
  async open(count: number): Promise<void> {
    while (this.clients.length < count) {
      const some = Array.from(
        { length: Math.min(100, count - this.clients.length) },
        (_, index) => new Client(this, index),
      )
      this.clients.push(...some)
      await Promise.all(some.map((client) => client.connect()))
    }
  }

  noteCode(code: number): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1)
  }

  /** Resolves when all have heard the event. */
  async hear(n: number): Promise<void> {
    await Promise.all(this.clients.map((client) => client.hear(n)))
  }

  close(): void {
    for (const client of this.clients) client.close()
  }
}

class Client {
  readonly heard: number[] = []
  readonly #news = new Inbox<number>()
  #socket!: WebSocket
  #position: Position | undefined
  #isDone = false

  constructor(
    readonly crowd: Crowd,
    public turn: number,
  ) {}

  /** Resolves once it is subscribed. */
  connect(): Promise<void> {
    const { crowd } = this
    const { promise, resolve } = Promise.withResolvers<void>()
    const { ports } = crowd
    const port = ports[this.turn++ % ports.length]
    const socket = new WebSocket(`ws://127.0.0.1:${port}/app/${KEY}?protocol=7`)
    this.#socket = socket
    let isOpen = ports.length === 1
    socket.addEventListener('open', () => (isOpen = true))
    socket.addEventListener('message', ({ data }) =>
      this.#receive(JSON.parse(String(data)), resolve),
    )
    socket.addEventListener('close', ({ code }) => {
      if (this.#isDone) return
      if (isOpen) crowd.noteCode(code)
      // At once after 4200, and a second later after 4100, as Pusher's clients; one that is away has no code.
      const pauseMs = isOpen ? (code === 4200 ? 0 : 1000) : 20
      setTimeout(() => void this.connect().then(resolve), pauseMs)
    })
    return promise
  }

  #receive({ event, data, epoch, offset, ...rest }: Frame, isSubscribed: () => void): void {
    if (epoch !== undefined && offset !== undefined) this.#position = { epoch, offset }
    switch (event) {
      case 'pusher:connection_established': {
        const asked = { channel: this.crowd.channel, positions: true, since: this.#position }
        return this.#socket.send(JSON.stringify({ event: 'pusher:subscribe', data: asked }))
      }
      case 'pusher_internal:subscription_succeeded': {
        const { history } = rest as { history?: Position & { recovered?: boolean } }
        if (history?.recovered === false) this.crowd.unrecovered++
        this.#position ??= history
        return isSubscribed()
      }
      case 'pusher:ping':
        return this.#socket.send('{"event":"pusher:pong"}')
      case 'e': {
        const { n } = JSON.parse(data!) as Heard
        this.heard.push(n)
        this.#news.push(n)
      }
    }
  }

  /** Resolves when it has heard the event. */
  async hear(last: number): Promise<void> {
    while ((await this.#news.next(`event ${last}`)) !== last);
  }

  close(): void {
    this.#isDone = true
    this.#socket.close()
  }
}
