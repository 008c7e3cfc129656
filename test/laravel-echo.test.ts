/** Laravel Echo over the stock pusher-js. */
import { expect, test } from 'bun:test'
import Echo from 'laravel-echo'
import type { Options } from 'pusher-js'
import { Inbox, start, waitFor, type TestServer } from './harness'

type Member = { user_id: string; user_info: object }

function echo(server: TestServer, user?: Member, options: Partial<Options> = {}) {
  const client = server.pusher({ options, ...(user && { user }) })
  return { client, echo: new Echo<'pusher'>({ broadcaster: 'pusher', client: client.pusher }) }
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
    await waitFor(`Echo to subscribe to ${name}`, subscribed.promise)
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
  await waitFor('Bob to be in', joined.promise)
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
    await waitFor('Echo to subscribe', subscribed.promise)
  }
  const event = 'App\\Events\\Shipped'
  await server.sdk().trigger('orders', event, { n: 1 }, { socket_id: ann.echo.socketId()! })
  expect(await heard.next()).toEqual(['bob', 1])
  await server.sdk().trigger('orders', event, { n: 2 }, { socket_id: bob.echo.socketId()! })
  expect(await heard.next()).toEqual(['ann', 2])
})

/** Options with which `signin()` is answered as Laravel's `/broadcasting/user-auth` does. */
const signedBy = (server: TestServer, user: { id: string } & object): Partial<Options> => ({
  userAuthentication: {
    endpoint: '',
    transport: 'ajax',
    customHandler: ({ socketId }, callback) =>
      callback(null, server.sdk().authenticateUser(socketId, user as never)),
  },
})

test('signin: the user hears what is sent to them, and stays away when terminated', async () => {
  await using server = await start()
  const { client, echo: laravel } = echo(server, undefined, signedBy(server, { id: 'ann' }))
  await using _ = client
  const heard = new Inbox<unknown>()
  client.pusher.bind('pusher:signin_success', () => heard.push('signed in'))
  client.pusher.user.bind('OrderShipped', (data: unknown) => heard.push(data))
  laravel.connector.signin()
  expect(await heard.next('the sign-in')).toBe('signed in')
  await server.sdk().sendToUser('ann', 'OrderShipped', { id: 1 })
  expect(await heard.next()).toEqual({ id: 1 })
  await server.sdk().terminateUserConnections('ann')
  await client.state('disconnected')
  expect(laravel.connectionStatus()).toBe('disconnected')
})

test('signin: a presence channel knows the user without asking the application', async () => {
  await using server = await start()
  const user = { id: 'ann', user_info: { name: 'Ann' } }
  const { client, echo: laravel } = echo(server, undefined, signedBy(server, user))
  await using _ = client
  laravel.connector.signin()
  const here = Promise.withResolvers<unknown>()
  laravel.join('room').here((users: unknown) => here.resolve(users))
  expect(await waitFor('here', here.promise)).toEqual([{ name: 'Ann' }])
})

test('signin: a watchlist tells who is online', async () => {
  await using server = await start()
  const watching = { id: 'ann', watchlist: ['bob'] }
  const ann = echo(server, undefined, signedBy(server, watching))
  const bob = echo(server, undefined, signedBy(server, { id: 'bob' }))
  await using _ann = ann.client
  await using _bob = bob.client
  const news = new Inbox<unknown>()
  ann.client.pusher.user.watchlist.bind_global((name: string, { user_ids: ids }: never) =>
    news.push([name, ids]),
  )
  ann.echo.connector.signin()
  expect(await news.next('the first state')).toEqual(['offline', ['bob']])
  bob.echo.connector.signin()
  expect(await news.next('bob')).toEqual(['online', ['bob']])
})

test('cache channels: the last event for those who come later, or that there is none', async () => {
  await using server = await start()
  const { client, echo: laravel } = echo(server)
  await using _ = client
  const heard = new Inbox<unknown>()
  const listen = (name: string): void => {
    laravel
      .private(name)
      .listen('Priced', (data: unknown) => heard.push(data))
      .listen('.pusher:cache_miss', () => heard.push('miss'))
  }
  await broadcast(server, 'private-cache-full', 'Priced', { price: 3 })
  listen('cache-full')
  expect(await heard.next('the cached event')).toEqual({ price: 3 })
  listen('cache-empty')
  expect(await heard.next('the miss')).toBe('miss')
})

test('subscription counts reach whoever listens for them', async () => {
  await using server = await start()
  const app = server.core.apps.byId('1')!
  server.core.apps.change(app, { ...app.record, subscriptionCounts: true }, 0)
  const { client, echo: laravel } = echo(server)
  await using _ = client
  const counts = new Inbox<unknown>()
  laravel
    .channel('orders')
    .listen('.pusher:subscription_count', ({ subscription_count: count }: never) =>
      counts.push(count),
    )
  expect(await counts.next()).toBe(1)
  await using other = await server.raw()
  await other.subscribed('orders')
  expect(await counts.next()).toBe(2)
})

test.each(['xhr_streaming', 'xhr_polling'] as const)('over %s', async (transport) => {
  await using server = await start()
  const http = { httpHost: '127.0.0.1', httpPort: server.port, enabledTransports: [transport] }
  const { client, echo: laravel } = echo(server, undefined, http)
  await using _ = client
  const heard = new Inbox<unknown>()
  const subscribed = Promise.withResolvers<void>()
  laravel
    .private('orders')
    .subscribed(() => subscribed.resolve())
    .listen('OrderShipped', (data: unknown) => heard.push(data))
  await waitFor('Echo to subscribe', subscribed.promise)
  await broadcast(server, 'private-orders', 'OrderShipped', { id: 1 })
  expect(await heard.next()).toEqual({ id: 1 })
  expect(server.server.xhr.count).toBe(1)
})
