/**
 * Subscriber: one raw socket of the fan-out. It shakes hands, subscribes, and hands every message to
 * the tally. What a read leaves incomplete is kept for the next one.
 */
import type { Socket } from 'bun'
import { CHANNEL, HOST, SOCKET_PATH } from './app'
import type { Flight } from './flight'
import { HANDSHAKE_HEADERS, scanFrames, textFrame, type FrameSink } from './frames'
import { findStamp, hasStamp } from './stamp'
import type { Tally } from './tally'

/** What the subscribers of one swarm share. */
export type Audience = {
  readonly port: number
  readonly tally: Tally
  readonly flight: Flight
  readonly fail: (cause: unknown) => void
  /** Bytes from the start of a message's text to its stamp; found in the first message. */
  stampOffset: number
}

const SUBSCRIBE = textFrame(`{"event":"pusher:subscribe","data":{"channel":"${CHANNEL}"}}`)
const PONG = textFrame('{"event":"pusher:pong","data":{}}')
/** Server texts that matter, by a word in them. */
const WORDS = { hello: 'connection_established', joined: 'subscription_succeeded', ping: ':ping"' }

export class Subscriber implements FrameSink {
  readonly #joined = Promise.withResolvers<void>()
  #socket: Socket<Subscriber> | undefined
  #rest: Uint8Array | undefined
  #upgraded = false

  constructor(
    readonly index: number,
    readonly audience: Audience,
  ) {}

  /** Resolves when the subscription is confirmed. */
  async join(): Promise<void> {
    const { port } = this.audience
    this.#socket = await Bun.connect<Subscriber>({
      hostname: HOST,
      port,
      data: this,
      socket: EVENTS,
    })
    await this.#joined.promise
  }

  read(chunk: Uint8Array): void {
    const bytes = this.#rest === undefined ? chunk : joined(this.#rest, chunk)
    const from = this.#upgraded ? 0 : afterHandshake(bytes)
    this.#upgraded ||= from > 0
    const used = this.#upgraded ? scanFrames(bytes, from, this) : 0
    this.#rest = used === bytes.length ? undefined : bytes.slice(used)
  }

  text(bytes: Uint8Array, start: number, end: number): void {
    const { audience } = this
    let at = start + audience.stampOffset
    if (!hasStamp(bytes, at, end)) {
      at = findStamp(bytes, start, end)
      if (at < 0) return this.#control(new TextDecoder().decode(bytes.subarray(start, end)))
      audience.stampOffset = at - start
    }
    audience.tally.receive(this.index, bytes, at)
    audience.flight.landed()
  }

  other(opcode: number): void {
    this.audience.fail(`subscriber ${this.index} was sent a frame of kind ${opcode}`)
  }

  #control(text: string): void {
    if (text.includes(WORDS.hello)) this.#socket?.write(SUBSCRIBE)
    else if (text.includes(WORDS.joined)) this.#joined.resolve()
    else if (text.includes(WORDS.ping)) this.#socket?.write(PONG)
    else this.audience.fail(`subscriber ${this.index} was told ${text}`)
  }
}

const EVENTS = {
  binaryType: 'uint8array' as const,
  open(socket: Socket<Subscriber>) {
    socket.write(
      [
        `GET ${SOCKET_PATH}?protocol=7 HTTP/1.1`,
        `Host: ${HOST}`,
        ...HANDSHAKE_HEADERS,
        '',
        '',
      ].join('\r\n'),
    )
  },
  data({ data: subscriber }: Socket<Subscriber>, chunk: Uint8Array) {
    subscriber.audience.tally.readBegins()
    subscriber.read(chunk)
  },
  close({ data: { audience, index } }: Socket<Subscriber>) {
    audience.fail(`subscriber ${index} was closed`)
  },
  error({ data: { audience } }: Socket<Subscriber>, cause: Error) {
    audience.fail(cause)
  },
}

/** Where the frames begin, or 0 while the response's head is incomplete. */
function afterHandshake(bytes: Uint8Array): number {
  const end = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf('\r\n\r\n')
  return end < 0 ? 0 : end + 4
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length)
  bytes.set(first)
  bytes.set(second, first.length)
  return bytes
}
