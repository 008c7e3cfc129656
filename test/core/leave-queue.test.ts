/** Who has closed leaves its channels in slices: counted until then, deaf at once, in exact order. */
import { describe, expect, spyOn, test } from 'bun:test'
import { SLICE_MS } from '../../src/core/slices'
import type { OneNodeEngine } from '../../src/core/one-node'
import {
  throwSecret,
  makePlugin,
  start,
  waitFor,
  type RawClient,
  type StartOptions,
} from '../harness'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** More works than a test takes turns: each is served once in so many. */
const HOGS = 5000

/** A server whose turns are over after so many steps once `slow` is called, and wait while it is `held`. */
async function steps(options: StartOptions = {}) {
  let [ms, stepMs, held] = [0, 0, false]
  const server = await start({ ...options, meter: () => (ms += stepMs) })
  const { slices } = server.core
  return {
    server,
    core: server.core,
    slow: () => void (stepMs = SLICE_MS / 3),
    hold: () => {
      held = true
      const hog = { part: 'hog', step: () => ((ms += SLICE_MS), held) }
      for (let hogs = 0; hogs < HOGS; hogs++) slices.add(hog)
    },
    served: async () => {
      held = false
      while (!slices.isIdle) await turn()
    },
    [Symbol.asyncDispose]: () => {
      held = false
      return server.stop()
    },
  }
}

/** Closes, and resolves when the server has seen it. */
async function waitUntilGone(
  { core }: Awaited<ReturnType<typeof steps>>,
  client: RawClient,
): Promise<void> {
  const left = core.hub.connectionCount - 1
  client.socket.close()
  await waitFor(
    'the server to see it',
    (async () => {
      while (core.hub.connectionCount > left) await turn()
    })(),
  )
}

const subscribeToAll = async (client: RawClient, channels: readonly string[]): Promise<void> => {
  for (const channel of channels) await client.subscribed(channel)
}

const ROOMS = Array.from({ length: 60 }, (_, index) => `room-${index}`)

