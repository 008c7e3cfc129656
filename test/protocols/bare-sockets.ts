/** Clients as bytes, on each way in: what no library sends, or leaves out. */
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import type { Connection } from '../../src/core/connection'
import { start, waitUntil, type StartOptions, type TestServer } from '../harness'
import { handshakeOf } from '../stalled-reader'

const pem = (name: string): string => join(import.meta.dir, '../tls', name)

export type Way = {
  readonly options: StartOptions
  readonly isEncrypted: boolean
  /** What clients connect to. */
  readonly host: string
  readonly handshake: (server: TestServer) => string
  /** A message that is answered, with so many bytes in it. */
  readonly message: (filling: string) => string
  /** What is in its answer. */
  readonly answer: string
  /** Code of a connection whose message does not end. */
  readonly code: number
}

const PUSHER: Way = {
  options: {},
  isEncrypted: false,
  host: '127.0.0.1',
  handshake: (server) => handshakeOf(server.app.key),
  message: (filling) => JSON.stringify({ event: 'pusher:ping', data: filling }),
  answer: 'pusher:pong',
  code: 4100,
}

/** WAYS: by which a client is a WebSocket. */
export const WAYS: Readonly<Record<string, Way>> = {
  Pusher: PUSHER,
  'Pusher by TLS': {
    ...PUSHER,
    options: { config: { tlsCertFile: pem('first.crt'), tlsKeyFile: pem('first.key') } },
    isEncrypted: true,
  },
  'Pusher by IPv6': { ...PUSHER, options: { config: { host: '::1' } }, host: '::1' },
  'Pusher by IPv4 where IPv6 is heard': { ...PUSHER, options: { config: { host: '::' } } },
  Phoenix: {
    ...PUSHER,
    handshake: (server) =>
      handshakeOf('').replace('/app/', `/socket/websocket?vsn=2.0.0&app_key=${server.app.key}`),
    message: (filling) => JSON.stringify([null, '1', 'phoenix', 'heartbeat', { filling }]),
    answer: 'phx_reply',
    code: 1008,
  },
}

/** A frame with a mask of zeros; `length` is what its header says, where less of it is sent. */
export function frame(
  opcode: number,
  payload: string | Buffer,
  { last = true, length = Buffer.byteLength(payload) } = {},
): Buffer {
  const head = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14)
  head[0] = (last ? 0x80 : 0) | opcode
  head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127)
  if (head.length === 8) head.writeUInt16BE(length, 2)
  if (head.length === 14) head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, Buffer.from(payload)])
}

/** A message in fragments of so many bytes. */
export function fragments(text: string, bytes: number): Buffer {
  const whole = Buffer.from(text)
  const frames: Buffer[] = []
  for (let at = 0; at < whole.length; at += bytes) {
    const last = at + bytes >= whole.length
    frames.push(frame(at === 0 ? 1 : 0, whole.subarray(at, at + bytes), { last }))
  }
  return Buffer.concat(frames)
}

export const startAs = (way: Way): Promise<TestServer> => start(way.options)

/** One socket. */
export class Bare {
  /** All that it has heard, a character for each byte. */
  heard = ''
  /** What the server has of it. */
  conn!: Connection
  #sent = 0
  #pings = 0

  private constructor(
    readonly server: TestServer,
    readonly socket: Socket,
  ) {
    socket.on('data', (data) => (this.heard += data.toString('latin1')))
    socket.on('error', () => undefined)
  }

  /** `before` is a request on the same connection, so many seconds earlier. */
  static async open(
    server: TestServer,
    way: Way,
    { before = '', seconds = 0 } = {},
  ): Promise<Bare> {
    const { port } = server
    const bare = new Bare(
      server,
      way.isEncrypted
        ? connectTls({ host: way.host, port, rejectUnauthorized: false })
        : connect(port, way.host),
    )
    const known = new Set(server.core.hub.connections())
    if (before !== '') await bare.#request(before, seconds)
    bare.write(way.handshake(server))
    await waitUntil(
      'it is connected',
      () => bare.#find(known) !== undefined && bare.heard.includes('\r\n\r\n'),
    )
    bare.conn = bare.#find(known)!
    return bare
  }

  #find(known: ReadonlySet<Connection>): Connection | undefined {
    return [...this.server.core.hub.connections()].find((conn) => !known.has(conn))
  }

  async #request(request: string, seconds: number): Promise<void> {
    this.write(request)
    await waitUntil('it is answered', () => this.heard.includes('HTTP/1.1 '))
    await pass(this.server, seconds)
    this.heard = ''
  }

  write(bytes: string | Buffer): void {
    this.#sent += Buffer.byteLength(bytes)
    this.socket.write(bytes)
  }

  /** Answers the server's pings so far. */
  answerPings(): void {
    for (let left = this.heard.split('"pusher:ping"').length - this.#pings; left > 1; left--) {
      this.#pings++
      this.write(frame(1, '{"event":"pusher:pong","data":{}}'))
    }
  }

  /** All that was written has come. */
  async arrived(): Promise<void> {
    const { core } = this.server
    await waitUntil('all has come', () => {
      core.sockets.refresh(() => undefined)
      return this.conn.closed || (this.conn.intake?.socket.received() ?? 0) >= this.#sent
    })
  }

  /** Writes what is answered, each part in a turn of its own, and waits for the answers. */
  async answered(bytes: Buffer | readonly Buffer[], answer: string, times = 1): Promise<void> {
    const before = this.heard.split(answer).length
    for (const part of [bytes].flat()) {
      this.write(part)
      await nextTurn()
    }
    await waitUntil(`it hears ${answer}`, () => this.heard.split(answer).length >= before + times)
  }

  /** The code that it was closed with, once that has come. */
  async closeCode(): Promise<number> {
    await waitUntil('it is closed', () => this.socket.readableEnded || this.socket.destroyed)
    const at = this.heard.lastIndexOf('\x88')
    return (this.heard.charCodeAt(at + 2) << 8) | this.heard.charCodeAt(at + 3)
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** So many seconds of the server's clock; `each` comes before each of them. */
export async function pass(
  server: TestServer,
  seconds: number,
  each: (second: number) => unknown = () => undefined,
): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await each(second)
    server.advance(1000)
    await nextTurn() // what has come is read
    await waitUntil('the sweep is over', () => server.core.slices.isIdle)
  }
}
