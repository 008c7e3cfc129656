/**
 * Publisher: one keep-alive HTTP connection with at most one request outstanding, which publishes as
 * soon as there is room in the flight. The request is built beforehand, only data and signature change.
 */
import type { Socket } from 'bun'
import { CHANNEL, eventBody, HOST } from './app'
import type { Flight } from './flight'
import type { TargetOf } from './signing'
import { nowMicros, padding, stamp } from './stamp'

export type PublisherOptions = {
  readonly port: number
  readonly flight: Flight
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

  /** False while its last request is unanswered or the flight is full. */
  publish(): boolean {
    const { flight, fail } = this.options
    if (this.#stopped || !this.#answered || !flight.open) return false
    this.#answered = false
    flight.takeOff()
    const request = this.#request(stamp(this.index, ++this.published, nowMicros()))
    if (this.#socket?.write(request) !== request.length) fail('a request was cut short')
    return true
  }

  answer(text: string): void {
    this.#response += text
    if (!this.#response.endsWith(ANSWER)) return this.#checkStatus()
    this.#response = ''
    this.#answered = true
    this.publish()
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
