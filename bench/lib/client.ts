/**
 * Client: one raw WebSocket of a load. It shakes hands, hands the server's texts to its role, and every
 * stamped message without looking at the rest of it.
 */
import {
  formatClose,
  HANDSHAKE_HEADERS,
  maskFrame,
  OPCODE,
  scanFrames,
  type FrameSink,
} from './frames'
import type { Format } from './formats'
import type { Reactor, Reader } from './reactor'
import type { Peer } from './sides'
import { findStamp, hasStamp } from './stamp'

/** A role is what clients of one kind do with what they receive. All of them share it. */
export interface Role {
  /** The client may send. The text has the socket id, where the format has a hello. */
  onHello(client: Client, text: string): void
  /** The server has confirmed a subscription. */
  onJoined(client: Client, text: string): void
  /** A message, or whatever has a stamp: the text is `bytes[start, end)`, its stamp at `at`. */
  onMessage(client: Client, bytes: Uint8Array, at: number, start: number, end: number): void
  /** Any other text. */
  onOther(client: Client, text: string): void
  /** A read begins: all of its messages arrived together. */
  onRead?(): void
  /** The server says goodbye, and closes; an error for roles without it. */
  onGoodbye?(): void
  onEnd(client: Client): void
}

const SOCKET_ID = /socket_id\\?":\\?"([\d.]+)/

const LINE_END = 0x0a

const decoder = new TextDecoder()

export class Client implements Reader, FrameSink {
  rest: Uint8Array | undefined
  socket = -1
  #isUpgraded = false
  /** Bytes from the start of a message's text to its stamp; found in the first message. */
  #stampOffset = 0

  constructor(
    readonly index: number,
    readonly reactor: Reactor,
    readonly format: Format,
    readonly role: Role,
  ) {}

  connect({ host, port, app }: Peer, urgency?: 'urgent'): void {
    this.socket = this.reactor.connect(host, port, this, urgency)
    const lines = [`GET ${this.format.path(app)} HTTP/1.1`, `Host: ${host}:${port}`]
    this.reactor.send(
      this.socket,
      Buffer.from([...lines, ...HANDSHAKE_HEADERS, '', ''].join('\r\n')),
    )
  }

  send(text: string): void {
    this.reactor.send(this.socket, maskFrame(OPCODE.text, new TextEncoder().encode(text)))
  }

  read(bytes: Uint8Array, end: number): number {
    this.role.onRead?.()
    const from = this.#isUpgraded ? 0 : findHandshakeEnd(bytes, end)
    if (from < 0) return 0
    if (!this.#isUpgraded) this.#begin()
    return scanFrames(bytes, from, end, this)
  }

  #begin(): void {
    this.#isUpgraded = true
    const { greeting, markers: words } = this.format
    if (greeting !== undefined) this.send(greeting)
    if (words.hello === undefined) this.role.onHello(this, '')
  }

  onText(bytes: Uint8Array, start: number, end: number): void {
    if (!this.format.inLines) return this.#readLine(bytes, start, end)
    for (let from = start; from < end;) {
      const length = bytes.subarray(from, end).indexOf(LINE_END)
      const to = length < 0 ? end : from + length
      if (to > from) this.#readLine(bytes, from, to)
      from = to + 1
    }
  }

  #readLine(bytes: Uint8Array, start: number, end: number): void {
    let at = start + this.#stampOffset
    if (!hasStamp(bytes, at, end)) {
      at = findStamp(bytes, start, end)
      if (at < 0) return this.#readControl(decoder.decode(bytes.subarray(start, end)))
      this.#stampOffset = at - start
    }
    this.role.onMessage(this, bytes, at, start, end)
  }

  onOtherFrame(opcode: number, payload: Uint8Array): void {
    if (opcode === OPCODE.ping)
      return this.reactor.send(this.socket, maskFrame(OPCODE.pong, payload))
    if (opcode === OPCODE.close && this.role.onGoodbye) return this.role.onGoodbye()
    throw new Error(
      opcode === OPCODE.close
        ? `client ${this.index} was closed: ${formatClose(payload)}`
        : `client ${this.index} was sent a frame of kind ${opcode}`,
    )
  }

  onEnd(): void {
    this.role.onEnd(this)
  }

  #readControl(text: string): void {
    const { markers: words, pong } = this.format
    if (text.includes(words.joined)) this.role.onJoined(this, text)
    else if (words.hello && text.includes(words.hello)) this.role.onHello(this, text)
    else if (words.ping && text.includes(words.ping)) this.send(pong)
    else this.role.onOther(this, text)
  }
}

/** Finds the socket id in a hello. @throws Error where there is none */
export function findSocketId(hello: string): string {
  const [, id] = SOCKET_ID.exec(hello) ?? []
  if (id === undefined) throw new Error(`no socket id in ${hello}`)
  return id
}

/** Finds where the frames begin: -1 while the response's head is incomplete. @throws Error when the upgrade is refused */
function findHandshakeEnd(bytes: Uint8Array, end: number): number {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, end)
  const at = head.indexOf('\r\n\r\n')
  if (at < 0) return -1
  if (!head.toString('latin1', 0, at).startsWith('HTTP/1.1 101'))
    throw new Error(`an upgrade was answered with ${head.toString('latin1', 0, at)}`)
  return at + 4
}
