/**
 * A Laravel application that moves here from soketi, with nginx as it is in front: host and credentials
 * change, and nothing else. Its ids are numbers, and its whispers may say nothing but their name.
 */
import { expect, test } from 'bun:test'
import type Echo from 'laravel-echo'
import type Server from 'pusher'
import type { PresenceChannel } from 'pusher-js'
import { readConfig } from '../../src/config/config'
import { Inbox, OWN_APP, RawClient, start, waitFor } from '../harness'
import { Executable } from '../built'
import { startApplication, MASTER_KEY, type Environment, type User } from './laravel'
import { startNginx } from './nginx'
import { describeWith } from './programs'

const [ANN, BOB]: readonly [User, User] = [
  { id: 1, name: 'Ann' },
  { id: 2, name: 'Zoë/Bob' },
]

/** The application's `.env` once it has moved. */
const moveTo = (port: number): Environment => ({
  PUSHER_APP_ID: OWN_APP.id,
  PUSHER_APP_KEY: OWN_APP.key,
  PUSHER_APP_SECRET: OWN_APP.secret,
  PUSHER_HOST: '127.0.0.1',
  PUSHER_PORT: port,
})

describeWith('nginx', 'a Laravel application behind nginx', () => {
  test('has its channels, members with numbers as ids, and whispers', async () => {
    await using server = await start({ apps: [OWN_APP] })
    await using proxy = await startNginx(server.port)
    const env = moveTo(proxy.ports['upgrades alone'])
    await using laravel = startApplication(env, [ANN, BOB])
    const [ann, bob] = [laravel.echo(ANN), laravel.echo(BOB)]
    const sdk = server.sdk({
      port: String(env.PUSHER_PORT),
      encryptionMasterKeyBase64: MASTER_KEY,
    })
    await expectRoom(ann, bob)
    await expectEvents(ann, bob, sdk)
    ann.disconnect()
    bob.disconnect()
    expect(server.totals.messagesRefused).toBe(0)
  })

  /** nginx's default for `proxy_read_timeout`, s; and how many times faster the clocks go here. */
  const [READ_TIMEOUT, FASTER] = [60, 15]
  const TOLD = [
    ['the default', 'stays', readConfig({}).activityTimeoutSeconds],
    ['120 s', 'ends', 120],
  ] as const
  test.concurrent.each(TOLD)('an idle connection that was told %s %s', async (_, fate, seconds) => {
    await using server = new Executable({
      SOKETI_DEFAULT_APP_ID: OWN_APP.id,
      SOKETI_DEFAULT_APP_KEY: OWN_APP.key,
      SOKETI_DEFAULT_APP_SECRET: OWN_APP.secret,
      CARILLON_ACTIVITY_TIMEOUT_SECONDS: String(seconds / FASTER),
    })
    const timeout = `proxy_read_timeout ${READ_TIMEOUT / FASTER}s;`
    await using proxy = await startNginx(await server.waitUntilListening(), timeout)
    const env = moveTo(proxy.ports['upgrades alone'])
    await using laravel = startApplication(env, [ANN])
    const url = `ws://127.0.0.1:${env.PUSHER_PORT}/app/${OWN_APP.key}?protocol=7`
    const fates = await Promise.all([fateOfEcho(laravel.echo(ANN)), fateOfSilent(url)])
    expect(fates).toEqual([fate, fate])
  })
})

/** Pings that take longer than nginx waits, where it waits for four seconds. */
const PINGS = 3

type Fate = 'stays' | 'ends'

/** Echo pings by itself: is it still on its first connection when so many were answered? */
function fateOfEcho(echo: Echo<'pusher'>): Promise<Fate> {
  const { connection } = echo.connector.pusher
  const { promise, resolve } = Promise.withResolvers<Fate>()
  let pongs = 0
  connection.bind('message', ({ event }: { event: string }) => {
    if (event === 'pusher:pong' && ++pongs === PINGS) resolve('stays')
  })
  connection.bind('state_change', ({ previous }: { previous: string }) => {
    if (previous === 'connected') resolve('ends')
  })
  return waitFor('pongs, or the end', promise).finally(() => echo.disconnect())
}

