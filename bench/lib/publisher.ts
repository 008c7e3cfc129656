/**
 * Publisher: one HTTP connection with at most one request outstanding. Requests are built beforehand;
 * only data and signature change. Connects anew where the server closes after an answer.
 */
import { PROTOCOLS, type Post } from './protocols'
import type { Reactor, Reader } from './reactor'
import type { Peer } from './sides'
import { firstOf, makePadding, makeStamp } from './stamp'

export type PublisherOptions = {
  readonly reactor: Reactor
  readonly peer: Peer
  readonly payloadBytes: number
  /** By their numbers. A publisher has its channels for itself unless there is only one. */
  readonly channels: ReadonlyMap<number, string>
  readonly urgency: 'urgent' | undefined
  /** The last request was answered. */
  readonly onFree: () => void
}

const HEAD_END = '\r\n\r\n'
const ACCEPTED = 'HTTP/1.1 200 '
/** Some servers refuse with status 200. */
const REFUSED = '"error"'
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i
const CHUNKED = /\r\ntransfer-encoding: *chunked/i
const LAST_CHUNK = '0\r\n\r\n'
const WILL_CLOSE = /\r\nconnection: *close/i

export class Publisher implements Reader {
  rest: Uint8Array | undefined
  isFree = true
  /** Messages published so far, by channel. */
  readonly published: Uint32Array
  #socket = -1
  #turn = 0
  readonly #firsts: readonly number[]
  readonly #requests: readonly ((stamped: string) => Buffer)[]

  constructor(
    readonly index: number,
    readonly options: PublisherOptions,
  ) {
    const { peer, channels, payloadBytes } = options
    const post = PROTOCOLS[peer.protocol].publishing(peer.app)
    const fill = makePadding(payloadBytes)
    this.published = new Uint32Array(channels.size)
    this.#firsts = Array.from(channels.keys(), firstOf)
    this.#requests = Array.from(channels.values(), (channel) =>
      makeRequestBuilder({ peer, channel, fill, post }),
    )
  }

  /** Connects late, when there is something to publish: some servers close what is silent. */
  connect(): void {
    const { reactor, peer, urgency } = this.options
    this.#socket = reactor.connect(peer.host, peer.port, this, urgency)
  }

  /** Publishes to the next of its channels; `dueMicros` is what latency counts from. */
  publish(dueMicros: number): void {
    this.isFree = false
    this.#turn = (this.#turn + 1) % this.#firsts.length
    const sequence = this.#firsts[this.#turn]! + this.published[this.#turn]!++
    const request = this.#requests[this.#turn]!(makeStamp(this.index, sequence, dueMicros))
    this.options.reactor.send(this.#socket, request)
  }

  read(bytes: Uint8Array, end: number): number {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('latin1')
    const head = text.indexOf(HEAD_END)
    if (head < 0) return 0
    const body = text.slice(head + HEAD_END.length)
    if (!isWhole(text, body)) return 0
    if (!text.startsWith(ACCEPTED) || body.includes(REFUSED))
      throw new Error(`a trigger was answered with ${text.trim()}`)
    if (WILL_CLOSE.test(text)) this.#reconnect()
    this.isFree = true
    this.options.onFree()
    return end
  }

  onEnd(): void {
    if (!this.isFree) throw new Error('a trigger was not answered')
    this.connect()
  }

  #reconnect(): void {
    this.options.reactor.close(this.#socket)
    this.connect()
  }
}

const isWhole = (text: string, body: string): boolean =>
  CHUNKED.test(text)
    ? body.endsWith(LAST_CHUNK)
    : body.length >= Number(CONTENT_LENGTH.exec(text)?.[1] ?? 0)

type Parts = {
  readonly peer: Peer
  readonly channel: string
  readonly fill: string
  readonly post: (channel: string, data: string) => Post
}

/** Data is ASCII, so characters are bytes. */
function makeRequestBuilder({ peer, channel, fill, post }: Parts) {
  const bodyBytes = post(channel, makeStamp(0, 0, 0) + fill).body.length
  const head = [
    ' HTTP/1.1',
    `Host: ${peer.host}:${peer.port}`,
    'Content-Type: application/json',
    `Content-Length: ${bodyBytes}`,
    ...PROTOCOLS[peer.protocol].headers(peer.app),
  ].join('\r\n')
  return (stamped: string): Buffer => {
    const { target, body } = post(channel, stamped + fill)
    return Buffer.from(`POST ${target}${head}${HEAD_END}${body}`, 'latin1')
  }
}
