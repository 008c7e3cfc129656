/**
 * Plugins that refuse a message of the Phoenix socket, or take their time over a join;
 * numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { allow, reject } from '../../src/plugin'
import { Inbox, makePlugin, start } from '../harness'
import { connectPhoenix, makeReply, KEY } from '../phoenix'
import { Undecided } from '../plugins/undecided'

describe('a message that a plugin refuses', () => {
  const limiter = makePlugin('limiter', {
    frame: () => reject('too often', { retryAfterSeconds: 1 }),
  })
  const refused = { status: 'error', response: { reason: 'too often' } }

  test.each([1, 2] as const)('is answered as one, in V%d', async (version) => {
    await using server = await start({ plugins: [limiter] })
    await using client = await connectPhoenix(server, { query: KEY, version })
    const [, ref, , event, payload] = await client.request('1', '2', 'room', 'phx_join', {})
    expect([ref, event, payload]).toEqual(['2', 'phx_reply', refused])
  })

  test('in bytes, too; what is no message is told nothing', async () => {
    await using server = await start({ plugins: [limiter] })
    await using client = await connectPhoenix(server, { query: KEY })
    client.client.send('[')
    client.client.send(Buffer.from([7, 7]))
    client.client.send(Buffer.from([0, 1, 1, 4, 1, ...Buffer.from('12roome')]))
    expect(await client.next()).toEqual(['1', '2', 'room', 'phx_reply', refused])
  })
})

describe('while a plugin thinks about a join', () => {
  const slow = () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const calls = new Inbox<string>()
    const plugin = makePlugin('slow', {
      subscribe: (_, { channel }) => {
        if (channel !== 'room') return undefined
        calls.push(channel)
        return promise
      },
    })
    return { plugin, asked: calls, done: resolve }
  }

  test('a leave waits for it, and leaves nothing behind (16)', async () => {
    const { plugin, asked: calls, done } = slow()
    await using server = await start({ plugins: [plugin] })
    await using client = await connectPhoenix(server, { query: KEY })
    client.send('1', '1', 'room', 'phx_join', {})
    client.send('1', '2', 'room', 'phx_leave', {})
    await calls.next()
    done()
    expect(await client.next()).toEqual(makeReply(['1', '1', 'room'], 'ok'))
    expect(await client.next()).toEqual(makeReply(['1', '2', 'room'], 'ok'))
    expect((await client.next())[3]).toBe('phx_close')
    expect(server.core.hub.channel(server.core.apps.byId('1')!, 'room' as never)).toBeUndefined()
  })

  test('bytes wait as they came', async () => {
    const { plugin, asked: calls, done } = slow()
    await using server = await start({ plugins: [plugin] })
    await using client = await connectPhoenix(server)
    await using keyed = await connectPhoenix(server, { query: KEY })
    await client.join('public:test-app')
    keyed.send('1', '1', 'room', 'phx_join', {})
    const encodePush = (byte: number) =>
      Buffer.from([0, 1, 1, 15, 1, ...Buffer.from('12public:test-appe'), byte])
    keyed.send('2', '2', 'public:test-app', 'phx_join', {})
    keyed.client.send(Buffer.from([0, 1, 1, 15, 1, ...Buffer.from('22public:test-appe'), 7]))
    await calls.next()
    client.client.send(encodePush(9)) // what is read meanwhile must not write over what waits
    expect((await client.nextBytes()).at(-1)).toBe(9)
    done()
    expect((await client.nextBytes()).at(-1)).toBe(7)
  })

  test('the socket may close, and nobody is joined (16)', async () => {
    const { plugin, asked: calls, done } = slow()
    await using server = await start({ plugins: [plugin] })
    const client = await connectPhoenix(server, { query: KEY })
    client.send('1', '1', 'room', 'phx_join', {})
    await calls.next()
    await client[Symbol.asyncDispose]()
    await server.waitForConnections(0)
    done()
    await using other = await connectPhoenix(server, { query: KEY })
    await other.expectNothing()
    expect(server.core.hub.channel(server.core.apps.byId('1')!, 'room' as never)).toBeUndefined()
  })
})

describe('while a filter thinks about a push', () => {
  const open = makePlugin('open', { authorize: () => allow() })

  test.each([
    ['accepts', undefined, 'ok', {}],
    ['refuses', reject('not that'), 'error', { reason: 'not that' }],
  ])(
    'later ones wait; it is answered by its ref when the filter %s it',
    async (_, answer, status, response) => {
      const undecided = new Undecided()
      await using server = await start({ plugins: [open, undecided.plugin] })
      await using client = await connectPhoenix(server, { query: KEY })
      await client.join('private-room')
      client.send('1', '2', 'private-room', 'client-a?', {})
      client.send('1', '3', 'private-room', 'client-b', {})
      ;(await undecided.next()).answer(answer)
      expect(await client.next()).toEqual(makeReply(['1', '2', 'private-room'], status, response))
      expect(await client.next()).toEqual(makeReply(['1', '3', 'private-room'], 'ok'))
    },
  )
})
