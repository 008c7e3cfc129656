/** Contract 3: subscribing, and leaving again. */
import { describe, expect, test } from 'bun:test'
import { start } from '../harness'
import { makeSuccess } from '../frames'
import { expectNoTrace } from './no-trace'

describe('success', () => {
  test.each(['room', 'foo-bar_1234@=,.;', '__proto__', 'constructor'])(
    '%s needs no signature',
    async (channel) => {
      await using server = await start()
      await using client = await server.raw()
      expect(await client.subscribed(channel)).toBe(makeSuccess(channel))
      await server.sdk().trigger(channel, 'e', { a: 1 })
      expect(await client.next()).toBe(`{"event":"e","channel":"${channel}","data":"{\\"a\\":1}"}`)
    },
  )

  test.each([
    'private-room',
    'private-encrypted-room',
    'private-cache-room',
    'private-encrypted-cache-room',
  ])('%s opens to a signature', async (channel) => {
    await using server = await start()
    await using client = await server.raw()
    expect(await server.signedIn(client, channel)).toBe(makeSuccess(channel))
  })

  test('channel_data on a private channel is part of what is signed', async () => {
    await using server = await start()
    await using client = await server.raw()
    expect(await server.signedIn(client, 'private-room', { user_id: '42' })).toBe(
      makeSuccess('private-room'),
    )
  })

  const LENIENT: readonly (readonly [name: string, message: string])[] = [
    ['auth null', '{"event":"pusher:subscribe","data":{"channel":"room","auth":null}}'],
    ['auth empty', '{"event":"pusher:subscribe","data":{"channel":"room","auth":""}}'],
    [
      'a signature on a public channel',
      '{"event":"pusher:subscribe","data":{"channel":"room","auth":"a:b"}}',
    ],
    [
      'channel_data empty',
      '{"event":"pusher:subscribe","data":{"channel":"room","channel_data":""}}',
    ],
    [
      'data as a string of JSON',
      '{"event":"pusher:subscribe","data":"{\\"channel\\":\\"room\\"}"}',
    ],
    [
      'unknown keys',
      '{"event":"pusher:subscribe","x":1,"data":{"channel":"room","shared_secret":"s"}}',
    ],
    ['keys in another order', '{"data":{"channel":"room"},"event":"pusher:subscribe"}'],
  ]
  test.each(LENIENT)('%s is taken', async (_, message) => {
    await using server = await start()
    await using client = await server.raw()
    client.send(message)
    expect(await client.next()).toBe(makeSuccess('room'))
  })

  test('subscribe, unsubscribe and subscribe without waiting ends subscribed', async () => {
    await using server = await start()
    await using client = await server.raw()
    client.subscribe('room')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    client.subscribe('room')
    expect(await client.frames.take(2)).toEqual([makeSuccess('room'), makeSuccess('room')])
    await server.sdk().trigger('room', 'e', '')
    expect((await client.nextJson()).event).toBe('e')
    await server.settle()
    expect(server.listFactNames()).toEqual([
      'connected',
      'channel_occupied room',
      'channel_vacated room',
      'channel_occupied room',
    ])
  })

  test('who has unsubscribed hears nothing more', async () => {
    await using server = await start()
    await using client = await server.raw()
    await using other = await server.raw()
    await client.subscribed('room')
    await other.subscribed('room')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await client.expectNothing()
    await server.sdk().trigger('room', 'e', '')
    await other.next()
    await client.expectNothing()
  })
})

describe('leaving', () => {
  test('a closed connection leaves everything at once', async () => {
    await using server = await start()
    await using watcher = await server.raw()
    await server.signedIn(watcher, 'presence-room', { user_id: 'watcher' })
    const client = await server.raw()
    await client.subscribed('room')
    await server.signedIn(client, 'presence-room', { user_id: 'ann' })
    await watcher.next()
    await client[Symbol.asyncDispose]()
    expect(await watcher.next()).toBe(
      '{"event":"pusher_internal:member_removed","channel":"presence-room","data":"{\\"user_id\\":\\"ann\\"}"}',
    )
    await server.settle()
    const ends = server
      .listFactNames()
      .filter((name) => /^channel_vacated|^member_removed/.test(name))
    // Those of two channels have no order where there are several nodes.
    expect(ends.sort()).toEqual(['channel_vacated room', 'member_removed presence-room'])
  })

  test('unsubscribing from where one is not is ignored', async () => {
    await using server = await start()
    await using client = await server.raw()
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await client.expectNothing()
    await expectNoTrace(server)
  })
})
