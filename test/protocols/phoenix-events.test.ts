/**
 * What subscribers of the Phoenix socket hear: events of backends, client events, and PushEx's `msg`;
 * numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { allow } from '../../src/plugin'
import { makePlugin, start } from '../harness'
import { connectPhoenix, makeReply, KEY, type Wire } from '../phoenix'

describe('client events on native channels', () => {
  const CASES: readonly (readonly [string, string, Wire[4]])[] = [
    ['private-room', 'client-x', { status: 'ok', response: {} }],
    [
      'private-room',
      'shout',
      { status: 'error', response: { reason: 'Names of client events begin with client-' } },
    ],
    [
      'private-room',
      'phx_error',
      { status: 'error', response: { reason: 'Names of client events begin with client-' } },
    ],
  ]
  test.each(CASES)('%s %s is answered (20)', async (channel, event, answer) => {
    const open = makePlugin('open', { authorize: () => allow() })
    await using server = await start({ plugins: [open] })
    await using ada = await connectPhoenix(server, { query: KEY })
    await using bob = await server.raw()
    await ada.join(channel)
    await bob.subscribed(channel)
    const answered = await ada.request('1', '2', channel, event, { a: 1 })
    expect(answered).toEqual(['1', '2', channel, 'phx_reply', answer])
    if (event === 'client-x')
      expect(await bob.nextJson()).toEqual({ event, channel, data: { a: 1 } })
    await bob.expectNothing()
  })

  test('those of Pusher clients are heard', async () => {
    const open = makePlugin('open', { authorize: () => allow() })
    await using server = await start({ plugins: [open] })
    await using ada = await connectPhoenix(server, { query: KEY })
    await using bob = await server.raw()
    await ada.join('private-room')
    await bob.subscribed('private-room')
    bob.send({ event: 'client-y', channel: 'private-room', data: 'text' })
    expect(await ada.next()).toEqual([null, null, 'private-room', 'client-y', { data: 'text' }])
  })
})

describe('/push_socket', () => {
  test.each([1, 2] as const)('calls every event msg, V%d (71)', async (version) => {
    await using server = await start()
    await using client = await connectPhoenix(server, { mount: '/push_socket', version })
    await client.join('42')
    const events = [
      ['phx_close', '"text"', 'text'],
      ['e', 'text', 'text'],
      ['e', '[1]', [1]],
      ['e', 'null', null],
    ] as const
    for (const [name, data, read] of events) {
      await server.trigger({ channel: '42', name, data })
      expect((await client.next()).slice(2)).toEqual(['42', 'msg', { data: read, event: name }])
    }
  })

  test('takes nothing from clients, whose channel stays (72)', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server, { mount: '/push_socket' })
    await client.join('room')
    const refused = await client.request('1', '2', 'room', 'client-x', {})
    expect(refused).toEqual(makeReply(['1', '2', 'room'], 'error', { reason: 'unsupported' }))
    await server.trigger({ channel: 'room', name: 'e', data: '1' })
    expect((await client.next())[4]).toEqual({ data: 1, event: 'e' })
  })
})

describe('events', () => {
  const DATA: readonly (readonly [string, unknown])[] = [
    ['{"a":1}', { a: 1 }],
    ['data', { data: 'data' }],
    ['"123"', { data: '123' }],
    ['123', { data: 123 }],
    ['[1,2]', { data: [1, 2] }],
    ['true', { data: true }],
    ['null', { data: null }],
    ['{"a":', { data: '{"a":' }],
    ['{"__proto__":{"x":1},"s":"\\u2028"}', JSON.parse('{"__proto__":{"x":1},"s":"\\u2028"}')],
  ]
  test.each(DATA)('%p is an object for Phoenix’s clients (23, 77)', async (data, payload) => {
    await using server = await start()
    await using two = await connectPhoenix(server, { query: KEY })
    await using one = await connectPhoenix(server, { query: KEY, version: 1 })
    await two.join('room')
    await one.join('room')
    await server.trigger({ channel: 'room', name: 'e', data })
    expect(await two.next()).toEqual([null, null, 'room', 'e', payload])
    expect((await one.next())[4]).toEqual(payload)
  })

  test('that would act on phoenix.js are not sent to it (27, trap 1)', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server, { query: KEY })
    await using other = await server.raw()
    await client.join('room')
    await other.subscribed('room')
    await server.trigger({ channel: 'room', name: 'phx_close', data: '{}' })
    expect((await other.nextJson()).event).toBe('phx_close')
    await client.expectNothing()
  })

  test('skip the excluded connection, whatever it speaks (76)', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server, { query: KEY })
    const id = [...server.core.hub.connections()][0]!.id
    await client.join('room')
    await server.sdk().trigger('room', 'e', {}, { socket_id: id })
    await client.expectNothing()
  })

  test('are encoded once for each format that is there (75)', async () => {
    await using server = await start()
    const clients = await Promise.all(
      [1, 2, 2, 2].map((version) =>
        connectPhoenix(server, { query: KEY, version: version as 1 | 2 }),
      ),
    )
    for (const client of clients) await client.join('room')
    const { apps, hub } = server.core
    const channel = hub.channel(apps.byId('1')!, 'room' as never)!
    expect(channel.audiences.map(({ encoder, size }) => [encoder.name, size]).sort()).toEqual([
      ['phoenix-1', 1],
      ['phoenix-2', 4 / server.servers.length - 1],
    ])
    for (const client of clients) await client[Symbol.asyncDispose]()
  })

  test('arrive in order (26)', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server, { query: KEY })
    await client.join('room')
    const { core } = server
    const app = core.apps.byId('1')!
    for (let n = 0; n < 1000; n++)
      void core.engine.publish({
        type: 'event',
        origin: 'client',
        app,
        channel: 'room',
        event: 'e',
        data: String(n),
        sender: undefined,
        except: undefined,
      } as never)
    for (let n = 0; n < 1000; n++) expect((await client.next())[4]).toEqual({ data: n })
  })
})
