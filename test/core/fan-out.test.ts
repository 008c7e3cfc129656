/** Decision 17: shards. Order, exclusion and membership stay exact at every size and in the middle. */
import { describe, expect, test } from 'bun:test'
import { SHARD_SIZE, SMALL_SHARDS } from '../../src/core/audience'
import { publish } from '../publish'
import { unsubscribe } from '../../src/core/subscribe'
import type { ChannelName } from '../../src/core/types'
import { makeRandom } from '../random'
import { start, type RawClient, type TestServer } from '../harness'

/** Publishes in this turn of the loop, without the detour over HTTP. */
function publishNow(server: TestServer, data: string, except?: RawClient): void {
  const app = server.core.apps.byId(server.app.id)!
  publish(server.core, app, [{ name: 'e', data, channels: ['room'], socketId: except?.socketId }])
}

async function subscribers(server: TestServer, count: number): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => server.raw()))
  await Promise.all(clients.map((client) => client.subscribed('room')))
  return clients
}

const dataOf = (frames: readonly string[]): string[] =>
  frames.map((frame) => JSON.parse(frame).data)

describe('events', () => {
  test.each([1, SHARD_SIZE.small, SHARD_SIZE.small + 1, 3 * SHARD_SIZE.small, 300, 400])(
    'reach each of %d subscribers once and in order',
    async (count) => {
      await using server = await start()
      const clients = await subscribers(server, count)
      const sent = Array.from({ length: 20 }, (_, n) => String(n))
      for (const data of sent) publishNow(server, data)
      for (const client of clients)
        expect(dataOf(await client.frames.take(sent.length))).toEqual(sent)
      for (const client of clients) await client.expectNothing()
    },
  )

  test('leave out one of 200, whichever shard it is in, and only for the events that say so', async () => {
    await using server = await start()
    const clients = await subscribers(server, 200)
    for (const [index, client] of clients.entries()) publishNow(server, String(index), client)
    publishNow(server, 'end')
    const all = clients.map((_, index) => String(index))
    for (const [index, client] of clients.entries()) {
      const expected = [...all.filter((data) => data !== String(index)), 'end']
      expect(dataOf(await client.frames.take(200))).toEqual(expected)
    }
  })

  test('reach a small channel beside a big one', async () => {
    await using server = await start()
    await subscribers(server, 300)
    await using neighbour = await server.raw()
    await neighbour.subscribed('small')
    publishNow(server, 'big')
    const app = server.core.apps.byId('1')!
    publish(server.core, app, [{ name: 'e', data: 'x', channels: ['small'], socketId: undefined }])
    expect((await neighbour.nextJson()).channel).toBe('small')
  })
})

describe('in the middle of a fan-out', () => {
  test('a newcomer hears what is published after its subscription, and nothing from before', async () => {
    await using server = await start()
    const clients = await subscribers(server, 200)
    await using newcomer = await server.raw()
    for (let n = 0; n < 50; n++) publishNow(server, `before ${n}`)
    newcomer.subscribe('room')
    await newcomer.next('the subscription')
    publishNow(server, 'after')
    expect(dataOf([await newcomer.next()])).toEqual(['after'])
    for (const client of clients) expect(dataOf(await client.frames.take(51)).at(-1)).toBe('after')
  })

  test('who leaves misses nothing that was published before, if the server says goodbye', async () => {
    await using server = await start()
    const clients = await subscribers(server, 200)
    for (let n = 0; n < 10; n++) publishNow(server, String(n))
    const leaving = server.leave()
    for (const client of clients) expect(await client.frames.take(10)).toHaveLength(10)
    await leaving
    for (const client of clients) expect((await client.closing()).code).toBe(4200)
  })

  test('shards that merge keep the order and lose nothing', async () => {
    await using server = await start()
    const { core } = server
    const app = core.apps.byId('1')!
    const clients = await subscribers(server, 200)
    for (let n = 0; n < 10; n++) publishNow(server, String(n))
    const leaving = [...core.hub.connections()].filter((_, index) => index % 5 !== 0)
    for (const conn of leaving)
      unsubscribe(core, conn, {
        type: 'unsubscribe',
        app,
        channel: 'room' as ChannelName,
        ref: undefined,
      })
    for (let n = 10; n < 20; n++) publishNow(server, String(n))
    const gone = new Set<string>(leaving.map(({ id }) => id))
    const numbers = Array.from({ length: 20 }, (_, n) => String(n))
    for (const client of clients.filter(({ socketId }) => !gone.has(socketId))) {
      expect(dataOf(await client.frames.take(20))).toEqual(numbers)
    }
  })

  test('joins, leaves and closes at random lose, repeat and reorder nothing', async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
    console.log(`seed ${seed}`)
    const next = makeRandom(seed)
    await using server = await start()
    const stayers = await subscribers(server, 150)
    const movers = await Promise.all(Array.from({ length: 60 }, () => server.raw()))
    const inside = new Set<RawClient>()
    for (let n = 0; n < 400; n++) {
      publishNow(server, String(n))
      const mover = movers[Math.floor(next() * movers.length)]!
      if (inside.delete(mover))
        mover.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
      else {
        inside.add(mover)
        mover.subscribe('room')
      }
      if (next() < 0.5) await new Promise<void>((resolve) => setImmediate(resolve))
    }
    for (const mover of movers) if (!inside.has(mover)) mover.subscribe('room')
    const numbers = Array.from({ length: 400 }, (_, n) => String(n))
    for (const client of stayers) expect(dataOf(await client.frames.take(400))).toEqual(numbers)
    for (const mover of movers) await expectRuns(mover)
  })

  /** Between two successes every event is the successor of the one before. */
  async function expectRuns(mover: RawClient): Promise<void> {
    mover.send({ event: 'pusher:ping' })
    let last: number | undefined
    for (;;) {
      const frame = await mover.nextJson()
      if (frame.event === 'pusher:pong') return
      if (frame.event === 'e') {
        if (last !== undefined) expect(Number(frame.data)).toBe(last + 1)
        last = Number(frame.data)
      } else last = undefined
    }
  }
})

describe('shards', () => {
  test('empty ones go and half-empty ones are merged, so that none costs a turn for nobody', async () => {
    await using server = await start()
    const clients = await subscribers(server, SMALL_SHARDS * SHARD_SIZE.small)
    const app = server.core.apps.byId('1')!
    const channel = server.core.hub.channel(app, 'room' as ChannelName)!
    expect(channel.audiences[0]!.shardCount).toBe(SMALL_SHARDS)
    const staying = clients.filter((_, index) => index % 8 === 0)
    for (const client of clients) {
      if (staying.includes(client)) continue
      client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
      await client.expectNothing()
    }
    expect(channel.audiences[0]!.shardCount).toBe(4)
    publishNow(server, 'still here')
    for (const client of staying) expect(dataOf([await client.next()])).toEqual(['still here'])
    await using newcomer = await server.raw()
    await newcomer.subscribed('room')
    expect(channel.audiences[0]!.shardCount).toBe(4)
  })

  test('the last subscriber takes the channel with it', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await client.expectNothing()
    expect(
      server.core.hub.channel(server.core.apps.byId('1')!, 'room' as ChannelName),
    ).toBeUndefined()
  })
})
