/**
 * Publisher: one keep-alive HTTP connection with at most one message outstanding. A message is
 * outstanding until the last subscriber has received it and the request is answered; then the next
 * one is published at once. The request is built beforehand, only data and signature change.
 */
import type { Socket } from 'bun'
import { CHANNEL, eventBody, HOST } from './app'
import type { TargetOf } from './signing'
import { nowMicros, padding, stamp } from './stamp'

export type PublisherOptions = {
  readonly port: number
  readonly subscribers: number
  readonly payloadBytes: number
  readonly targetOf: TargetOf
  readonly fail: (cause: unknown) => void
}

const ANSWER = '\r\n\r\n{}'
const ACCEPTED = 'HTTP/1.1 200 '

export class Publisher {
  /** Messages published so far; the number of the latest. */
  published = 0
  #stopped = false
  #undelivered = 0
  #answered = true
  #response = ''
  #socket: Socket<Publisher> | undefined
  readonly #request: (head: string) => string

  constructor(
    readonly index: number,
    readonly options: PublisherOptions,
  ) {
    this.#request = requestBuilder(options)
  }

  async connect(): Promise<void> {
    const { port } = this.options
    this.#socket = await Bun.connect<Publisher>({
      hostname: HOST,
      port,
      data: this,
      socket: EVENTS,
    })
  }

  get idle(): boolean {
    return this.#answered && this.#undelivered === 0
  }

  /** Called once for every delivery of this publisher's messages. */
  delivered(): void {
    if (--this.#undelivered === 0) this.next()
  }

  next(): void {
    if (this.#stopped || !this.idle) return
    this.#answered = false
    this.#undelivered = this.options.subscribers
    const request = this.#request(stamp(this.index, ++this.published, nowMicros()))
    if (this.#socket?.write(request) !== request.length)
      this.options.fail('a request was cut short')
  }

  answer(text: string): void {
    this.#response += text
    if (!this.#response.endsWith(ANSWER)) return this.#checkStatus()
    this.#response = ''
    this.#answered = true
    this.next()
  }

  /** Publishes nothing more; what is outstanding still arrives. */
  stop(): void {
    this.#stopped = true
  }

  #checkStatus(): void {
    if (this.#response.length < ACCEPTED.length || this.#response.startsWith(ACCEPTED)) return
    this.options.fail(`a trigger was answered with ${this.#response.trim()}`)
  }
}

/** Data is ASCII, so characters are bytes. */
function requestBuilder({ port, payloadBytes, targetOf }: PublisherOptions) {
  const fill = padding(payloadBytes)
  const bodyBytes = eventBody([CHANNEL], 'x'.repeat(payloadBytes)).length
  const head = [
    ' HTTP/1.1',
    `Host: ${HOST}:${port}`,
    'Content-Type: application/json',
    `Content-Length: ${bodyBytes}`,
  ].join('\r\n')
  return (stamped: string): string => {
    const body = eventBody([CHANNEL], stamped + fill)
    return `POST ${targetOf(body)}${head}\r\n\r\n${body}`
  }
}

const EVENTS = {
  binaryType: 'buffer' as const,
  data({ data: publisher }: Socket<Publisher>, chunk: Buffer) {
    publisher.answer(chunk.toString('latin1'))
  },
  close({ data: publisher }: Socket<Publisher>) {
    publisher.options.fail('a publisher was closed')
  },
  error({ data: publisher }: Socket<Publisher>, cause: Error) {
    publisher.options.fail(cause)
  },
}
