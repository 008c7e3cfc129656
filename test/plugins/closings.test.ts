/** The tap `disconnected`: how a connection has ended, and that its refusal was told before. */
import { describe, expect, test } from 'bun:test'
import { reject, type AnyPlugin, type ClosingView, type Hooks } from '../../src/plugin'
import { Inbox, makePlugin, start, type RawClient, type TestServer } from '../harness'
import { XhrClient } from '../transports/xhr-client'

type Entry = string | ClosingView

/** A plugin that keeps which refusals and which ends it was told of, in their order. */
function makeDiary(): { readonly plugin: AnyPlugin; readonly told: Inbox<Entry> } {
  const told = new Inbox<Entry>()
  const plugin = makePlugin('diary', {
    refused: (_, { code }) => told.push(`refused ${code}`),
    disconnected: (_, closing) => told.push(closing),
  })
  return { plugin, told }
}

type Row = {
  readonly name: string
  readonly end: (client: RawClient, server: TestServer) => unknown
  readonly told: readonly Entry[]
  readonly hooks?: Hooks
}

const byClient = (code: number, reason: string): ClosingView => ({
  code,
  reason,
  by: 'client',
  refusal: undefined,
})
const byServer = (
  code: number,
  reason: string,
  refusal: NonNullable<ClosingView['refusal']>,
): ClosingView => ({ code, reason, by: 'server', refusal })

async function signIn(client: RawClient, server: TestServer): Promise<void> {
  server.signin(client, '{"id":"ann"}')
  await client.next('the sign-in')
}

const ROWS: readonly Row[] = [
  {
    name: 'its client closes it with a code of its own',
    end: ({ socket }) => socket.close(3001, 'bye'),
    told: [byClient(3001, 'bye')],
  },
  {
    name: 'its client closes it without a code',
    end: ({ socket }) => socket.close(),
    told: [byClient(1005, '')],
  },
  {
    name: 'it breaks off',
    end: ({ socket }) => (socket as unknown as { terminate(): void }).terminate(),
    told: [{ code: 1006, reason: '', by: 'network', refusal: undefined }],
  },
  {
    name: 'a plugin closes it',
    hooks: { subscribed: (conn) => conn.disconnect('enough') },
    end: (client) => client.subscribe('room'),
    told: [byServer(4009, 'enough', 'connection_refused')],
  },
  {
    name: 'a plugin closes it, and gives no reason',
    hooks: { subscribed: (conn) => conn.disconnect(undefined as never, null as never) },
    end: (client) => client.subscribe('room'),
    told: [byServer(4009, 'Refused, and no reason was given', 'connection_refused')],
  },
  {
    name: 'a plugin asks it to reconnect',
    hooks: { subscribed: (conn) => conn.disconnect('again', { toReconnect: true }) },
    end: (client) => client.subscribe('room'),
    told: [byServer(4200, 'again', 'reconnect_requested')],
  },
  {
    name: 'its user is terminated',
    end: async (client, server) => {
      await signIn(client, server)
      await server.sdk().terminateUserConnections('ann')
    },
    told: [byServer(4009, 'You got disconnected by the app.', 'connection_refused')],
  },
  {
    name: 'its app is switched off',
    end: (_, server) => server.change({ active: false }),
    told: [byServer(4003, 'App 1 is disabled', 'app_disabled')],
  },
  {
    name: 'it is silent',
    end: (_, server) => {
      server.advance(125_000)
      server.advance(60_000)
    },
    told: ['refused pong_timeout', byServer(4201, 'Pong reply not received', 'pong_timeout')],
  },
  {
    name: 'a message is too large for the runtime',
    end: ({ socket }) => socket.send('x'.repeat(4_000_000)),
    told: [
      'refused message_too_large',
      byServer(1006, 'Received too big message', 'message_too_large'),
    ],
  },
  {
    name: 'the server leaves',
    end: (_, server) => server.leave(),
    told: [byServer(4200, 'Please reconnect immediately', 'shutting_down')],
  },
]

describe('disconnected', () => {
  test.each(ROWS.map((row) => [row.name, row] as const))('says that %s', async (_, row) => {
    const { plugin, told } = makeDiary()
    const server = await start({ plugins: [plugin, makePlugin('other', row.hooks ?? {})] })
    const client = await server.raw()
    await row.end(client, server)
    expect(await told.take(row.told.length)).toEqual([...row.told])
    await client.closing()
    await server.stop()
    expect(told.unread).toEqual([])
  })

  test.each<[string, Hooks]>([
    ['connect', { connect: (conn) => conn.disconnect('bye') }],
    ['connect, later', { connect: async (conn) => conn.disconnect('bye') }],
  ])('is told once of a connection that a plugin closes in %s', async (_, hooks) => {
    const { plugin, told } = makeDiary()
    const server = await start({ plugins: [plugin, makePlugin('gate', hooks)] })
    const client = await server.raw({ hello: false })
    expect(await client.closing()).toEqual({ code: 4009, reason: 'bye' })
    await server.stop()
    expect(told.unread).toEqual([byServer(4009, 'bye', 'connection_refused')])
  })

  test.each<[string, Hooks]>([
    ['upgrade', { upgrade: () => reject('no') }],
    ['connect', { connect: async () => reject('no') }],
  ])('is told of a connection that %s refuses, after the refusal', async (_, hooks) => {
    for (const path of ['/app/test-app-fake-key?protocol=7', '/socket/websocket?vsn=2.0.0']) {
      const { plugin, told } = makeDiary()
      await using server = await start({ plugins: [plugin, makePlugin('gate', hooks)] })
      await using client = await server.raw({ path, hello: false })
      await client.closed
      const code = path.startsWith('/app') ? 4009 : 1001
      expect(await told.take(2)).toEqual([
        'refused connection_refused',
        byServer(code, 'no', 'connection_refused'),
      ])
    }
  })

  test('says how a session over HTTP has ended', async () => {
    const { plugin, told } = makeDiary()
    const ending = makePlugin('ending', {
      subscribed: (conn, { channel }) => {
        if (channel === 'end') conn.disconnect('over')
      },
    })
    await using server = await start({ plugins: [plugin, ending] })
    const ended = await new XhrClient(server).open()
    await ended.subscribe('end')
    expect(await told.next()).toEqual(byServer(4009, 'over', 'connection_refused'))

    const slow = await new XhrClient(server).open()
    await slow.subscribe('room')
    const data = 'x'.repeat(10_000)
    for (let n = 0; n < 105; n++) await server.trigger({ channel: 'room', name: 'e', data })
    expect(await told.next()).toEqual({
      code: 1006,
      reason: 'Slow reader',
      by: 'server',
      refusal: undefined,
    })

    await new XhrClient(server).open()
    server.advance(20_000)
    server.advance(20_000)
    expect(await told.next()).toEqual({ code: 1006, reason: '', by: 'network', refusal: undefined })
  })
})
