/** What was published: each event once, on the node that caused it, when the engine has accepted it. */
import { describe, expect, test } from 'bun:test'
import { EVENT, post } from '../dialects/expusherlite/requests'
import { start, waitUntil } from '../harness'
import { listen } from '../listen'
import { connectPhoenix } from '../phoenix'
import { publish } from '../publish'

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
    await publish(server.core, server.core.apps.byId('1')!, [
      event('two', 'a', 'b'),
      event('three', 'c'),
    ])
    const backend = { app: '1', origin: 'backend', socketId: undefined, api: 'pusher' } as const
    // Those of one call have no order on a Cluster.
    const listed = facts as readonly { channel: string }[]
    const sorted = listed.toSorted((one, two) => (one.channel < two.channel ? -1 : 1))
    expect(sorted as unknown).toEqual([
      { ...backend, channel: 'a', event: 'two', data: '"{\\"of\\":\\"two\\"}"' },
      { ...backend, channel: 'b', event: 'two', data: '"{\\"of\\":\\"two\\"}"' },
      { ...backend, channel: 'c', event: 'three', data: '"{\\"of\\":\\"three\\"}"' },
      { ...backend, channel: 'room', event: 'first', data: '"a"' },
    ])
  })

  test('is emitted by the server that caused it, and by no other', async () => {
    await using server = await start()
    const heard: string[] = []
    for (const [index, { core }] of server.servers.entries())
      core.facts.listen({
        types: ['published'],
        receive: ({ event: name }) => heard.push(`${name} by ${index}`),
      })
    await using subscriber = await server.raw()
    await subscriber.subscribed('room')
    const wanted: string[] = []
    for (const [index, { core }] of server.servers.entries()) {
      await publish(core, core.apps.byId('1')!, [event(`of-${index}`, 'room')])
      await subscriber.next('the event')
      wanted.push(`of-${index} by ${index}`)
    }
    expect(heard).toEqual(wanted)
  })

  test('is emitted for a client event that was accepted, and none that was refused', async () => {
    await using server = await start()
    const facts = listen(server, 'published')
    await using client = await server.raw()
    await server.signedIn(client, 'private-room')
    client.send({ event: 'client-a', channel: 'private-room', data: { x: 1 } })
    client.send({ event: 'client-b', channel: 'private-elsewhere', data: {} })
    await client.next('the refusal')
    await waitUntil('the event is published', () => facts.length > 0)
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
    const { dialects } = server.core.apps.byId('1')!.record
    await server.change({ dialects: { ...dialects, eplBridge: true } })
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
