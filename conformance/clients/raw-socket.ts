/** A WebSocket whose bytes are written by hand, right or wrong. Spec: RFC 6455. */
import { createHash, randomBytes } from 'node:crypto'
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { constants, inflateRawSync } from 'node:zlib'
import { expectThat, Mismatch, show } from '../mismatch'
import { bareHost, type Target } from '../target'
import { FLOOD, Inbox, MAX_RECEIVED_BYTES, type Wait } from './inbox'
import { USUAL_QUERY } from './wire'

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** What came where nothing comes any more. */
export const ENDED = 'the end of the connection'

export type Frame = {
  readonly opcode: number
  readonly payload?: Uint8Array | string
  /** False where fragments follow. */
  readonly isFinal?: boolean
  /** The three reserved bits, as they stand in the first byte: 0x40, 0x20, 0x10. */
  readonly reserved?: number
  /** False leaves the mask out, which clients must not. */
  readonly isMasked?: boolean
}

export type Received = {
  readonly opcode: number
  readonly payload: Buffer
  readonly isFinal: boolean
  readonly reserved: number
  readonly isMasked: boolean
}

export type Handshake = {
  /** Header lines in place of the usual ones; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** The key of the app. */
  readonly key?: string
  readonly method?: string
  /** Writes the request byte by byte. */
  readonly isTorn?: boolean
}

export type Opened = { readonly status: number; readonly headers: ReadonlyMap<string, string> }

/** What the RFC appends to a key before it is hashed, section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const EMPTY = Buffer.alloc(0)
/** What compressed messages are sent without. RFC 7692, 7.2.2. */
const DEFLATE_END = Buffer.from([0, 0, 0xff, 0xff])
/** A stream that is flushed has no end. */
const INFLATE = { finishFlush: constants.Z_SYNC_FLUSH } as const

export const acceptOf = (key: string): string =>
  createHash('sha1')
    .update(key + GUID)
    .digest('base64')

/** Writes a frame with the shortest length that holds its payload, section 5.2. */
export function writeFrame({
  opcode,
  payload = '',
  isFinal = true,
  reserved = 0,
  isMasked = true,
}: Frame): Buffer {
  const body = Buffer.from(payload as string)
  const first = (isFinal ? 0x80 : 0) | reserved | opcode
  const masked = isMasked ? 0x80 : 0
  const mask = isMasked ? randomBytes(4) : EMPTY
  const sent = isMasked ? body.map((byte, index) => byte ^ mask[index % 4]!) : body
  return Buffer.concat([Buffer.from([first, ...writeLength(body.length, masked)]), mask, sent])
}

function writeLength(length: number, masked: number): readonly number[] {
  if (length < 126) return [masked | length]
  if (length < 65_536) return [masked | 126, length >> 8, length & 0xff]
  const wide = Buffer.alloc(8)
  wide.writeBigUInt64BE(BigInt(length))
  return [masked | 127, ...wide]
}

export class RawSocket {
  readonly key = randomBytes(16).toString('base64')
  readonly #frames: Inbox<Received>
  readonly #head = Promise.withResolvers<Opened>()
  readonly #ended = Promise.withResolvers<void>()
  #socket: Socket | undefined
  #unread: Buffer = EMPTY
  #isOpen = false
  #received = 0
  #last = 'nothing'

