/**
 * Joins and leaves of the Phoenix socket, in both versions, and what a join is refused for;
 * numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { makePlugin, start } from '../harness'
import { connectPhoenix, makeReply, KEY } from '../phoenix'

describe.each([1, 2] as const)('V%d', (version) => {
  const join = (ref: unknown) => (version === 2 ? ref : undefined)
  const none = version === 2 ? null : undefined

  test('a channel is joined, heard and left (10, 16, 17)', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server, { version, query: KEY })
    const joined = await client.request('6', '6', 'room', 'phx_join', { want: 1 })
    expect(joined).toEqual(makeReply([join('6'), '6', 'room'], 'ok'))
    await server.trigger({ channel: 'room', name: 'shout', data: '{"b":2}' })
    expect(await client.next()).toEqual([none, null, 'room', 'shout', { b: 2 }])
    const left = await client.request('6', '8', 'room', 'phx_leave', {})
    expect(left).toEqual(makeReply([join('6'), '8', 'room'], 'ok'))
    expect(await client.next()).toEqual([join('6'), '6', 'room', 'phx_close', {}])
    await server.trigger({ channel: 'room', name: 'shout', data: '{}' })
    const pushed = await client.request('6', '9', 'room', 'client-x', {})
    expect(pushed).toEqual(makeReply([none, '9', 'room'], 'error', { reason: 'unmatched topic' }))
    await server.settle()
    expect(server.listFactNames()).toEqual(
      expect.arrayContaining(['channel_occupied room', 'channel_vacated room']),
    )
  })

  test.each([
    'phoenix',
    'public:nobody',
    'private:nobody',
    '',
    '#scope-public:test-app',
    'a'.repeat(256),
  ])('nobody joins %p, and the reply names no generation (11, 19, trap 4)', async (topic) => {
    await using server = await start()
    await using client = await connectPhoenix(server, {
      version,
      ...(topic && !topic.includes(':') && { query: KEY }),
    })
    const refused = await client.request('3', '3', topic, 'phx_join', {})
    expect(refused).toEqual(makeReply([none, '3', topic], 'error', { reason: 'unmatched topic' }))
  })

  test.each(['room:42', 'constructor', '__proto__', 'ключ ☃', 'a'.repeat(255)])(
    '%p is joined (19, trap 20)',
    async (topic) => {
      await using server = await start()
      await using client = await connectPhoenix(server, { version, query: KEY })
      expect(await client.join(topic)).toEqual({})
    },
  )

  test('a second join replaces the first, without a copy of anything (13, 14, trap 19)', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server, { version, query: KEY })
    await client.join('room', {}, '1')
    const again = await client.request('2', '2', 'room', 'phx_join', {})
    expect(again).toEqual(makeReply([join('2'), '2', 'room'], 'ok'))
    if (version === 2) expect(await client.next()).toEqual(['1', '1', 'room', 'phx_close', {}])
    await server.trigger({ channel: 'room', name: 'once', data: '{}' })
    expect(await client.next()).toEqual([none, null, 'room', 'once', {}])
    await client.expectNothing()
  })

  test('what is stale is passed over, what has no generation is not (16, 21)', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server, { version, query: KEY })
    await client.join('room', {}, '5')
    client.send('4', '6', 'room', 'phx_leave', {})
    client.send('4', '7', 'room', 'client-x', {})
    await client.expectNothing()
    const left = await client.request(null, '8', 'room', 'phx_leave', {})
    expect(left).toEqual(makeReply([none, '8', 'room'], 'ok'))
    expect((await client.next())[3]).toBe('phx_close')
    const unknown = await client.request('9', '9', 'stranger', 'phx_leave', {})
    expect(unknown).toEqual(makeReply([join('9'), '9', 'stranger'], 'ok'))
  })

  test('the 101st topic is one too many; a second join of one is not (11, trap 14)', async () => {
    await using server = await start({ limits: { maxTopicsPerConnection: 2 } })
    await using client = await connectPhoenix(server, { version, query: KEY })
    await client.join('a')
    await client.join('b')
    const refused = await client.request('3', '3', 'c', 'phx_join', {})
    expect(refused).toEqual(
      makeReply([join('3'), '3', 'c'], 'error', { reason: 'too many channels joined' }),
    )
    const again = await client.request('4', '4', 'b', 'phx_join', {})
    expect(again).toEqual(makeReply([join('4'), '4', 'b'], 'ok'))
  })
})

describe('a subscription that needs a signature', () => {
  test('says what to sign, and takes it with the next join', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server, { query: KEY })
    const [, , , , refused] = await client.request('1', '1', 'private-room', 'phx_join', {})
    const { response } = refused as { response: { reason: string; socket_id: string } }
    expect(response).toEqual({ reason: 'unauthorized', socket_id: expect.any(String) })
    const auth = server.sign({ socketId: response.socket_id }, 'private-room')
    expect(await client.join('private-room', { auth })).toEqual({})
    const wrong = await client.request('2', '2', 'private-other', 'phx_join', { auth })
    expect(wrong).toEqual(makeReply(['2', '2', 'private-other'], 'error', response))
  })

  test('encrypted channels are nobody’s who has no key for them (79)', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server, { query: KEY })
    const refused = await client.request('1', '1', 'private-encrypted-a', 'phx_join', {})
    expect(refused[4]).toEqual({ status: 'error', response: { reason: 'unmatched topic' } })
  })
})

test('a plugin that fails is told as a join that crashed, and nothing of why (11)', async () => {
  const bad = makePlugin('bad', {
    subscribe: (_, { channel }) => {
      if (channel === 'room') throw new Error('secret detail')
    },
  })
  await using server = await start({ plugins: [bad] })
  await using client = await connectPhoenix(server, { query: KEY })
  const refused = await client.request('1', '1', 'room', 'phx_join', {})
  expect(refused).toEqual(makeReply(['1', '1', 'room'], 'error', { reason: 'join crashed' }))
  expect(await client.join('other')).toEqual({})
})
