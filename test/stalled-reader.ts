/** Sockets without a library: the handshake and frames of a client as bytes, and a reader that stands still. */
import type { Socket } from 'bun'
import { waitFor } from './harness'

/** The request by which a client of Pusher becomes a WebSocket. */
export const handshakeOf = (key: string): string =>
  `GET /app/${key} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'

/** A frame of a client, with a mask of zeros; for at most 125 bytes. */
export function maskedFrame(text: string, opcode = 1): Buffer {
  const payload = Buffer.from(text)
  if (payload.length > 125) throw new Error(`${payload.length} bytes are no short frame`)
  return Buffer.concat([Buffer.of(0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0), payload])
}

type StalledOptions = {
  readonly port: number
  readonly key: string
  /** Of its subscribe. */
  readonly data: object
  /** It stands still once it has read this; else from the beginning. */
  readonly until?: string
}

/** Subscribes, and then reads nothing until `resume`. */
export class StalledReader {
  socket!: Socket
  /** All that it has read, a character for each byte. */
  text = ''
  readonly #until: string
  readonly #stalled = Promise.withResolvers<void>()
  #hear = (): void => {}

  static async open({ port, key, data, until = '' }: StalledOptions): Promise<StalledReader> {
    const reader = new StalledReader(until)
    const subscribe = maskedFrame(JSON.stringify({ event: 'pusher:subscribe', data }))
    reader.socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        open: (peer) => {
          peer.write(handshakeOf(key))
          peer.write(subscribe)
          if (until === '') reader.#stall(peer)
        },
        data: (peer, bytes) => reader.#read(peer, bytes),
        error: () => {},
      },
    })
    await waitFor(`it to read ${until}`, reader.#stalled.promise)
    return reader
  }

  private constructor(until: string) {
    this.#until = until
  }

  #stall(peer: Socket): void {
    peer.pause()
    this.#stalled.resolve()
  }

  #read(peer: Socket, bytes: Buffer): void {
    const isFirst = !this.text.includes(this.#until)
    this.text += bytes.toString('latin1')
    if (isFirst && this.text.includes(this.#until)) this.#stall(peer)
    this.#hear()
  }

  resume(): void {
    this.socket.resume()
  }

  /** Reads on until something is there. */
  async readUntil(what: string, isThere: (text: string) => boolean): Promise<string> {
    this.resume()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#hear = () => isThere(this.text) && resolve()
    this.#hear()
    await waitFor(what, promise)
    return this.text
  }
}
