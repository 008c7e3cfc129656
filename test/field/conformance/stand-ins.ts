/**
 * Servers that are wrong on purpose, on bare sockets: what a conformance run must find out about them. `mute`
 * greets and then says nothing. `leaky` takes everything for right, and sends everything to everybody. `stubborn`
 * refuses whatever is asked. `endless` answers and greets, and never stops sending.
 */
import { createHash } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'

export type Kind = 'mute' | 'leaky' | 'stubborn' | 'endless'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const GREETING = makeMessage('pusher:connection_established', undefined, {
  socket_id: '1.1',
  activity_timeout: 120,
})

function makeMessage(event: string, channel: string | undefined, data: unknown): string {
  return JSON.stringify({ event, channel, data: JSON.stringify(data) })
}

export class StandIn {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #opened = new Set<Socket>()

  constructor(readonly kind: Kind) {
    this.#server = createServer((socket) => this.#accept(socket))
  }

  listen(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>()
    this.#server.listen(0, '127.0.0.1', () =>
      resolve((this.#server.address() as { port: number }).port),
    )
    return promise
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    let unread = Buffer.alloc(0)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#sockets.delete(socket)
      this.#opened.delete(socket)
    })
    socket.on('data', (bytes: Buffer<ArrayBuffer>) => {
      unread = Buffer.concat([unread, bytes])
      if (this.#opened.has(socket)) unread = this.#readFrames(socket, unread)
      else unread = this.#readRequest(socket, unread)
    })
  }

  #readRequest(socket: Socket, unread: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
    const text = unread.toString()
    const end = text.indexOf('\r\n\r\n')
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
    if (end < 0 || Buffer.byteLength(text.slice(end + 4)) < length) return unread
    const key = /sec-websocket-key: (.+)\r\n/i.exec(text)?.[1]
    if (this.kind === 'stubborn') respond(socket, '400 Bad Request')
    else if (key !== undefined || text.includes('/app/')) this.#open(socket, key ?? '')
    else if (this.kind === 'endless') sendOn(socket, `${ENDLESS}\r\n\r\n`, ' '.repeat(65_536))
    else {
      respond(socket, '200 OK')
      if (this.kind === 'leaky') this.#publish(text.slice(end + 4))
    }
    return Buffer.alloc(0)
  }

  #open(socket: Socket, key: string): void {
    const accept = createHash('sha1')
      .update(key + GUID)
      .digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    )
    this.#opened.add(socket)
    send(socket, GREETING)
    if (this.kind === 'endless') sendOn(socket, '', PINGS)
  }

  /** Reads frames, whatever is wrong with them. */
  #readFrames(socket: Socket, unread: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
    let rest = unread
    for (;;) {
      const short = (rest[1] ?? 0) & 0x7f
      const isMasked = ((rest[1] ?? 0) & 0x80) !== 0
      const start = 2 + (short === 126 ? 2 : 0) + (isMasked ? 4 : 0)
      if (rest.length < start) return rest
      const length = short === 126 ? rest.readUInt16BE(2) : short
      if (rest.length < start + length) return rest
      const mask = rest.subarray(start - 4, start)
      const payload = rest.subarray(start, start + length)
      const text = isMasked ? payload.map((byte, index) => byte ^ mask[index % 4]!) : payload
      if (this.kind === 'leaky') this.#agree(socket, Buffer.from(text).toString())
      rest = rest.subarray(start + length)
    }
  }

  /** Takes a message for right, whoever has sent it. */
  #agree(socket: Socket, text: string): void {
    const { event, channel, data } = parse(text)
    const presence = { presence: { ids: [], hash: {}, count: 0 } }
    const agreed = 'pusher_internal:subscription_succeeded'
    if (event === 'pusher:ping') send(socket, makeMessage('pusher:pong', undefined, {}))
    else if (event === 'pusher:subscribe')
      send(socket, makeMessage(agreed, data?.channel, presence))
    else if (event === 'pusher:signin')
      send(socket, JSON.stringify({ event: 'pusher:signin_success', data }))
    else if (event !== undefined && channel !== undefined) this.#sendAll(text)
  }

  /** Publishes to everybody. */
  #publish(body: string): void {
    const { name, channels, channel, data, batch } = parse(body)
    for (const each of batch ?? []) this.#publish(JSON.stringify(each))
    for (const each of channels ?? (channel === undefined ? [] : [channel]))
      this.#sendAll(JSON.stringify({ event: name, channel: each, data }))
  }

  #sendAll(text: string): void {
    for (const socket of this.#opened) send(socket, text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

type Message = {
  readonly event?: string
  readonly name?: string
  readonly channel?: string
  readonly channels?: readonly string[]
  readonly batch?: readonly object[]
  readonly data?: { readonly channel?: string }
}

function parse(text: string): Message {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? parsed : {}
  } catch {
    return {} // no JSON: a body that nobody needs
  }
}

function respond(socket: Socket, status: string): void {
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`,
  )
}

const send = (socket: Socket, text: string): boolean => socket.write(toFrame(text))

function toFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  const { length } = payload
  const head = length < 126 ? [0x81, length] : [0x81, 126, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), payload])
}

const ENDLESS = 'HTTP/1.1 200 OK\r\nContent-Type: application/json'
const PINGS = toFrame('{"event":"pusher:pong","data":{}}'.padEnd(60_000))

/** Sends the same again and again, as long as it is read. */
function sendOn(socket: Socket, first: string, more: string | Buffer): void {
  socket.write(first)
  const sendMore = (): void => {
    while (!socket.destroyed && socket.write(more));
  }
  socket.on('drain', sendMore)
  sendMore()
}
