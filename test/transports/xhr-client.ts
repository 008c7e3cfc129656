/** A client of the HTTP fallback as small as can be: it posts, and reads lines. */
import type { Connection } from '../../src/core/connection'
import type { QueuedSink } from '../../src/transports/queued-sink'
import type { XhrSession } from '../../src/transports/xhr-session'
import { Inbox, type TestServer } from '../harness'

let sessions = 0

/** A name as pusher-js makes them. */
const makeSession = (): string => `${sessions % 1000}/${(++sessions).toString(32).padStart(8, '0')}`

export type XhrOptions = {
  readonly key?: string
  readonly session?: string
  readonly query?: string
  readonly headers?: Record<string, string>
}

export class XhrClient {
  readonly session: string
  readonly base: string
  readonly query: string
  readonly headers: Record<string, string>
  socketId = ''

  constructor(
    readonly server: TestServer,
    { key = server.app.key, session = makeSession(), query, headers = {} }: XhrOptions = {},
  ) {
    this.session = session
    this.base = `/pusher/app/${key}/${session}`
    this.query = query ?? 'protocol=7&client=js&version=8.6.0'
    this.headers = headers
  }

  post(
    verb: string,
    body: string | Uint8Array<ArrayBuffer> = '',
    init: RequestInit = {},
  ): Promise<Response> {
    const query = verb === 'xhr_send' ? '' : this.query
    return this.server.http(`${this.base}/${verb}?${query}&t=1&n=1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...this.headers },
      body,
      ...init,
    })
  }

  /** The lines of one poll. */
  async poll(init?: RequestInit): Promise<string[]> {
    return linesOf(await (await this.post('xhr', '', init)).text())
  }

  /** Polls until as many messages have arrived. */
  async messages(count: number): Promise<string[]> {
    const messages: string[] = []
    while (messages.length < count) messages.push(...(await this.poll()).flatMap(messagesOf))
    return messages
  }

  /** Opens the session by a poll, and reads the hello. */
  async open(): Promise<this> {
    const [first, ...rest] = await this.poll()
    if (first !== 'o') throw new Error(`expected o, got ${first}`)
    const [hello] = rest.length > 0 ? rest.flatMap(messagesOf) : await this.messages(1)
    this.#greet(hello!)
    return this
  }

  /** One request that stays open. */
  async stream(): Promise<XhrStream> {
    const abort = new AbortController()
    const response = await this.post('xhr_streaming', '', { signal: abort.signal })
    return new XhrStream(response, abort)
  }

  /** Opens the session by a stream, and reads the hello. */
  async openStream(): Promise<XhrStream> {
    const stream = await this.stream()
    const first = await stream.lines.next('o')
    if (first !== 'o') throw new Error(`expected o, got ${first}`)
    this.#greet(await stream.nextMessage())
    return stream
  }

  send(...messages: (object | string)[]): Promise<Response> {
    const texts = messages.map((it) => (typeof it === 'string' ? it : JSON.stringify(it)))
    return this.post('xhr_send', JSON.stringify(texts))
  }

  subscribe(channel: string, auth?: string, channelData?: string): Promise<Response> {
    const data = { channel, auth, channel_data: channelData }
    return this.send({ event: 'pusher:subscribe', data })
  }

  #greet(hello: string): void {
    const { event, data } = JSON.parse(hello)
    if (event !== 'pusher:connection_established') throw new Error(`expected a hello, got ${hello}`)
    this.socketId = JSON.parse(data).socket_id
  }
}

export class XhrStream {
  readonly lines = new Inbox<string>()
  /** Resolves once the response has ended; `cut` where it did not end by itself. */
  readonly ended: Promise<'ended' | 'cut'>
  readonly #messages: string[] = []

  constructor(
    readonly response: Response,
    readonly abort: AbortController,
  ) {
    this.ended = this.#read(response).then(
      () => 'ended',
      () => 'cut',
    )
  }

  /** How many characters have arrived. */
  chars = 0

  async nextMessage(): Promise<string> {
    while (this.#messages.length === 0)
      this.#messages.push(...messagesOf(await this.lines.next('a line')))
    return this.#messages.shift()!
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of response.body!) {
      const text = decoder.decode(chunk, { stream: true })
      this.chars += text.length
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) this.lines.push(line)
    }
  }
}

const linesOf = (text: string): string[] => text.split('\n').slice(0, -1)

/** True where a request of the session waits for frames. */
export const isWaiting = ({ sink }: Connection): boolean =>
  ((sink as QueuedSink).session as XhrSession).isWaiting

/** Waits until a request of the session is there, or until none is. */
export async function waitForRequest(
  server: TestServer,
  conn: Connection,
  isWanted = true,
): Promise<void> {
  for (let trips = 0; isWaiting(conn) !== isWanted; trips++) {
    if (trips > 1000) throw new Error(`a request ${isWanted ? 'never waited' : 'waits for ever'}`)
    await server.http('/up')
  }
}

/** The messages of a line, as pusher-js reads it. */
export const messagesOf = (line: string): string[] =>
  line.startsWith('a') ? (JSON.parse(line.slice(1)) as string[]) : []
