/** The tap `published`: each event that was accepted, whoever sent it, and no other. */
import { describe, expect, test } from 'bun:test'
import {
  definePlugin,
  reject,
  replace,
  type AppView,
  type PluginContext,
  type PublishedView,
} from '../../src/plugin'
import { EVENT, post } from '../dialects/expusherlite/requests'
import { push } from '../dialects/pushex/requests'
import { Inbox, makePlugin, start } from '../harness'
import { connectPhoenix } from '../phoenix'

/** A plugin that keeps what it is told. */
function makeAudit() {
  const told: (PublishedView & { readonly app: string })[] = []
  const box: { context?: PluginContext } = {}
  const plugin = definePlugin({
    name: 'audit',
    carillon: 1,
    setup: (context) => {
      box.context ??= context
      return { published: ({ id }, event) => void told.push({ app: id, ...event }) }
    },
  })

  return { plugin, told, context: () => box.context! }
}

const BACKEND = { app: '1', origin: 'backend', socketId: undefined } as const

describe('published', () => {
  test('is told each event of every API, once, by its name for clients', async () => {
    const { plugin, told, context } = makeAudit()
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    await server.signedIn(client, 'private-room')
    await server.trigger({ channel: 'room', name: 'one', data: 'text' })
    const batch = ['a', 'b'].map((channel) => ({ name: 'two', channel, data: '{}' }))
    await server.signed('POST', '/batch_events', JSON.stringify({ batch }))
    await server.signed('POST', '/channels/old/events', '{}', 'name=three')
    await push(server, { channel: 'pushed', event: 'four', data: [1] })
    await post(server, JSON.stringify({ ...EVENT, topic: '#general', event: 'five' }))
    const app = context().apps.byId('1')!
    await context().publish(app, { channel: 'own', name: 'six', data: { n: 1 } })
    await context().sendToUser(app, 'ann', { name: 'seven', data: '' })
    client.send({ event: 'client-eight', channel: 'private-room', data: { x: 1 } })
    client.send({ event: 'client-nine', channel: 'private-room' })
    await client.expectNothing()
    await server.settle()
    const sent = { app: '1', origin: 'client', socketId: client.socketId } as const
    expect(told).toEqual([
      { ...BACKEND, channel: 'room', event: 'one', data: '"text"' },
      { ...BACKEND, channel: 'a', event: 'two', data: '"{}"' },
      { ...BACKEND, channel: 'b', event: 'two', data: '"{}"' },
      { ...BACKEND, channel: 'old', event: 'three', data: '"{}"' },
      { ...BACKEND, channel: 'pushed', event: 'four', data: '"[1]"' },
      { ...BACKEND, channel: 'public:test-app', event: 'five', data: '"{\\"name\\":\\"Joe\\"}"' },
      { ...BACKEND, channel: 'own', event: 'six', data: '"{\\"n\\":1}"' },
      { ...BACKEND, channel: '#server-to-user-ann', event: 'seven', data: '""' },
      { ...sent, channel: 'private-room', event: 'client-eight', data: '{"x":1}' },
      { ...sent, channel: 'private-room', event: 'client-nine' },
    ] as never)
  })

  test('is told what a filter has put in its place, and nothing that was refused', async () => {
    const { plugin, told } = makeAudit()
    const filter = makePlugin('filter', {
      publish: (_, { event }) => (event === 'bad' ? reject('no') : replace('changed')),
      clientEvent: () => reject('no'),
    })
    await using server = await start({ plugins: [plugin, filter] })
    await using client = await server.raw()
    await server.signedIn(client, 'private-room')
    const batch = ['good', 'bad'].map((name) => ({ name, channel: 'room', data: '' }))
    const refused = await server.signed('POST', '/batch_events', JSON.stringify({ batch }))
    expect(refused.status).toBe(403)
    client.send({ event: 'client-e', channel: 'private-room', data: 1 })
    expect(await client.next()).toContain('pusher:error')
    await server.trigger({ channel: 'room', name: 'good', data: '' })
    expect(told).toEqual([
      { ...BACKEND, channel: 'room', event: 'good', data: '"changed"' },
    ] as never)
  })

  test('is told bytes as base64', async () => {
    const { plugin, told } = makeAudit()
    await using server = await start({ plugins: [plugin] })
    await using client = await connectPhoenix(server)
    await client.join('public:test-app', {}, '6')
    const head = Uint8Array.of(0, 1, 2, 15, 3)
    const text = Buffer.from('618public:test-appbin')
    client.client.send(new Uint8Array(Buffer.concat([head, text, Uint8Array.of(1, 2)])))
    await client.nextBytes()
    expect(told).toMatchObject([{ channel: 'public:test-app', event: 'bin', data: '"AQI="' }])
  })

  test('may publish; one that answers itself for ever is stopped, and named', async () => {
    const errors = new Inbox<string>()
    const plugin = definePlugin({
      name: 'echo',
      carillon: 1,
      setup: ({ publish }) => ({
        published: (app: AppView, { channel }) =>
          void publish(app, { channel, name: 'again', data: '' }).catch((cause: Error) =>
            errors.push(cause.message),
          ),
      }),
    })
    await using server = await start({ plugins: [plugin] })
    await server.trigger({ channel: 'room', name: 'e', data: '' })
    expect(await errors.next()).toBe('plugin echo publishes in its own hook, 4 deep')
    expect(errors.unread).toEqual([])
    expect(server.totals.faults).toBe(0)
  })

  test('builds nothing where no plugin has it', async () => {
    await using server = await start({ plugins: [makePlugin('other', { connected: () => {} })] })
    for (const { core } of server.servers) expect(core.facts.hears('published')).toBe(false)
  })
})
