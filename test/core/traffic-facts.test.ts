/** Facts of traffic: each once, with what a listener must know, and nothing is built for nobody. */
import { describe, expect, mock, spyOn, test } from 'bun:test'
import type { App } from '../../src/core/app'
import { FACTS, Facts } from '../../src/core/facts'
import type { FactType } from '../../src/core/messages'
import { start } from '../harness'
import { listen } from '../listen'
import { publish } from '../publish'
import { XhrClient } from '../transports/xhr-client'

const event = (name: string, ...channels: string[]) => ({
  name,
  data: `{"of":"${name}"}`,
  channels,
  socketId: undefined,
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
    expect(facts[0]!.bytes).toBeGreaterThan(server.core.limits.maxUnreadBytes - 2 * data.length)
  })
})

describe('a fact that nobody listens to', () => {
  test('is not built, however much is sent', async () => {
    await using server = await start()
    const emitSpy = spyOn(server.core.facts, 'emit')
    await using client = await server.raw()
    await server.signedIn(client, 'private-room')
    client.send({ event: 'client-a', channel: 'private-room', data: {} })
    client.send({ event: 'client-a', channel: 'private-elsewhere', data: {} })
    await client.next('the refusal')
    await server.trigger({ channel: 'room', name: 'e', data: '' })
    await server.signed('GET', '/channels')
    expect((await server.http('/apps/1/events', { method: 'POST' })).status).toBe(401)
    const types = new Set(emitSpy.mock.calls.map(([{ type }]) => type))
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
