/** Laravel Echo above stock pusher-js with the helper; and encrypted channels, whose events are kept as they came. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import Echo from 'laravel-echo'
import { Inbox, type TestServer } from '../harness'
import { Page, startKeeping } from './page'

type Request = { readonly headers: Record<string, string> }

/** What Echo adds to the requests of a page's `axios`. */
let prepare: (request: Request) => Request

beforeAll(() => {
  const use = (added: typeof prepare) => void (prepare = added)
  const axios = Object.assign(() => {}, { interceptors: { request: { use } } })
  Object.assign(globalThis, { axios })
})
afterAll(() => void Reflect.deleteProperty(globalThis, 'axios'))

type Heard = readonly [kind: string, id: number]

/** A page of Laravel's that shows orders of its own at once, and broadcasts them `toOthers()`. */
class Orders {
  readonly heard = new Inbox<Heard>()
  readonly subscribed = new Inbox<string>()

  constructor(
    readonly server: TestServer,
    readonly page: Page,
  ) {
    const echo = new Echo<'pusher'>({ broadcaster: 'pusher', client: page.pusher })
    const listen = (kind: 'channel' | 'private', name: string): void =>
      void echo[kind](name)
        .subscribed(() => this.subscribed.push(kind))
        .listen('OrderShipped', ({ id }: { id: number }) => this.heard.push([kind, id]))
    listen('channel', 'orders')
    listen('private', 'orders')
    echo.join('orders').here(() => this.subscribed.push('presence'))
  }

  /** What the application does for a request of this page: `broadcast(new OrderShipped($id))->toOthers()`. */
  async ship(id: number): Promise<void> {
    const { headers } = prepare({ headers: {} })
    await this.broadcast(id, { socket_id: headers['X-Socket-Id']! })
  }

  async broadcast(id: number, params: { socket_id?: string } = {}): Promise<void> {
    const channels = ['orders', 'private-orders']
    await this.server.sdk().trigger(channels, 'App\\Events\\OrderShipped', { id }, params)
  }

  async comeBack(): Promise<void> {
    this.page.pusher.connect()
    await this.subscribed.take(3, 'all subscriptions')
  }
}

const ofBoth = (...ids: number[]): Heard[] =>
  ids.flatMap((id): Heard[] => [
    ['channel', id],
    ['private', id],
  ])

test('Echo hears what it missed, and no order of its own, however often it was cut', async () => {
  await using server = await startKeeping()
  await using page = new Page(server)
  const orders = new Orders(server, page)
  await orders.subscribed.take(3, 'all subscriptions')
  await orders.broadcast(1)
  expect((await orders.heard.take(2)).toSorted()).toEqual(ofBoth(1).toSorted())
  let last = 1
  for (let cut = 0; cut < 3; cut++) {
    await orders.ship(++last)
    const ownSocket = page.pusher.connection.socket_id
    await page.leave()
    // Of a request that was on its way.
    await orders.broadcast(++last, { socket_id: ownSocket })
    await orders.broadcast(++last)
    page.recoveries.length = 0
    await orders.comeBack()
    expect(page.recoveries.toSorted()).toEqual([
      ['orders', { recovered: true, missed: 1 }],
      ['presence-orders', { recovered: true, missed: 0 }],
      ['private-orders', { recovered: true, missed: 1 }],
    ])
    await orders.ship(++last)
    await orders.broadcast(++last)
    const heard = await orders.heard.take(4)
    expect(heard.toSorted()).toEqual(ofBoth(last - 2, last).toSorted())
  }
  expect(orders.heard.unread).toEqual([])
})

test('encrypted events are kept as they came: pusher-js decrypts the replay', async () => {
  await using server = await startKeeping()
  const channel = 'private-encrypted-orders'
  const signer = server.sdk({ encryptionMasterKeyBase64: Buffer.alloc(32, 7).toString('base64') })
  await using page = new Page(server, { signer })
  const heard = new Inbox<unknown>()
  const subscribed = new Inbox<string>()
  page.pusher
    .subscribe(channel)
    .bind('secret', (data: unknown) => heard.push(data))
    .bind('pusher:subscription_succeeded', () => subscribed.push(channel))
  await subscribed.next()
  const send = (n: number) => signer.trigger(channel, 'secret', { text: 'für Anna', n })
  await send(1)
  expect(await heard.next()).toEqual({ text: 'für Anna', n: 1 })
  await page.leave()
  for (const n of [2, 3]) await send(n)
  page.pusher.connect()
  await subscribed.next('the next subscription')
  const kept = await (await server.signed('GET', `/channels/${channel}/history`)).json()
  for (const { data } of kept.events) {
    expect(Object.keys(JSON.parse(data)).toSorted()).toEqual(['ciphertext', 'nonce'])
    expect(data).not.toContain('Anna')
  }
  const events = await heard.take(2)
  expect(events).toEqual([2, 3].map((n) => ({ text: 'für Anna', n })))
  expect(page.recoveries).toEqual([[channel, { recovered: true, missed: 2 }]])

  await using reader = await server.raw()
  const auth = signer.authorizeChannel(reader.socketId, channel).auth
  reader.send({ event: 'pusher:subscribe', data: { channel, auth, rewind: 1 } })
  await reader.next('the reply')
  expect(await reader.nextJson('the last event')).toEqual({
    event: 'secret',
    channel,
    data: kept.events[2].data,
  })
})
