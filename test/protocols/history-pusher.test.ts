/** Rewind and resume for Pusher's clients: what a new subscriber gets of the events that a channel keeps. */
import { describe, expect, test } from 'bun:test'
import { start, type RawClient, type StartOptions, type TestServer } from '../harness'

const rule = { prefix: '', size: 10, ttl_seconds: 60, durable: false, rewind: 0 }

async function startKeeping(rules = [rule], options: StartOptions = {}): Promise<TestServer> {
  const server = await start(options)
  await server.change({ history: rules })
  return server
}

async function triggerMany(server: TestServer, channel: string, names: string[]): Promise<void> {
  for (const name of names) await server.trigger({ channel, name, data: 'x' })
}

const EVENT = (name: string, channel = 'room') =>
  `{"event":"${name}","channel":"${channel}","data":"x"}`
const PLACED = (name: string, epoch: string, offset: number, channel = 'room') =>
  `${EVENT(name, channel).slice(0, -1)},"epoch":"${epoch}","offset":${offset}}`
const SUCCEEDED = '{"event":"pusher_internal:subscription_succeeded","channel":"room","data":"{}"'

/** Subscribes with `data` beside the channel; the reply. */
async function subscribe(client: RawClient, data: object, channel = 'room'): Promise<string> {
  client.send({ event: 'pusher:subscribe', data: { channel, ...data } })
  return client.next('the reply')
}

async function epochOf(server: TestServer, channel = 'room'): Promise<string> {
  return (await (await server.signed('GET', `/channels/${channel}/history`)).json()).epoch
}

describe('a new subscriber', () => {
  test('gets the last events that it asks for, the oldest first, then live ones', async () => {
    await using server = await startKeeping()
    await triggerMany(server, 'room', ['a', 'b', 'c'])
    const epoch = await epochOf(server)
    await using client = await server.raw()
    const reply = await subscribe(client, { rewind: 2 })
    expect(reply).toBe(`${SUCCEEDED},"history":{"epoch":"${epoch}","offset":3}}`)
    await triggerMany(server, 'room', ['d'])
    expect(await client.frames.take(3)).toEqual(['b', 'c', 'd'].map((name) => EVENT(name)))
    await client.expectNothing()
  })

  test('gets them by the rule of the prefix, where it cannot ask, and no field more', async () => {
    await using server = await startKeeping([{ ...rule, rewind: 2 }])
    await triggerMany(server, 'room', ['a', 'b', 'c'])
    await using client = await server.raw()
    expect(await client.subscribed('room')).toBe(`${SUCCEEDED}}`)
    expect(await client.frames.take(2)).toEqual([EVENT('b'), EVENT('c')])
    await using other = await server.raw()
    await subscribe(other, { durable: false, rewind: 0 })
    await other.expectNothing()
  })

  test('gets of a presence channel its members first', async () => {
    await using server = await startKeeping([{ ...rule, prefix: 'presence-', rewind: 1 }])
    await triggerMany(server, 'presence-room', ['a', 'b'])
    await using client = await server.raw()
    expect(await server.signedIn(client, 'presence-room', { user_id: '7' })).toContain('presence')
    expect(await client.next()).toBe(EVENT('b', 'presence-room'))
  })

  test('gets the last event of a cache channel once', async () => {
    await using server = await startKeeping([{ ...rule, prefix: 'cache-room', rewind: 2 }])
    await triggerMany(server, 'cache-room', ['a', 'b', 'c'])
    const epoch = await epochOf(server, 'cache-room')
    await using client = await server.raw()
    await client.subscribed('cache-room')
    expect(await client.frames.take(2)).toEqual([
      EVENT('b', 'cache-room'),
      EVENT('c', 'cache-room'),
    ])
    await client.expectNothing()
    await using back = await server.raw()
    await subscribe(back, { since: { epoch, offset: 3 } }, 'cache-room')
    await back.expectNothing()
    await using lost = await server.raw()
    await subscribe(
      lost,
      { since: { epoch: 'other', offset: 3 }, durable: false, rewind: 0 },
      'cache-room',
    )
    expect(await lost.next()).toBe(EVENT('c', 'cache-room'))
    await lost.expectNothing()
  })

  test('is told that a channel keeps nothing, and asks nothing of an app that keeps nothing', async () => {
    await using server = await startKeeping([{ ...rule, prefix: 'other' }])
    await using client = await server.raw()
    const asked = { positions: true, since: { epoch: 'a', offset: 1 } }
    expect(await subscribe(client, asked)).toBe(
      `${SUCCEEDED},"history":{"recovered":false,"epoch":"","offset":0}}`,
    )
    await triggerMany(server, 'room', ['a'])
    expect(await client.next()).toBe(EVENT('a'))
    await server.change({ history: [] })
    await using second = await server.raw()
    expect(await subscribe(second, asked)).toBe(`${SUCCEEDED}}`)
    await using third = await server.raw()
    expect(await subscribe(third, { rewind: -1 })).toBe(`${SUCCEEDED}}`)
  })
})