/** A client that only answers pings: is it still connected after several of them? */
async function fateOfSilent(url: string): Promise<Fate> {
  await using client = new RawClient(url)
  await client.hello()
  const gone = client.closed.then(() => '')
  for (let pings = 0; pings < PINGS; pings++) {
    const frame = await Promise.race([client.next('a ping'), gone])
    if (!frame.includes('pusher:ping')) return 'ends'
    client.send({ event: 'pusher:pong', data: '{}' })
  }
  return 'stays'
}

/** Ann is in a room, Bob comes, whispers and goes. */
async function expectRoom(ann: Echo<'pusher'>, bob: Echo<'pusher'>): Promise<void> {
  const news = new Inbox<unknown>()
  const room = ann.join('chat.1')
  room
    .here((users: unknown) => news.push({ here: users }))
    .joining((user: unknown) => news.push({ joining: user }))
    .leaving((user: unknown) => news.push({ leaving: user }))
    .listenForWhisper('typing', (data: unknown) => news.push({ typing: data }))
    .listenForWhisper('exit', (data: unknown) => news.push({ exit: data }))
  expect(await news.next('here')).toEqual({ here: [ANN] })
  const { members } = channelOf(ann)
  expect(members.me).toEqual({ id: ANN.id, info: ANN })

  // What Echo does not show: the member's id, and whose the whisper is.
  const ids = new Inbox<unknown>()
  channelOf(ann).bind('pusher:member_added', ({ id }: { id: unknown }) => ids.push(id))
  channelOf(ann).bind('pusher:member_removed', ({ id }: { id: unknown }) => ids.push(id))
  channelOf(ann).bind('client-typing', (_: unknown, { user_id: id }: { user_id: unknown }) =>
    ids.push(id),
  )
  const joined = Promise.withResolvers<unknown>()
  const bobsRoom = bob.join('chat.1').here(joined.resolve)
  expect(await waitFor('Bob to be in', joined.promise)).toEqual([ANN, BOB])
  expect(channelOf(bob).members.me).toEqual({ id: BOB.id, info: BOB })
  expect(await news.next('joining')).toEqual({ joining: BOB })
  bobsRoom.whisper('typing', { name: BOB.name, at: 1.5 })
  expect(await news.next('a whisper')).toEqual({ typing: { name: BOB.name, at: 1.5 } })
  bobsRoom.whisper('exit', undefined as never)
  expect(await news.next('a whisper without data')).toEqual({ exit: undefined })
  bob.leave('chat.1')
  expect(await news.next('leaving')).toEqual({ leaving: BOB })
  expect(await ids.take(3)).toEqual([BOB.id, BOB.id, BOB.id])
}

const channelOf = (echo: Echo<'pusher'>): PresenceChannel =>
  echo.connector.pusher.channel('presence-chat.1') as PresenceChannel

/** What the application broadcasts, on each kind of channel, to all and to others. */
async function expectEvents(ann: Echo<'pusher'>, bob: Echo<'pusher'>, sdk: Server): Promise<void> {
  const heard = new Inbox<unknown>()
  const subscriptions = [
    ['public', ann.channel('orders')],
    ['private', ann.private('orders.1')],
    ['encrypted', ann.encryptedPrivate('orders.1')],
    ['Bob', bob.private('orders.1')],
  ] as const
  const subscribed = subscriptions.map(([name, channel]) => {
    channel.listen('Shipped', ({ n }: { n: number }) => heard.push([name, n]))
    return new Promise<void>((resolve) => void channel.subscribed(() => resolve()))
  })
  await waitFor('Echo to subscribe', Promise.all(subscribed))
  const event = String.raw`App\Events\Shipped`
  await sdk.trigger('orders', event, { n: 1 })
  expect(await heard.next()).toEqual(['public', 1])
  await sdk.trigger('private-encrypted-orders.1', event, { n: 2 })
  expect(await heard.next()).toEqual(['encrypted', 2])
  await sdk.trigger(['orders', 'private-orders.1'], event, { n: 3 }, { socket_id: ann.socketId()! })
  expect(await heard.next()).toEqual(['Bob', 3])
  await sdk.trigger('private-orders.1', event, { n: 4 }, { socket_id: bob.socketId()! })
  expect(await heard.next()).toEqual(['private', 4])
}
