/**
 * Seeded walks of mixed traffic, counted by the clients alone: what the server says of it must be the same, number by
 * number. Clients are raw sockets of Pusher, Phoenix sockets and streams over HTTP; backends and a plugin use all APIs.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { allow } from '../src/plugin'
import { EVENT, post } from './dialects/expusherlite/requests'
import { push } from './dialects/pushex/requests'
import { start, type RawClient, type TestServer } from './harness'
import { readAppStats, valuesOf } from './http/stats'
import { KEY } from './phoenix'
import { startActing } from './plugins/acting'
import { makeRandom } from './random'
import { StalledReader } from './stalled-reader'
import { XhrClient, type XhrStream } from './transports/xhr-client'

setDefaultTimeout(30_000)

const CHANNELS = ['room', 'cache-room', 'private-room', 'presence-room'] as const
type ChannelName = (typeof CHANNELS)[number]

/** What happened, as whoever caused it has seen it. */
class Tally {
  readonly counts = new Map<string, number>()
  add(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by)
  }
  get(name: string): number {
    return this.counts.get(name) ?? 0
  }
  /** Those whose names begin so, without that. */
  below(prefix: string): object {
    const own = [...this.counts].filter(([name]) => name.startsWith(prefix))
    return Object.fromEntries(own.map(([name, count]) => [name.slice(prefix.length), count]))
  }
}

/** A client that counts whatever it sends and reads. */
abstract class Client {
  socketId = ''
  readonly channels = new Set<ChannelName>()
  abstract readonly protocol: string
  constructor(
    readonly server: TestServer,
    readonly tally: Tally,
  ) {}
  abstract sendFrame(frame: unknown): unknown
  /** Resolves once the server has read all that was sent, and its frames of before have arrived. */
  abstract heard(): Promise<unknown>
  abstract close(): unknown
  abstract subscribe(channel: ChannelName, user: string): unknown
  abstract unsubscribe(channel: ChannelName): unknown
  abstract sendEvent(channel: ChannelName): unknown

  send(frame: unknown): Promise<unknown> {
    const text = JSON.stringify(frame)
    this.tally.add('messages_received')
    this.tally.add('bytes_received', Buffer.byteLength(text))
    return Promise.resolve(this.sendFrame(text))
  }

  protected count(frame: string, event: string): void {
    this.tally.add('messages_sent')
    this.tally.add('bytes_sent', Buffer.byteLength(frame))
    if (!/^(?:pusher|phx_|presence_)/.test(event)) this.tally.add('events')
  }
}

abstract class PusherClient extends Client {
  readonly protocol = 'pusher'
  subscribe(channel: ChannelName, user: string) {
    const data = channel.startsWith('presence') ? JSON.stringify({ user_id: user }) : undefined
    const auth = channel.startsWith('p') ? this.server.sign(this, channel, data) : undefined
    return this.send({ event: 'pusher:subscribe', data: { channel, auth, channel_data: data } })
  }
  unsubscribe(channel: ChannelName) {
    return this.send({ event: 'pusher:unsubscribe', data: { channel } })
  }
  sendEvent(channel: ChannelName) {
    return this.send({ event: 'client-a', channel, data: { text: 'ü😀' } })
  }
  protected countPusher(frame: string): void {
    const { event, data } = JSON.parse(frame)
    this.count(frame, event)
    if (event === 'pusher:connection_established') this.socketId = JSON.parse(data).socket_id
  }
}

class Socket extends PusherClient {
  client!: RawClient
  async open(): Promise<this> {
    this.client = await this.server.raw({ hello: false })
    this.client.socket.addEventListener('message', ({ data }) => this.countPusher(String(data)))
    await this.client.hello()
    return this
  }
  sendFrame = (text: string): void => this.client.send(text)
  heard = (): Promise<unknown> => this.client.heard()
  close = (): Promise<void> => this.client[Symbol.asyncDispose]()
}