  constructor(
    readonly target: Target,
    readonly wait: Wait,
  ) {
    this.#frames = new Inbox(wait, () => this.#last)
    for (const { promise } of [this.#head, this.#ended]) promise.catch(() => undefined)
  }

  async connect(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const { port, isTls } = this.target
    const host = bareHost(this.target)
    const socket = isTls
      ? connectTls({ host, port, servername: host }, resolve)
      : connectPlain({ host, port }, resolve)
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => this.#receive(bytes))
    socket.on('error', (error) => reject(new Mismatch('a connection', error.message)))
    socket.on('close', () => this.#finish(ENDED))
    await this.wait('a connection', promise)
  }

  /** The first one counts: what has sent too much is closed after it. */
  #finish(instead: string): void {
    if (instead === ENDED) this.#ended.resolve()
    else this.#ended.reject(new Mismatch(ENDED, instead))
    this.#head.reject(new Mismatch('an answer to the handshake', instead))
    this.#frames.end(instead)
  }

  #receive(bytes: Buffer): void {
    this.#received += bytes.length
    if (this.#received > MAX_RECEIVED_BYTES) {
      this.#socket?.destroy()
      return this.#finish(FLOOD)
    }
    this.#unread = Buffer.concat([this.#unread, bytes])
    if (!this.#isOpen) this.#readHead()
    if (this.#isOpen) for (let frame = this.#cut(); frame; frame = this.#cut()) this.#take(frame)
  }

  #readHead(): void {
    const end = this.#unread.indexOf('\r\n\r\n')
    if (end < 0) return
    const [line = '', ...lines] = this.#unread.subarray(0, end).toString('latin1').split('\r\n')
    this.#unread = this.#unread.subarray(end + 4)
    this.#isOpen = true
    const headers = lines.map((each) => {
      const at = each.indexOf(':')
      return [each.slice(0, at).toLowerCase(), each.slice(at + 1).trim()] as const
    })
    this.#head.resolve({ status: Number(line.split(' ')[1]), headers: new Map(headers) })
  }

  /** Cuts the first frame off what was not read; undefined where there is no whole one. */
  #cut(): Received | undefined {
    const all = this.#unread
    if (all.length < 2) return undefined
    const short = all[1]! & 0x7f
    const start = short === 126 ? 4 : short === 127 ? 10 : 2
    const isMasked = (all[1]! & 0x80) !== 0
    const from = start + (isMasked ? 4 : 0)
    if (all.length < from) return undefined
    const length =
      short === 126 ? all.readUInt16BE(2) : short === 127 ? Number(all.readBigUInt64BE(2)) : short
    if (all.length < from + length) return undefined
    this.#unread = all.subarray(from + length)
    return {
      opcode: all[0]! & 0x0f,
      payload: all.subarray(from, from + length),
      isFinal: (all[0]! & 0x80) !== 0,
      reserved: all[0]! & 0x70,
      isMasked,
    }
  }

  #take(frame: Received): void {
    this.#last = `nothing more after ${describe(frame)}`
    this.#frames.push(frame)
  }

