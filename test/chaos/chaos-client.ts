/** A raw client of a run: it says what it is told to, and writes down all that it hears. */
import { APP, signSubscription, type NodeProcess } from '../redis/nodes'
import { needsAuth } from './channels'
import { isPresence, type Conn, type Sub } from './journal'
import type { Recorder } from './recorder'

/** How long a subscribe may go unanswered while its connection is open and its node awake. */
export const ANSWER_MS = 20_000

type Frame = { readonly event: string; readonly channel?: string; readonly data?: unknown }

type WatchlistNews = {
  readonly events: readonly {
    readonly name: 'online' | 'offline'
    readonly user_ids: readonly string[]
  }[]
}

/** A subscription, or one that is asked for. */
type Place = { sub: Sub | undefined; readonly askedAt: number }

const read = (data: unknown): Record<string, never> =>
  (typeof data === 'string' ? JSON.parse(data) : (data ?? {})) as Record<string, never>

export class ChaosClient {
  readonly conn: Conn
  readonly places = new Map<string, Place>()
  readonly #socket: WebSocket
  socketId: string | undefined
  isClosed = false
  /** Signed in, or asked to. */
  isUser = false
  #watched: readonly string[] = []

  constructor(
    readonly recorder: Recorder,
    readonly node: NodeProcess,
    /** Who it is on presence channels, and where it signs in. */
    readonly user: string,
  ) {
    this.conn = recorder.next()
    this.#socket = new WebSocket(`ws://127.0.0.1:${node.port}/app/${APP.key}?protocol=7`)
    this.#socket.onmessage = ({ data }) => this.isClosed || this.#take(JSON.parse(data) as Frame)
    this.#socket.onclose = () => this.#end()
    this.#socket.onerror = () => this.#end()
  }

  get isOpen(): boolean {
    return !this.isClosed && this.socketId !== undefined
  }

  #end(): void {
    if (this.isClosed) return
    this.isClosed = true
    if (this.socketId !== undefined) this.recorder.write({ type: 'disconnected', conn: this.conn })
  }

  close(): void {
    this.#end()
    this.#socket.close()
  }

  /** Closes as a lost network does. */
  terminate(): void {
    this.#end()
    ;(this.#socket as unknown as { terminate(): void }).terminate()
  }

  #send(event: string, data: object, channel?: string): void {
    if (this.isOpen) this.#socket.send(JSON.stringify({ event, data, channel }))
  }

  subscribe(channel: string): void {
    if (!this.isOpen || this.places.has(channel)) return
    this.places.set(channel, { sub: undefined, askedAt: this.recorder.now })
    const { socketId, node, user } = this
    const member = isPresence(channel) ? { user_id: user, user_info: { of: user } } : undefined
    const auth = needsAuth(channel)
      ? signSubscription(node.sdk, { socketId: socketId! }, channel, member)
      : {}
    this.#send('pusher:subscribe', { channel, ...auth })
  }

  unsubscribe(channel: string): void {
    const place = this.places.get(channel)
    if (place?.sub === undefined) return
    this.recorder.write({ type: 'unsubscribed', sub: place.sub })
    this.places.delete(channel)
    this.#send('pusher:unsubscribe', { channel })
  }

  /** Says an event to the others of a channel. */
  say(channel: string): void {
    if (this.places.get(channel)?.sub === undefined) return
    this.#send('client-e', { n: `c${this.recorder.next()}` }, channel)
  }

  signIn(watched: readonly string[]): void {
    if (!this.isOpen || this.isUser) return
    this.isUser = true
    this.#watched = watched.filter((user) => user !== this.user)
    const data = { id: this.user, watchlist: this.#watched }
    this.#send('pusher:signin', this.node.sdk.authenticateUser(this.socketId!, data))
  }

  ping(): void {
    this.#send('pusher:ping', {})
  }

  /** Channels whose subscribe nobody has answered for too long. */
  unanswered(): readonly string[] {
    if (!this.isOpen) return []
    const before = this.recorder.now - ANSWER_MS
    return [...this.places].flatMap(([channel, { sub, askedAt }]) =>
      sub === undefined && askedAt < before ? [channel] : [],
    )
  }

  #take({ event, channel = '', data }: Frame): void {
    const { conn, recorder } = this
    const place = this.places.get(channel)
    switch (event) {
      case 'pusher:connection_established':
        this.socketId = String(read(data)['socket_id'])
        return recorder.write({ type: 'connected', conn, node: this.node.name })
      case 'pusher_internal:subscription_succeeded':
        return place && this.#begin(channel, place, data)
      case 'pusher:subscription_error':
        return void (place?.sub === undefined && this.places.delete(channel))
      case 'pusher:signin_success':
        return recorder.write({ type: 'signed_in', conn, user: this.user, watched: this.#watched })
      case 'pusher_internal:watchlist_events':
        return this.#takeWatched(data)
    }
    if (place?.sub === undefined) return
    const { sub } = place
    if (event === 'pusher_internal:member_added')
      recorder.write({ type: 'added', sub, user: String(read(data)['user_id']) })
    else if (event === 'pusher_internal:member_removed')
      recorder.write({ type: 'removed', sub, user: String(read(data)['user_id']) })
    else if (event === 'e' || event === 'client-e')
      recorder.write({ type: 'heard', sub, event: String(read(data)['n']) })
  }

  #begin(channel: string, place: Place, data: unknown): void {
    const sub = this.recorder.next()
    place.sub = sub
    const { conn, user } = this
    const presence = read(data)['presence'] as { readonly ids: readonly string[] } | undefined
    const people = presence && { members: presence.ids.map(String), user }
    this.recorder.write({ type: 'subscribed', sub, conn, channel, ...people })
  }

  #takeWatched(data: unknown): void {
    const { events } = read(data) as unknown as WatchlistNews
    for (const { name: type, user_ids: users } of events)
      for (const user of users) this.recorder.write({ type, conn: this.conn, user })
  }
}