/** A stream over HTTP. It is asked for a pong, since HTTP has no native one. */
class Stream extends PusherClient {
  xhr!: XhrClient
  stream!: XhrStream
  #pong = Promise.withResolvers<void>()
  async open(): Promise<this> {
    this.xhr = new XhrClient(this.server)
    this.stream = await this.xhr.stream()
    await this.stream.lines.next('o')
    const hello = await this.stream.nextMessage()
    this.countPusher(hello)
    this.xhr.socketId = this.socketId
    void this.#read()
    return this
  }
  async #read(): Promise<void> {
    for (;;) {
      const frame = await this.stream.nextMessage().catch(() => undefined)
      if (frame === undefined) return
      this.countPusher(frame)
      if (frame.includes('pusher:pong')) this.#pong.resolve()
    }
  }
  sendFrame = (text: string): Promise<Response> => this.xhr.send(text)
  async heard(): Promise<void> {
    this.#pong = Promise.withResolvers()
    await this.send({ event: 'pusher:ping', data: {} })
    await this.#pong.promise
  }
  close(): void {
    this.stream.abort.abort()
  }
}

class Phoenix extends Client {
  readonly protocol = 'phoenix-2'
  client!: RawClient
  #ref = 0
  async open(): Promise<this> {
    const path = `/socket/websocket?${KEY}&vsn=2.0.0`
    this.client = await this.server.raw({ path, hello: false })
    this.client.socket.addEventListener('message', ({ data }) => {
      const [, , , event] = JSON.parse(String(data))
      this.count(String(data), event)
    })
    await this.client.opened
    return this
  }
  #push(topic: string, event: string, payload: object, join = topic) {
    return this.send([join, String(++this.#ref), topic, event, payload])
  }
  subscribe = (channel: ChannelName) => this.#push(channel, 'phx_join', {})
  unsubscribe = (channel: ChannelName) => this.#push(channel, 'phx_leave', {})
  sendEvent = (channel: ChannelName) => this.#push(channel, 'client-a', { text: 'ü😀' })
  sendFrame = (text: string): void => this.client.send(text)
  heard = (): Promise<unknown> => this.client.heard()
  close = (): Promise<void> => this.client[Symbol.asyncDispose]()
}

const KINDS = [Socket, Socket, Stream, Phoenix] as const

type Means = { readonly next: () => number; readonly publish: (channel: string) => Promise<void> }

async function walk(server: TestServer, tally: Tally, { next, publish }: Means): Promise<void> {
  const among = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!
  const clients: Client[] = []
  const app = server.core.apps.byId('1')!
  const enter = async (): Promise<void> => {
    clients.push(await new (among(KINDS))(server, tally).open())
    tally.add('connections_accepted')
  }
  const leave = async (client: Client): Promise<void> => {
    clients.splice(clients.indexOf(client), 1)
    await client.close()
    const held = clients.reduce((sum, { channels }) => sum + channels.size, 0)
    while (app.gauges.connections > clients.length || app.gauges.subscriptions > held)
      await server.http('/up')
    for (const other of clients) await other.heard()
  }
  const join = async (client: Client, channel: ChannelName): Promise<void> => {
    if (client.protocol !== 'pusher' && channel.startsWith('presence')) return
    if (client.channels.has(channel)) {
      if (client.protocol !== 'pusher') return
      tally.add('refusals already_subscribed')
    } else {
      client.channels.add(channel)
      tally.add('subscriptions_accepted')
    }
    await client.subscribe(channel, among(['ann', 'bob']))
  }
  const trigger = async (): Promise<void> => {
    const channels = [...new Set([among(CHANNELS), among(CHANNELS)])]
    const excluded = next() < 0.3 ? { socket_id: among(clients).socketId || '1.1' } : {}
    tally.add('apis pusher', channels.length)
    await server.sdk().trigger(channels, 'e', { text: 'ü' }, excluded)
  }
  const batch = async (): Promise<void> => {
    tally.add('apis pusher_batch', 3)
    const events = [0, 1, 2].map((n) => ({ channel: among(CHANNELS), name: `e${n}`, data: '' }))
    await server.sdk().triggerBatch(events)
  }
  const refuse = async (): Promise<void> => {
    tally.add('refusals request_unauthorized')
    await server.http('/apps/1/channels')
  }
  const sendEvent = async (client: Client): Promise<void> => {
    const channel = among(['private-room', 'presence-room'] as const)
    if (client.channels.has(channel)) tally.add(`protocols ${client.protocol}`)
    else if (client.protocol === 'pusher') tally.add('refusals client_event_not_subscribed')
    else return
    await client.sendEvent(channel)
  }
  await enter()
  for (let step = 0; step < 120; step++) {
    const [dice, client] = [next(), among(clients)]
    const channel = among(CHANNELS)
    if (dice < 0.1) await enter()
    else if (dice < 0.4) await join(client, channel)
    else if (dice < 0.48) {
      if (client.channels.delete(channel)) await client.unsubscribe(channel)
    } else if (dice < 0.65) await sendEvent(client)
    else if (dice < 0.78) await trigger()
    else if (dice < 0.8) {
      tally.add('apis plugin')
      await publish(channel)
    } else if (dice < 0.86) await batch()
    else if (dice < 0.9) {
      tally.add('apis pushex')
      await push(server, { channel, data: 1, event: 'e' })
    } else if (dice < 0.93) {
      tally.add('apis expusherlite')
      await post(server, JSON.stringify({ ...EVENT, topic: 'room' }), undefined)
    } else if (dice < 0.96) await refuse()
    else if (clients.length > 2) await leave(client)
    for (const each of [client, ...clients]) if (clients.includes(each)) await each.heard()
    server.advance(400)
  }
  while (clients.length > 0) await leave(clients[0]!)
}

test.each([1, 2, 3])('clients and the server count the same: walk %d', async (seed) => {
  const { server, context, app } = await startActing(() => ({
    authorize: (_, { channel }) => (channel === 'private-room' ? allow() : undefined),
  }))
  const tally = new Tally()
  const publish = (channel: string) => context.publish(app, { channel, name: 'e', data: 1 })
  await walk(server, tally, { next: makeRandom(seed), publish })
  server.advance(20_000)
  const stats = await readAppStats(server)
  const { totals } = stats
  for (const name of [
    'connections_accepted',
    'subscriptions_accepted',
    'messages_received',
    'bytes_received',
    'messages_sent',
    'bytes_sent',
  ])
    expect([name, totals[name]!]).toEqual([name, tally.get(name)])
  expect(totals['publications_by_api'] as unknown).toEqual(tally.below('apis '))
  expect(totals['client_events_by_protocol'] as unknown).toEqual(tally.below('protocols '))
  expect(totals['refusals_by_code'] as unknown).toEqual(tally.below('refusals '))
  expect(totals['deliveries']! + totals['cache_hits']!).toBe(tally.get('events'))
  expect(stats.now).toMatchObject({ connections: 0, channels: 0, subscriptions: 0, members: 0 })
  for (const name of ['publications', 'client_events', 'deliveries', 'messages_sent', 'bytes_sent'])
    expect([name, valuesOf(stats, name).reduce((sum, each) => sum + each, 0)]).toEqual([
      name,
      totals[name]!,
    ])
  await server.stop()
})

test('what was queued for a reader that is cut is all by which deliveries differ', async () => {
  await using server = await start()
  await using healthy = await server.raw()
  await healthy.subscribed('room')
  const data = { channel: 'room' }
  const until = 'subscription_succeeded'
  const stalled = await StalledReader.open({ port: server.port, key: server.app.key, data, until })
  let published = 0
  let heard = 0
  while (server.totals.slowReadersClosed === 0) {
    published++
    await server.trigger({ channel: 'room', name: 'e', data: 'x'.repeat(10_000) })
    if ((await healthy.next()).includes('"e"')) heard++
  }
  await server.trigger({ channel: 'room', name: 'e', data: 'x' })
  await healthy.next()
  const { deliveries, slow_readers_closed: cut } = (await readAppStats(server)).totals
  expect([heard, cut]).toEqual([published, 1])
  const unread = deliveries! - heard - 1
  expect(unread).toBeWithin(1, published + 1)
  stalled.socket.end()
})