describe('a socket of many channels that closes', () => {
  test('leaves a slice of them per turn, the oldest first, and is told of last', async () => {
    await using each = await steps()
    const { server, slow } = each
    const client = await server.raw()
    await subscribeToAll(client, ROOMS)
    server.facts.length = 0
    slow()
    client.socket.close()
    const counts: number[] = []
    for (let before = 0; before <= ROOMS.length; before = server.facts.length) {
      await turn()
      const served = server.facts.length - before
      if (served > 0) counts.push(served)
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(2 * 3)
    expect(counts.length).toBeGreaterThanOrEqual(ROOMS.length / 6)
    const left = ROOMS.map((room) => `channel_vacated ${room}`)
    expect(server.listFactNames()).toEqual([...left, 'disconnected'])
    expect(server.occupied).toEqual([])
  })

  test('counts until it has left, but has no place among the connections, and hears nothing', async () => {
    const limits = { maxConnectionsPerApp: 2 }
    await using each = await steps({ limits })
    const { server, core, hold, served } = each
    const [client, other] = [await server.raw(), await server.raw()]
    await subscribeToAll(client, ROOMS)
    await other.subscribed('room-59')
    const [conn] = core.hub.connections()
    const sends = spyOn(conn!, 'send')
    hold()
    await waitUntilGone(each, client)
    const last = await server.signed('GET', '/channels/room-58')
    expect(await last.json()).toEqual({ occupied: true })
    await using next = await server.raw() // within the limit
    await next.subscribed('room-58')
    for (const channel of ['room-58', 'room-59'])
      await server.trigger({ channel, name: 'e', data: 'x' })
    expect([(await other.nextJson()).channel, (await next.nextJson()).channel]).toEqual([
      'room-59',
      'room-58',
    ])
    await served()
    expect(sends).not.toHaveBeenCalled()
    expect(server.listFactNames()).not.toContain('channel_vacated room-58')
    expect(core.hub.channel(core.apps.byId('1')!, 'room-58' as never)?.audiences).toHaveLength(1)
    await other.expectNothing()
    await next.expectNothing()
  })

  test('among many leaves in its turn; those of one channel are one audience to the end', async () => {
    await using each = await steps()
    const { server, core, hold, served } = each
    const clients = await Promise.all(Array.from({ length: 40 }, () => server.raw()))
    for (const client of clients) await client.subscribed('room')
    const [stays, ...others] = clients
    hold()
    for (const client of others) await waitUntilGone(each, client)
    await server.trigger({ channel: 'room', name: 'e', data: 'x' })
    expect((await stays!.nextJson()).event).toBe('e')
    await served()
    const app = core.apps.byId('1')!
    expect(server.countsOf('room').subscriptions).toBe(1)
    expect(core.hub.subscribersOf(app, 'room' as never)).toHaveLength(1)
    expect(server.listFactNames().filter((name) => name === 'disconnected')).toHaveLength(39)
    await server.trigger({ channel: 'room', name: 'f', data: 'x' })
    expect((await stays!.nextJson()).event).toBe('f')
  })

  test('goes on after a fault of ours', async () => {
    await using each = await steps()
    const { server, core, hold, served } = each
    const [client, other] = [await server.raw(), await server.raw()]
    await subscribeToAll(client, ['a', 'b', 'c'])
    await other.subscribed('d')
    spyOn((core.engine as OneNodeEngine).presence, 'exit').mockImplementationOnce(throwSecret)
    hold()
    await waitUntilGone(each, client)
    await waitUntilGone(each, other)
    await served()
    const received = server.listFactNames().slice(-5)
    expect(received).toEqual([
      'channel_vacated b',
      'channel_vacated c',
      'disconnected',
      'channel_vacated d',
      'disconnected',
    ])
    expect(core.counters.faults).toBe(1)
  })

  test('is served to the end when the server stops', async () => {
    const received: string[] = []
    const taps = makePlugin('taps', {
      unsubscribed: (_, { channel }) => void received.push(channel),
      disconnected: () => void received.push('end'),
    })
    const { server, slow } = await steps({ plugins: [taps] })
    const client = await server.raw()
    await subscribeToAll(client, ROOMS)
    slow()
    await server.stop()
    expect(received).toEqual([...ROOMS, 'end'])
  })
})

describe('a member whose connection waits to leave', () => {
  const USER = { user_id: 'ada', user_info: { tab: 1 } }

  test('and who is back before it has is never gone', async () => {
    await using each = await steps()
    const { server, hold, served } = each
    const [client, witness] = [await server.raw(), await server.raw()]
    await subscribeToAll(client, ROOMS)
    await server.signedIn(witness, 'presence-room', { user_id: 'eve' })
    await server.signedIn(client, 'presence-room', USER)
    await witness.next()
    hold()
    await waitUntilGone(each, client)
    const again = await server.raw()
    const roster = await server.signedIn(again, 'presence-room', USER)
    expect(roster).toContain('\\"count\\":2')
    await served()
    await witness.expectNothing()
    await waitUntilGone(each, again)
    await served()
    expect(await witness.nextJson()).toMatchObject({ event: 'pusher_internal:member_removed' })
    const members = server.listFactNames().filter((name) => name.startsWith('member_'))
    expect(members.map((name) => name.split(' ')[0])).toEqual([
      'member_added',
      'member_added',
      'member_removed',
    ])
  })

  test('and who is back after it has is removed, then added', async () => {
    await using each = await steps()
    const { server, hold, served } = each
    const [client, witness] = [await server.raw(), await server.raw()]
    await server.signedIn(witness, 'presence-room', { user_id: 'eve' })
    await server.signedIn(client, 'presence-room', USER)
    await witness.next()
    hold()
    await waitUntilGone(each, client)
    await served()
    await server.signedIn(await server.raw(), 'presence-room', USER)
    expect((await witness.nextJson()).event).toBe('pusher_internal:member_removed')
    expect((await witness.nextJson()).event).toBe('pusher_internal:member_added')
  })

  test('is online until then, and who watches hears what became of it once', async () => {
    await using each = await steps()
    const { server, hold, served } = each
    const [client, watcher] = [await server.raw(), await server.raw()]
    await subscribeToAll(client, ROOMS)
    server.signin(watcher, '{"id":"eve","watchlist":["ada"]}')
    await watcher.frames.take(2)
    server.signin(client, '{"id":"ada"}')
    await client.next()
    expect(await watcher.next()).toContain('online')
    hold()
    await waitUntilGone(each, client)
    await watcher.expectNothing()
    const again = await server.raw()
    server.signin(again, '{"id":"ada"}')
    await again.next()
    await served()
    await watcher.expectNothing() // she was here all the time
    await waitUntilGone(each, again)
    await served()
    expect(await watcher.next()).toContain('offline')
    await watcher.expectNothing()
  })
})
