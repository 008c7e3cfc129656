/**
 * Stage: the server of a stall, and what misdeeds are made of: requests, sockets that send a lot,
 * crowds that do one thing at once.
 */
import { sign } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Client, findSocketId, type Role } from './client'
import { FORMATS, type Format, type FormatName } from './formats'
import { turnUntil } from './loop'
import { Reactor } from './reactor'
import { HOST, type Peer } from './sides'
import { makeAuthorizer, signRead, makeTargetSigner } from './signing'

/** The published credentials of the admin, good on this machine. */
export const ADMIN = {
  authorization: `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`,
}
/** What a misdeed is not answered with: then it was none. */
const UNEXPECTED: readonly number[] = [404, 500]
const JSON_BODY = { 'content-type': 'application/json' }
/** Well below the listen backlog. */
const AT_ONCE = 200
/** Texts that one socket is sent before others are looked at: fewer than the kernel's buffer holds. */
const SENT_AT_ONCE = 100

export class Stage {
  readonly authorize
  readonly #origin: string

  constructor(
    readonly peer: Peer,
    readonly privateKey = '',
    /** How far the server's wall clock is ahead of ours. */
    readonly offsetMs = 0,
  ) {
    this.authorize = makeAuthorizer(peer.app)
    this.#origin = `http://${HOST}:${peer.port}`
  }

  /** Whatever the answer is, it is read to its end. */
  async http(path: string, init: RequestInit = {}): Promise<string> {
    const answer = await fetch(this.#origin + path, init)
    const text = await answer.text()
    if (UNEXPECTED.includes(answer.status))
      throw new Error(`${init.method ?? 'GET'} ${path} was answered with ${answer.status}: ${text}`)
    return text
  }

  post(path: string, body: string): Promise<string> {
    const target = makeTargetSigner(this.peer.app, path, this.offsetMs)(body)
    return this.http(target, { method: 'POST', body, headers: JSON_BODY })
  }

  get(path: string, query = ''): Promise<string> {
    return this.http(signRead(this.peer.app, query ? `${path}?${query}` : path, this.offsetMs))
  }

  admin(method: string, path: string, body?: string, type = 'application/json'): Promise<string> {
    const headers = { ...ADMIN, 'content-type': type }
    return this.http(`/api/admin/apps${path}`, { method, headers, ...(body && { body }) })
  }

  /** Reads the live stream of the app from now on, as a page does that watches. */
  async watch(): Promise<void> {
    const url = `${this.#origin}/api/admin/apps/${this.peer.app.id}/live`
    const answer = await fetch(url, { headers: ADMIN })
    if (!answer.ok) throw new Error(`the live stream was answered with ${answer.status}`)
    const discard = new WritableStream()
    answer.body!.pipeTo(discard).catch(() => undefined) // until the server ends
  }

  /** Sends the texts as fast as the socket takes them. Resolves once `last` is answered, or the socket closed. */
  async flood(texts: readonly string[], { path, last, answer }: Flood): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const socket = new WebSocket(`ws://${HOST}:${this.peer.port}${path}`)
    socket.onopen = () => {
      for (const text of texts) socket.send(text)
      socket.send(last)
    }
    socket.onmessage = ({ data }) => {
      if (String(data).includes(answer)) resolve()
    }
    socket.onclose = () => resolve()
    await promise
    socket.close()
  }

  /** Sends all bytes at once, after an upgrade where there is a path. Resolves once the socket is quiet or closed. */
  async pour(bytes: Uint8Array, path?: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const socket = connect(this.peer.port, HOST)
    socket.setTimeout(QUIET_MS, resolve)
    socket.on('error', () => resolve())
    socket.on('close', () => resolve())
    if (path !== undefined) {
      socket.write(formatUpgrade(path))
      await once(socket, 'data')
    }
    socket.on('data', () => undefined)
    socket.write(bytes)
    await promise
    socket.destroy()
  }

  /** Opens `size` connections, which have sent nothing yet. */
  crowd(size: number, how: CrowdOptions = {}): Crowd {
    return new Crowd(this, size, how)
  }

