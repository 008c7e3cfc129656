/** Laravel Echo over the stock pusher-js. */
import { expect, test } from 'bun:test'
import Echo from 'laravel-echo'
import { Inbox, start, within, type TestServer } from './harness'

function echo(server: TestServer, user?: { user_id: string; user_info: object }) {
  const client = server.pusher(user ? { user } : {})
  return { client, echo: new Echo({ broadcaster: 'pusher', client: client.pusher } as never) }
}

/** What Laravel's broadcaster sends for an event class. */
const broadcast = (server: TestServer, channel: string, event: string, data: object) =>
  server.sdk().trigger(channel, `App\\Events\\${event}`, data)

test('channel and private channel hear events by class name', async () => {
  await using server = await start()
  const { client, echo: laravel } = echo(server)
  await using _ = client
  const heard = new Inbox<[string, unknown]>()
  for (const [name, open] of [
    ['public', () => laravel.channel('orders')],
    ['private', () => laravel.private('orders')],
    ['dotted', () => laravel.private('plain.orders')],
  ] as const) {
    const channel = open()
    const subscribed = Promise.withResolvers<void>()
    channel.subscribed(() => subscribed.resolve())
    channel.listen('OrderShipped', (data: unknown) => heard.push([name, data]))
    await within(`Echo to subscribe to ${name}`, subscribed.promise)
  }
  await broadcast(server, 'orders', 'OrderShipped', { id: 1 })
  await broadcast(server, 'private-orders', 'OrderShipped', { id: 2 })
  await broadcast(server, 'private-plain.orders', 'OrderShipped', { id: 3 })
  expect(await heard.take(3)).toEqual([
    ['public', { id: 1 }],
    ['private', { id: 2 }],
    ['dotted', { id: 3 }],
  ])
})

test('a presence channel tells who is here, who joins, who leaves, and carries whispers', async () => {
  await using server = await start()
  const ann = echo(server, { user_id: 'ann', user_info: { name: 'Ann' } })
  await using _ann = ann.client
  const news = new Inbox<unknown>()
  const room = ann.echo.join('room')
  room
    .here((users: unknown) => news.push({ here: users }))
    .joining((user: unknown) => news.push({ joining: user }))
    .leaving((user: unknown) => news.push({ leaving: user }))
    .listenForWhisper('typing', (data: unknown) => news.push({ whisper: data }))
  expect(await news.next('here')).toEqual({ here: [{ name: 'Ann' }] })

  const bob = echo(server, { user_id: 'bob', user_info: { name: 'Bob' } })
  const joined = Promise.withResolvers<void>()
  const bobsRoom = bob.echo.join('room').here(() => joined.resolve())
  expect(await news.next('joining')).toEqual({ joining: { name: 'Bob' } })
  await within('Bob to be in', joined.promise)
  bobsRoom.whisper('typing', { text: 'hi' })
  expect(await news.next('the whisper')).toEqual({ whisper: { text: 'hi' } })
  bob.echo.leave('room')
  expect(await news.next('leaving')).toEqual({ leaving: { name: 'Bob' } })
  await bob.client[Symbol.asyncDispose]()
})

test('toOthers leaves the sender out', async () => {
  await using server = await start()
  const ann = echo(server)
  const bob = echo(server)
  await using _ann = ann.client
  await using _bob = bob.client
  const heard = new Inbox<unknown>()
  for (const [name, laravel] of [
    ['ann', ann.echo],
    ['bob', bob.echo],
  ] as const) {
    const subscribed = Promise.withResolvers<void>()
    laravel
      .channel('orders')
      .subscribed(() => subscribed.resolve())
      .listen('Shipped', ({ n }: { n: number }) => heard.push([name, n]))
    await within('Echo to subscribe', subscribed.promise)
  }
  const event = 'App\\Events\\Shipped'
  await server.sdk().trigger('orders', event, { n: 1 }, { socket_id: ann.echo.socketId()! })
  expect(await heard.next()).toEqual(['bob', 1])
  await server.sdk().trigger('orders', event, { n: 2 }, { socket_id: bob.echo.socketId()! })
  expect(await heard.next()).toEqual(['ann', 2])
})