  /** Sends a handshake and returns how it was answered. @throws Mismatch */
  async shake({
    headers = {},
    key = this.target.key,
    method = 'GET',
    isTorn,
  }: Handshake = {}): Promise<Opened> {
    const { host, port, prefix } = this.target
    const lines = {
      Host: `${host}:${port}`,
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Key': this.key,
      'Sec-WebSocket-Version': '13',
      ...headers,
    }
    const head = Object.entries(lines).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}: ${value}\r\n`],
    )
    const path = `${prefix}/app/${key}?${USUAL_QUERY}`
    const request = Buffer.from(`${method} ${path} HTTP/1.1\r\n${head.join('')}\r\n`)
    if (isTorn) this.#writeTorn(request)
    else this.#socket?.write(request)
    return this.wait('an answer to the handshake', this.#head.promise)
  }

  /** Opens the connection and reads the greeting of the protocol. @throws Mismatch */
  async open(handshake: Handshake = {}): Promise<void> {
    const { status } = await this.shake(handshake)
    expectThat(status === 101, 'a handshake that is answered with 101', status)
    const greeting = await this.nextFrame('pusher:connection_established')
    const isIt = greeting.payload.includes('pusher:connection_established')
    expectThat(isIt, 'pusher:connection_established', describe(greeting))
  }

  /** Writes each byte alone, so that the other side reads many small pieces. */
  #writeTorn(bytes: Uint8Array): void {
    this.#socket?.setNoDelay(true)
    for (const byte of bytes) this.#socket?.write(Buffer.from([byte]))
  }

  send(...frames: readonly Frame[]): void {
    this.#socket?.write(Buffer.concat(frames.map(writeFrame)))
  }

  sendTorn(frame: Frame): void {
    this.#writeTorn(writeFrame(frame))
  }

  /** The next frame, one that a server may send: neither masked nor with reserved bits. @throws Mismatch */
  async nextFrame(expected: string): Promise<Received> {
    const frame = await this.#frames.next(expected)
    expectThat(!frame.isMasked, 'frames of a server without a mask', describe(frame))
    expectThat(frame.reserved === 0, 'frames without reserved bits', describe(frame))
    return frame
  }

  /** The text of the next frame, inflated where it is compressed, which it may only be once agreed. @throws Mismatch */
  async nextInflated(expected: string, isAgreed: boolean): Promise<string> {
    const { payload, reserved } = await this.#frames.next(expected)
    expectThat(reserved === 0 || (isAgreed && reserved === 0x40), expected, 'reserved bits')
    const isDeflated = reserved === 0x40
    const ended = Buffer.concat([payload, DEFLATE_END])
    return (isDeflated ? inflateRawSync(ended, INFLATE) : payload).toString()
  }

  /** The next frame, which has this opcode and payload. @throws Mismatch */
  async expectFrame(
    what: string,
    opcode: number,
    payload?: string | Uint8Array,
  ): Promise<Received> {
    const frame = await this.nextFrame(what)
    const isIt = payload === undefined || frame.payload.equals(Buffer.from(payload as string))
    expectThat(frame.opcode === opcode && isIt, what, describe(frame))
    return frame
  }

  /** The next frame, a text in which this stands. @throws Mismatch */
  async expectText(part: string): Promise<void> {
    const frame = await this.nextFrame(part)
    expectThat(frame.opcode === OPCODE.text && frame.payload.includes(part), part, describe(frame))
  }

  /**
   * Fails unless the server gives the connection up: a close frame with this code or without one, or no frame at all,
   * then the end. @throws Mismatch
   */
  async expectFailed(what: string, code = 1002): Promise<void> {
    const expected = `${what} to fail the connection (${code})`
    const frame = await this.#frames.next(expected).catch((error: Mismatch) => {
      if (error.got !== ENDED) throw error
    })
    if (frame === undefined) return
    const given = readCode(frame)
    const isIt = frame.opcode === OPCODE.close && (given === undefined || given === code)
    expectThat(isIt, expected, describe(frame))
    await this.expectEnd(expected)
  }

  /** Fails unless the end of the connection comes next. @throws Mismatch */
  async expectNothingButEnd(): Promise<void> {
    const expected = 'the end of the connection, and no frame before it'
    const frame = await this.#frames.next(expected).catch(() => undefined)
    expectThat(frame === undefined, expected, frame && describe(frame))
    await this.expectEnd(expected)
  }

  /** Waits until the server has ended the connection. @throws Mismatch */
  expectEnd(expected: string): Promise<void> {
    return this.wait(expected, this.#ended.promise, () => 'a connection that stays open')
  }

  close(): void {
    this.#socket?.destroy()
  }
}

/** The code of a close frame; undefined where it has none. */
export const readCode = ({ payload }: Received): number | undefined =>
  payload.length < 2 ? undefined : payload.readUInt16BE(0)

/** Describes a frame in a line. */
function describe(frame: Received): string {
  const { opcode, payload, reserved, isMasked } = frame
  const marks = `${reserved ? ' with reserved bits' : ''}${isMasked ? ' with a mask' : ''}`
  if (opcode === OPCODE.close)
    return (
      `a close frame ${readCode(frame) ?? 'without a code'} ${show(payload.subarray(2).toString())}`.trim() +
      marks
    )
  const kind = Object.entries(OPCODE).find(([, value]) => value === opcode)?.[0] ?? opcode
  return `a ${kind} frame${marks} ${show(payload.toString())}`
}
