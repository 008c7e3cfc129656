/** Facts of traffic: each once, with what a listener must know, and nothing is built for nobody. */
import { describe, expect, mock, spyOn, test } from 'bun:test'
import type { App } from '../../src/core/app'
import { FACTS, Facts } from '../../src/core/facts'
import type { FactType } from '../../src/core/messages'
import { MAX_BEHIND_BYTES } from '../../src/core/slow-reader'
import { EVENT, post } from '../dialects/expusherlite/ask'
import { start } from '../harness'
import { listen } from '../listen'
import { connectPhoenix } from '../phoenix'
import { publish } from '../publish'
import { XhrClient } from '../transports/xhr-client'

const event = (name: string, ...channels: string[]) => ({
  name,
  data: `{"of":"${name}"}`,
  channels,
  socketId: undefined,
})

describe('published', () => {
  test('is emitted for each event of a backend and each of its channels', async () => {
    await using server = await start()
    const facts = listen(server, 'published')
    await server.trigger({ channel: 'room', name: 'first', data: 'a' })
    publish(server.core, server.core.apps.byId('1')!, [event('two', 'a', 'b'), event('three', 'c')])
    const backend = { app: '1', origin: 'backend', socketId: undefined } as const
    expect(facts as unknown).toEqual([
      { ...backend, channel: 'room', event: 'first', data: '"a"' },
      { ...backend, channel: 'a', event: 'two', data: '"{\\"of\\":\\"two\\"}"' },
      { ...backend, channel: 'b', event: 'two', data: '"{\\"of\\":\\"two\\"}"' },
      { ...backend, channel: 'c', event: 'three', data: '"{\\"of\\":\\"three\\"}"' },
    ])
  })

  test('is emitted for a client event that was accepted, and none that was refused', async () => {
    await using server = await start()
    const facts = listen(server, 'published')
    await using client = await server.raw()
    await server.joinSigned(client, 'private-room')
    client.send({ event: 'client-a', channel: 'private-room', data: { x: 1 } })
    client.send({ event: 'client-b', channel: 'private-elsewhere', data: {} })
    await client.next('the refusal')
    const { socketId } = client
    const sent = { channel: 'private-room', event: 'client-a', data: '{"x":1}' }
    expect(facts as unknown).toEqual([{ app: '1', origin: 'client', socketId, ...sent }])
  })

  test('is emitted for bytes, and for an event of a group', async () => {
    await using server = await start()
    const facts = listen(server, 'published')
    await using client = await connectPhoenix(server)
    await client.join('public:test-app', {}, '6')
    const head = Uint8Array.of(0, 1, 2, 15, 3)
    const text = Buffer.from('618public:test-appbin')
    client.client.send(new Uint8Array(Buffer.concat([head, text, Uint8Array.of(1, 2)])))
    await client.nextBytes()
    const [socketId] = Array.from(server.core.hub.connections(), ({ id }) => id)
    const sent = { channel: '#scope-public:test-app', event: 'bin', data: Uint8Array.of(1, 2) }
    const [fact] = facts
    expect({ ...fact, data: new Uint8Array(fact?.data as Uint8Array) } as unknown).toEqual({
      app: '1',
      origin: 'client',
      socketId,
      ...sent,
    })
  })

  test('is not emitted for the copy that a group gets', async () => {
    await using server = await start()
    const facts = listen(server, 'published')
    const app = server.core.apps.byId('1')!
    const dialects = { ...app.record.dialects, eplBridge: true }
    server.core.apps.change(app, { ...app.record, dialects }, 0)
    await using member = await connectPhoenix(server)
    await member.join('public:test-app')
    await server.trigger({ channel: 'room', name: 'e', data: '{}' })
    expect((await member.next())[3]).toBe('room:e')
    await post(server, JSON.stringify({ ...EVENT, topic: 'room', event: 'f' }))
    expect((await member.next())[3]).toBe('room:f')
    await post(server, JSON.stringify({ ...EVENT, topic: '#general', event: 'g' }))
    expect((await member.next())[3]).toBe('g')
    const names = facts.map(({ channel, event: name }) => `${channel} ${name}`)
    expect(names).toEqual(['room e', 'room f', '#scope-public:test-app g'])
  })
})

describe('cut', () => {
  test('is emitted for a session that does not fetch what it is sent', async () => {
    await using server = await start()
    const facts = listen(server, 'cut')
    const client = await new XhrClient(server).open()
    await client.subscribe('room')
    const [conn] = server.core.hub.connections()
    const data = 'x'.repeat(10_000)
    for (let n = 0; n < 105; n++) await server.trigger({ channel: 'room', name: 'e', data })
    expect(facts).toEqual([{ app: '1', socketId: conn!.id, bytes: expect.any(Number) }])
    expect(facts[0]!.bytes).toBeGreaterThan(MAX_BEHIND_BYTES - 2 * data.length)
  })
})

describe('a fact that nobody listens to', () => {
  test('is not built, however much is sent', async () => {
    await using server = await start()
    const emitted = spyOn(server.core.facts, 'emit')
    await using client = await server.raw()
    await server.joinSigned(client, 'private-room')
    client.send({ event: 'client-a', channel: 'private-room', data: {} })
    client.send({ event: 'client-a', channel: 'private-elsewhere', data: {} })
    await client.next('the refusal')
    await server.trigger({ channel: 'room', name: 'e', data: '' })
    await server.requestSigned('GET', '/channels')
    expect((await server.http('/apps/1/events', { method: 'POST' })).status).toBe(401)
    const types = new Set(emitted.mock.calls.map(([{ type }]) => type))
    expect([...types].sort()).toEqual(['channel_occupied', 'client_event', 'connected'])
  })

  test('nor one that its listener does not want', async () => {
    await using server = await start()
    const other = server.addTenant()
    const receive = mock()
    const types = ['published', 'cut'] as const
    server.core.facts.listen({ types, receive, wants: (_, app) => app === other })
    publish(server.core, server.core.apps.byId('1')!, [event('e', 'room')])
    expect(receive).not.toHaveBeenCalled()
    publish(server.core, other, [event('e', 'room')])
    expect(receive).toHaveBeenCalledTimes(1)
  })

  test('costs a look at an empty list: no listener is asked that is not its own', () => {
    const facts = new Facts()
    const wants = mock(() => true)
    const types = (Object.keys(FACTS) as FactType[]).filter((type) => type !== 'published')
    facts.listen({ types, receive: () => undefined, wants })
    expect(facts.wants('published', {} as App)).toBe(false)
    expect(wants).not.toHaveBeenCalled()
    expect(facts.wants('cut', undefined)).toBe(true)
  })
})
