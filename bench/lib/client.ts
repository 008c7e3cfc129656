/**
 * Client: one raw WebSocket of a load. It shakes hands, says what its role makes of the server's
 * texts, and hands every stamped message over without looking at the rest of it.
 */
import {
  closeText,
  HANDSHAKE_HEADERS,
  maskedFrame,
  OPCODE,
  scanFrames,
  type FrameSink,
} from './frames'
import type { Format } from './formats'
import type { Reactor, Reader } from './reactor'
import type { Peer } from './sides'
import { findStamp, hasStamp } from './stamp'

/** What the clients of one kind do; shared by all of them. */
export interface Role {
  /** It may talk. The socket id is in the text, where the format has a hello. */
  hello(client: Client, text: string): void
  /** The server has confirmed a subscription. */
  joined(client: Client, text: string): void
  /** A message, or whatever has a stamp: the text is `bytes[start, end)`, its stamp at `at`. */
  message(client: Client, bytes: Uint8Array, at: number, start: number, end: number): void
  /** Anything else. */
  told(client: Client, text: string): void
  /** A read begins: all of its messages arrived together. */
  reads?(): void
  ended(client: Client): void
}

const SOCKET_ID = /socket_id\\?":\\?"([\d.]+)/

const LINE_END = 0x0a

const decoder = new TextDecoder()

export class Client implements Reader, FrameSink {
  rest: Uint8Array | undefined
  socket = -1
  #upgraded = false
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

  say(text: string): void {
    this.reactor.send(this.socket, maskedFrame(OPCODE.text, new TextEncoder().encode(text)))
  }

  read(bytes: Uint8Array, end: number): number {
    this.role.reads?.()
    const from = this.#upgraded ? 0 : afterHandshake(bytes, end)
    if (from < 0) return 0
    if (!this.#upgraded) this.#begin()
    return scanFrames(bytes, from, end, this)
  }

  #begin(): void {
    this.#upgraded = true
    const { greeting, words } = this.format
    if (greeting !== undefined) this.say(greeting)
    if (words.hello === undefined) this.role.hello(this, '')
  }

  text(bytes: Uint8Array, start: number, end: number): void {
    if (!this.format.inLines) return this.#line(bytes, start, end)
    for (let from = start; from < end;) {
      const length = bytes.subarray(from, end).indexOf(LINE_END)
      const to = length < 0 ? end : from + length
      if (to > from) this.#line(bytes, from, to)
      from = to + 1
    }
  }

  #line(bytes: Uint8Array, start: number, end: number): void {
    let at = start + this.#stampOffset
    if (!hasStamp(bytes, at, end)) {
      at = findStamp(bytes, start, end)
      if (at < 0) return this.#control(decoder.decode(bytes.subarray(start, end)))
      this.#stampOffset = at - start
    }
    this.role.message(this, bytes, at, start, end)
  }

  other(opcode: number, payload: Uint8Array): void {
    if (opcode === OPCODE.ping)
      return this.reactor.send(this.socket, maskedFrame(OPCODE.pong, payload))
    throw new Error(
      opcode === OPCODE.close
        ? `client ${this.index} was closed: ${closeText(payload)}`
        : `client ${this.index} was sent a frame of kind ${opcode}`,
    )
  }

  ended(): void {
    this.role.ended(this)
  }

  #control(text: string): void {
    const { words, pong } = this.format
    if (text.includes(words.joined)) this.role.joined(this, text)
    else if (words.hello && text.includes(words.hello)) this.role.hello(this, text)
    else if (words.ping && text.includes(words.ping)) this.say(pong)
    else this.role.told(this, text)
  }
}

/** Of a hello. @throws Error when there is none in it */
export function socketIdIn(hello: string): string {
  const [, id] = SOCKET_ID.exec(hello) ?? []
  if (id === undefined) throw new Error(`no socket id in ${hello}`)
  return id
}

/** Where the frames begin, or -1 while the response's head is incomplete. @throws when refused */
function afterHandshake(bytes: Uint8Array, end: number): number {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, end)
  const at = head.indexOf('\r\n\r\n')
  if (at < 0) return -1
  if (!head.toString('latin1', 0, at).startsWith('HTTP/1.1 101'))
    throw new Error(`an upgrade was answered with ${head.toString('latin1', 0, at)}`)
  return at + 4
}
