/**
 * A socket that writes and reads as ArduinoWebsockets does, the library below Pusher-ESP32: its handshake, masks of
 * zeros, native pongs, and headers of the answer read without forgiveness.
 */
import { connect, type Socket } from 'node:net'
import { Inbox, waitFor } from '../../harness'

const ORIGIN = 'https://github.com/gilmaimon/TinyWebsockets'
/** The example of RFC 6455, 1.3. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

const TEXT = 1
const PING = 9
const PONG = 10

export class DeviceSocket {
  readonly #frames = new Inbox<string>()
  readonly #opened = Promise.withResolvers<void>()
  #received = Buffer.alloc(0)
  #isOpen = false

  /** Connects to this machine, whichever host the address names, as DNS would lead it here. */
  static async open(url: string, port: number, origin = ORIGIN): Promise<DeviceSocket> {
    // As the library takes it apart: up to the first slash it is host and port.
    const [, host, path] = /^ws:\/\/([^/:]+)(?::\d+)?(\/.*)$/.exec(url)!
    const socket = new DeviceSocket(connect(port, '127.0.0.1'))
    socket.#peer.write(
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nSec-WebSocket-Key: ${KEY}\r\n` +
        'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
        `User-Agent: TinyWebsockets Client\r\nOrigin: ${origin}\r\n\r\n`,
    )
    await waitFor('the handshake', socket.#opened.promise)
    return socket
  }

  readonly #peer: Socket

  private constructor(peer: Socket) {
    this.#peer = peer
    peer.on('data', (bytes: Buffer) => this.#receive(bytes))
    peer.on('error', (error) => this.#opened.reject(error))
  }

  #receive(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes])
    if (!this.#isOpen && !this.#readHead()) return
    while (this.#readFrame());
  }

  #readHead(): boolean {
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return false
    const [status, ...lines] = this.#received.subarray(0, end).toString().split('\r\n')
    const headers = new Map(
      lines.map((line) => {
        const at = line.indexOf(':')
        return [line.slice(0, at).toLowerCase(), line.slice(at + 2)] // it skips one blank
      }),
    )
    const isTaken =
      status!.startsWith('HTTP/1.1 101') &&
      headers.get('upgrade')?.toLowerCase() === 'websocket' &&
      headers.get('connection')?.toLowerCase() === 'upgrade' &&
      headers.get('sec-websocket-accept') === ACCEPT
    if (isTaken) this.#opened.resolve()
    else this.#opened.reject(new Error(`refused: ${status}`))
    this.#received = this.#received.subarray(end + 4)
    this.#isOpen = true
    return true
  }

  /** True where a frame was there as a whole. */
  #readFrame(): boolean {
    if (this.#received.length < 2) return false
    const short = this.#received[1]!
    if (short > 126) throw new Error('a frame that the library cannot read')
    const start = short === 126 ? 4 : 2
    if (this.#received.length < start) return false
    const end = start + (short === 126 ? this.#received.readUInt16BE(2) : short)
    if (this.#received.length < end) return false
    const opcode = this.#received[0]! & 15
    const payload = this.#received.subarray(start, end).toString()
    this.#received = this.#received.subarray(end)
    if (opcode === TEXT) this.#frames.push(payload)
    else if (opcode === PING) this.send(payload, PONG)
    return true
  }

  next(): Promise<string> {
    return this.#frames.next('a frame')
  }

  send(text: string, opcode = TEXT): void {
    const { length } = Buffer.from(text)
    const size = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 255]
    this.#peer.write(
      Buffer.concat([Buffer.of(0x80 | opcode, ...size, 0, 0, 0, 0), Buffer.from(text)]),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#peer.destroy()
  }
}