  /** A JSON Web Token that a guarded server believes. */
  token(): string {
    const claims = { iat: seconds(), exp: seconds() + 600, sub: '7', listen: ['private-*'] }
    const text = [{ alg: 'RS256', typ: 'JWT' }, claims].map(encodePart).join('.')
    return `${text}.${sign('sha256', Buffer.from(text), this.privateKey).toString('base64url')}`
  }
}

/** A socket is quiet after so long without a byte. */
const QUIET_MS = 200

const formatUpgrade = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nhost: ${HOST}\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n'

const seconds = (): number => Math.floor(Date.now() / 1000)
const encodePart = (value: object): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url')

/** The path of a flood, its last text, and what the answer to that contains. */
export type Flood = { readonly path: string; readonly last: string; readonly answer: string }

type CrowdOptions = {
  /** Pusher's by default. */
  readonly format?: FormatName
  /** In place of the app's own. */
  readonly path?: string
  /** Handshakes under way at once. */
  readonly atOnce?: number
}

/** Connections that do things together. Those that the server closes are counted. */
export class Crowd implements Role {
  readonly #reactor = new Reactor()
  readonly #clients: Client[] = []
  readonly #format: Format
  readonly #socketIds: string[] = []
  #greeted = 0
  #joins = 0
  /** How many the server has closed. */
  closed = 0

  constructor(
    readonly stage: Stage,
    size: number,
    { path, atOnce = AT_ONCE, format: name = 'pusher' }: CrowdOptions,
  ) {
    const format = path === undefined ? FORMATS[name] : { ...FORMATS[name], path: () => path }
    this.#format = format
    const ready = (): number => this.#greeted + this.closed
    for (let index = 0; index < size; index++) {
      this.#await(() => index - ready() < atOnce)
      const client = new Client(index, this.#reactor, format, this)
      this.#clients.push(client)
      client.connect(stage.peer)
    }
    this.#await(() => ready() >= size)
  }

  /** Each joins its channels; over when all have. */
  join(channelsOf: (index: number) => readonly string[], userOf?: (index: number) => string): void {
    const texts = this.#clients.map(({ index }) =>
      channelsOf(index).map((channel) => this.#subscribe(index, channel, userOf?.(index))),
    )
    const most = Math.max(...texts.map(({ length }) => length))
    let wanted = this.#joins
    for (let from = 0; from < most; from += SENT_AT_ONCE) {
      this.#clients.forEach((client, index) => {
        const batch = texts[index]!.slice(from, from + SENT_AT_ONCE)
        batch.forEach((text) => client.send(text))
        wanted += batch.length
      })
      this.#await(() => this.#joins >= wanted)
    }
  }

  /** Each says a text that subscribes it; over when all are. */
  say(textOf: (index: number) => string): void {
    const wanted = this.#joins + this.#clients.length
    for (const client of this.#clients) client.send(textOf(client.index))
    this.#await(() => this.#joins >= wanted)
  }

  /** Sends a text from one of them and awaits no answer. */
  send(index: number, text: string): void {
    this.#clients[index]!.send(text)
  }

  /** Closes all at once, without a goodbye. */
  leave(): void {
    for (const { socket } of this.#clients) this.#reactor.close(socket)
  }

  /** Over when the server has closed all. */
  awaitEnd(): void {
    this.#await(() => this.closed >= this.#clients.length)
  }

  onHello({ index }: Client, text: string): void {
    if (this.#format.markers.hello !== undefined) this.#socketIds[index] = findSocketId(text)
    this.#greeted++
  }

  onJoined(): void {
    this.#joins++
  }

  onMessage(): void {}
  onOther(): void {}
  onGoodbye(): void {} // its end is counted

  onEnd(): void {
    this.closed++
  }

  #subscribe(index: number, channel: string, user: string | undefined): string {
    if (!/^(private|presence)-/.test(channel)) return this.#format.subscribe({ channel })
    const channelData = user === undefined ? undefined : JSON.stringify({ user_id: user })
    const auth = this.stage.authorize(this.#socketIds[index]!, channel, channelData)
    return this.#format.subscribe({ channel, auth, ...(channelData && { channelData }) })
  }

  #await(done: () => boolean): void {
    if (!turnUntil(this.#reactor, done, () => this.#joins + this.#greeted + this.closed))
      throw new Error('a crowd was never ready')
  }
}
