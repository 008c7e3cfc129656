/**
 * A `user_id` that is an integer goes out on the WebSocket as it came in, digit for digit, and is text
 * everywhere else. Contract 3.5.
 */
import { describe, expect, test } from 'bun:test'
import type { PresenceChannel } from 'pusher-js'
import {
  startCommon,
  makePlugin,
  start,
  waitFor,
  type RawClient,
  type TestServer,
} from '../harness'
import { makeMemberAdded, makeMemberRemoved, makeSuccess } from '../frames'
import { Receiver, startWithWebhooks } from '../webhooks/receiver'

/** Subscribes with channel data as it stands; returns the frame of the success. */
const enter = (server: TestServer, client: RawClient, channel: string, id: string) => {
  const data = `{"user_id":${id}}`
  return client.subscribed(channel, server.sign(client, channel, data), data)
}

const leave = (client: RawClient, channel: string): void =>
  client.send({ event: 'pusher:unsubscribe', data: { channel } })

const IDS = [
  '1',
  '0',
  '-7',
  '9007199254740993',
  '12345678901234567890',
  '"1"',
  '"01"',
  '"1e3"',
  '"\\ud800"',
]

describe('as it was sent', () => {
  const server = startCommon()

  test.each(IDS)('Laravel’s auth()->id(): %s', async (id) => {
    const channel = `presence-${IDS.indexOf(id)}`
    const text = id.startsWith('"') ? id : `"${id}"`
    await using watcher = await server().raw()
    await using client = await server().raw()
    await enter(server(), watcher, channel, '"w"')
    const members = `{"presence":{"ids":["w",${id}],"hash":{"w":{},${text}:{}},"count":2}}`
    expect(await enter(server(), client, channel, id)).toBe(makeSuccess(channel, members))
    expect(await watcher.next()).toBe(makeMemberAdded(channel, `{"user_id":${id},"user_info":{}}`))
    client.send(`{"event":"client-e","channel":"${channel}","data":{}}`)
    expect(await watcher.next()).toBe(
      `{"event":"client-e","channel":"${channel}","data":{},"user_id":${id}}`,
    )
    const users = await server().signed('GET', `/channels/${channel}/users`)
    expect(await users.text()).toBe(`{"users":[{"id":"w"},{"id":${text}}]}`)
    leave(client, channel)
    expect(await watcher.next()).toBe(makeMemberRemoved(channel, `{"user_id":${id}}`))
  })

  test.each([
    ['1', '"1"'],
    ['"1"', '1'],
  ])('of %s and %s, one user, as the first one in has said', async (first, second) => {
    const channel = `presence-first-${first.length}`
    await using watcher = await server().raw()
    await using one = await server().raw()
    await using two = await server().raw()
    await enter(server(), watcher, channel, '"w"')
    await enter(server(), one, channel, first)
    expect(await watcher.next()).toBe(
      makeMemberAdded(channel, `{"user_id":${first},"user_info":{}}`),
    )
    const members = `{"presence":{"ids":["w",${first}],"hash":{"w":{},"1":{}},"count":2}}`
    expect(await enter(server(), two, channel, second)).toBe(makeSuccess(channel, members))
    leave(one, channel)
    await one.expectNothing()
    two.send(`{"event":"client-e","channel":"${channel}","data":1}`)
    expect(await watcher.nextJson()).toMatchObject({ user_id: JSON.parse(first) })
    leave(two, channel)
    expect(await watcher.next()).toBe(makeMemberRemoved(channel, `{"user_id":${first}}`))
    await enter(server(), two, channel, second) // whoever comes after that is a newcomer
    expect(await watcher.next()).toBe(
      makeMemberAdded(channel, `{"user_id":${second},"user_info":{}}`),
    )
  })
})

describe('with pusher-js', () => {
  test('member.id is user.id', async () => {
    await using server = await start()
    await using ann = server.pusher({ user: { user_id: 1 as never } })
    const room = (await ann.subscribe('presence-room')) as PresenceChannel
    expect(room.members.me).toEqual({ id: 1, info: {} })
    {
      await using bob = server.pusher({ user: { user_id: 2 as never } })
      const bobs = await bob.subscribe('presence-room')
      expect(await ann.nextEvent()).toMatchObject({ data: { id: 2 } })
      const sender = Promise.withResolvers<unknown>()
      room.bind('client-e', (_: unknown, meta: unknown) => sender.resolve(meta))
      bobs.trigger('client-e', {})
      expect(await waitFor('the event', sender.promise)).toEqual({ user_id: 2 })
      await ann.nextEvent()
    }
    expect(await ann.nextEvent()).toMatchObject({
      event: 'pusher:member_removed',
      data: { id: 2 },
    })
  })
})

describe('is text', () => {
  test('in webhooks', async () => {
    await using receiver = new Receiver()
    await using server = await startWithWebhooks([
      { url: receiver.url, event_types: ['member_added', 'client_event'] },
    ])
    await using client = await server.raw()
    await enter(server, client, 'presence-room', '1')
    expect((await receiver.next(server.sdk())).body).toContain('"user_id":"1"}')
    client.send('{"event":"client-e","channel":"presence-room","data":{}}')
    expect((await receiver.next(server.sdk())).body).toContain('"user_id":"1"}')
  })

  test('to plugins', async () => {
    const seen: unknown[] = []
    const see = (_: unknown, { userId }: { readonly userId: string | undefined }): void =>
      void seen.push(userId)
    const plugin = makePlugin('eyes', {
      presence: see,
      subscribed: see,
      unsubscribed: see,
      clientEvent: see,
    })
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    await enter(server, client, 'presence-room', '1')
    client.send('{"event":"client-e","channel":"presence-room","data":{}}')
    leave(client, 'presence-room')
    await client.expectNothing()
    expect(seen).toEqual(Array(5).fill('1'))
  })
})