describe('a subscriber that comes back', () => {
  test('gets what it has missed with positions, then live events, those beside it nothing more', async () => {
    await using server = await startKeeping()
    await using plain = await server.raw()
    await plain.subscribed('room')
    await using before = await server.raw()
    const reply = await subscribe(before, { positions: true })
    const epoch = await epochOf(server)
    expect(reply).toBe(`${SUCCEEDED},"history":{"epoch":"${epoch}","offset":0}}`)
    await triggerMany(server, 'room', ['a'])
    expect(await before.next()).toBe(PLACED('a', epoch, 1))
    await before[Symbol.asyncDispose]()
    await triggerMany(server, 'room', ['b', 'c'])
    await using after = await server.raw()
    expect(await subscribe(after, { positions: true, since: { epoch, offset: 1 } })).toBe(
      `${SUCCEEDED},"history":{"recovered":true,"missed":2,"epoch":"${epoch}","offset":3}}`,
    )
    await triggerMany(server, 'room', ['d'])
    expect(await after.frames.take(3)).toEqual([
      PLACED('b', epoch, 2),
      PLACED('c', epoch, 3),
      PLACED('d', epoch, 4),
    ])
    expect(await plain.frames.take(4)).toEqual(['a', 'b', 'c', 'd'].map((name) => EVENT(name)))
  })

  test('is told so where not all of it is there, and gets no part of it', async () => {
    await using server = await startKeeping([{ ...rule, size: 2 }], { now: Date.now() })
    await triggerMany(server, 'room', ['a', 'b', 'c'])
    const epoch = await epochOf(server)
    const lost = [
      { epoch, offset: 0 },
      { epoch, offset: 4 },
      { epoch: 'other', offset: 2 },
    ]
    for (const since of lost) {
      await using client = await server.raw()
      expect(await subscribe(client, { since })).toBe(
        `${SUCCEEDED},"history":{"recovered":false,"epoch":"${epoch}","offset":3}}`,
      )
      await client.expectNothing()
    }
    await using client = await server.raw()
    expect(await subscribe(client, { since: { epoch, offset: 3 } })).toContain('"recovered":true')
    await client.expectNothing()
    await server.pass(60_000)
    await using late = await server.raw()
    expect(await subscribe(late, { since: { epoch, offset: 2 } })).toContain('"recovered":false')
    await using wants = await server.raw()
    await triggerMany(server, 'room', ['d'])
    expect(await subscribe(wants, { since: { epoch, offset: 2 }, rewind: 5 })).toContain('false')
    expect(await wants.next()).toBe(EVENT('d'))
  })

  test('gets nothing of more than the replay may hold', async () => {
    await using server = await startKeeping([rule], { limits: { maxReplayBytes: 16_384 } })
    const data = 'x'.repeat(5000)
    for (let n = 0; n < 4; n++) await server.trigger({ channel: 'room', name: 'e', data })
    const epoch = await epochOf(server)
    await using client = await server.raw()
    expect(await subscribe(client, { since: { epoch, offset: 0 } })).toContain('"recovered":false')
    await client.expectNothing()
    await using second = await server.raw()
    expect(await subscribe(second, { since: { epoch, offset: 1 } })).toContain('"recovered":true')
    expect((await second.frames.take(3)).length).toBe(3)
    await using third = await server.raw()
    await subscribe(third, { rewind: 10 })
    expect((await third.frames.take(3)).length).toBe(3)
    await third.expectNothing()
  })

  test('sees no event that excluded it under its former socket id', async () => {
    await using server = await startKeeping()
    await using before = await server.raw()
    await subscribe(before, { positions: true })
    const own = { name: 'own', channels: ['room'], data: 'x', socket_id: before.socketId }
    await server.signed('POST', '/events', JSON.stringify(own))
    await triggerMany(server, 'room', ['other'])
    const epoch = await epochOf(server)
    const since = { epoch, offset: 0, socket_id: before.socketId }
    await before[Symbol.asyncDispose]()
    await using after = await server.raw()
    expect(await subscribe(after, { since })).toContain('"recovered":true')
    expect(await after.next()).toBe(EVENT('other'))
    await using stranger = await server.raw()
    await subscribe(stranger, { since: { epoch, offset: 0 } })
    expect(await stranger.frames.take(2)).toEqual([EVENT('own'), EVENT('other')])
  })

  test('sees no event that excluded it before it subscribed, by since or rewind', async () => {
    await using server = await startKeeping()
    await triggerMany(server, 'room', ['a'])
    const epoch = await epochOf(server)
    await using former = await server.raw()
    await using client = await server.raw()
    for (const { socketId } of [former, client]) {
      const own = { name: 'own', channels: ['room'], data: 'x', socket_id: socketId }
      await server.signed('POST', '/events', JSON.stringify(own))
    }
    const from = { socket_id: former.socketId }
    const REQUESTS = [
      [{ since: { epoch, offset: 1, ...from } }, []],
      [{ since: { epoch: 'other', offset: 1, ...from }, rewind: 10 }, ['a']],
      [{ rewind: 2 }, ['own']],
    ] as const
    for (const [data, names] of REQUESTS) {
      await subscribe(client, data)
      expect(await client.frames.take(names.length)).toEqual(names.map((name) => EVENT(name)))
      await client.expectNothing()
      client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    }
  })
})

test('whoever joins while events are under way gets each once: from the history, or live', async () => {
  await using server = await startKeeping([{ ...rule, size: 1000 }])
  const clients = await Promise.all(Array.from({ length: 40 }, () => server.raw()))
  const names = Array.from({ length: 100 }, (_, n) => `e${n}`)
  const joining = clients.map(async (client, index) => {
    for (let n = 0; n < index * 3; n++) await new Promise<void>((resolve) => setImmediate(resolve))
    await subscribe(client, { positions: true, rewind: 1000 })
    return client.frames.take(names.length)
  })
  const triggering = Promise.all(
    names.map((name) => server.trigger({ channel: 'room', name, data: 'x' })),
  )
  const all = await Promise.all(joining)
  await triggering
  const first = all[0]!
  for (const frames of all) {
    expect(frames.map((frame) => JSON.parse(frame).offset)).toEqual(names.map((_, n) => n + 1))
    expect(frames).toEqual(first)
  }
  for (const client of clients) await client[Symbol.asyncDispose]()
})
