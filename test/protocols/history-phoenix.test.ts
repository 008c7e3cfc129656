/** Rewind and resume for Phoenix's clients: the join reply has what the channel keeps, and frames have positions. */
import { describe, expect, spyOn, test } from 'bun:test'
import { start, type TestServer } from '../harness'
import { connectPhoenix, KEY } from '../phoenix'

const rule = { prefix: '', size: 10, ttl_seconds: 60, durable: false, rewind: 0 }

async function startKeeping(rules = [rule]): Promise<TestServer> {
  const server = await start()
  await server.change({ history: rules })
  return server
}

async function triggerMany(server: TestServer, names: string[]): Promise<void> {
  for (const name of names) await server.trigger({ channel: 'room', name, data: '{"n":1}' })
}

const EVENT = (offset: number, event: string) => ({ offset, event, payload: { n: 1 } })

async function epochOf(server: TestServer): Promise<string> {
  return (await (await server.signed('GET', '/channels/room/history')).json()).epoch
}

describe.each([1, 2] as const)('on V%d', (version) => {
  test('a join that asks is answered with the last events, and live ones follow', async () => {
    await using server = await startKeeping()
    await triggerMany(server, ['a', 'b', 'c'])
    const epoch = await epochOf(server)
    await using socket = await connectPhoenix(server, { version, query: KEY })
    expect(await socket.join('room', { rewind: 2 })).toEqual({
      history: { epoch, offset: 3, events: [EVENT(2, 'b'), EVENT(3, 'c')] },
    })
    await triggerMany(server, ['d'])
    expect((await socket.next()).slice(2)).toEqual(['room', 'd', { n: 1 }])
    await socket.expectNothing()
  })

  test('a join that cannot ask gets the events of the rule as frames', async () => {
    await using server = await startKeeping([{ ...rule, rewind: 1 }])
    await triggerMany(server, ['a', 'b'])
    await using socket = await connectPhoenix(server, { version, query: KEY })
    expect(await socket.join('room')).toEqual({})
    expect((await socket.next()).slice(2)).toEqual(['room', 'b', { n: 1 }])
  })

  test('a join that comes back gets what it has missed, and positions of what is live', async () => {
    await using server = await startKeeping()
    await triggerMany(server, ['a', 'b'])
    const epoch = await epochOf(server)
    await using socket = await connectPhoenix(server, { version, query: KEY })
    const since = { epoch, offset: 1 }
    expect(await socket.join('room', { positions: true, since })).toEqual({
      history: { recovered: true, missed: 1, epoch, offset: 2, events: [EVENT(2, 'b')] },
    })
    await triggerMany(server, ['c'])
    const frame = await socket.client.next()
    const written = {
      1: `{"topic":"room","event":"c","payload":{"n":1},"ref":null,"epoch":"${epoch}","offset":3}`,
      2: `[null,null,"room","c",{"n":1},{"epoch":"${epoch}","offset":3}]`,
    }
    expect(frame).toBe(written[version])
    await using lost = await connectPhoenix(server, { version, query: KEY })
    expect(await lost.join('room', { since: { epoch: 'other', offset: 1 } })).toEqual({
      history: { recovered: false, epoch, offset: 3, events: [] },
    })
  })

  test('what events have is told from what it looks like, and is not parsed: a replay is long', async () => {
    await using server = await startKeeping()
    const texts = [' {"n":1}', '[1]', '"q"', ' 1 ', '{"n":1', 'x']
    for (const data of texts) await server.trigger({ channel: 'room', name: 'e', data })
    await using socket = await connectPhoenix(server, { version, query: KEY })
    using parse = spyOn(JSON, 'parse')
    const answer = await socket.join('room', { rewind: 9 })
    const parsed = parse.mock.calls.map(([text]) => text)
    const payloads = [{ n: 1 }, ...[[1], 'q', 1, '{"n":1', 'x'].map((data) => ({ data }))]
    const events = payloads.map((payload) => expect.objectContaining({ payload }))
    expect(answer).toEqual({ history: expect.objectContaining({ events }) })
    expect(parsed.filter((text) => texts.includes(text))).toEqual([])
  })

  test('a join that asks nonsense is refused in words', async () => {
    await using server = await startKeeping()
    await using socket = await connectPhoenix(server, { version, query: KEY })
    for (const payload of [{ rewind: -1 }, { since: [] }, { positions: 'yes' }]) {
      const [name, value] = Object.entries(payload)[0]!
      const [, , , , answer] = await socket.request('1', '1', 'room', 'phx_join', payload)
      const { status, response } = answer as { status: string; response: { reason: string } }
      expect([status, response.reason]).toEqual([
        'error',
        expect.stringContaining(`Invalid ${name} ${JSON.stringify(value)}: expected `),
      ])
    }
    expect(await server.askOccupied()).toEqual([])
  })
})

test('push_socket has the events of the join as it has others', async () => {
  await using server = await startKeeping()
  await triggerMany(server, ['a'])
  const epoch = await epochOf(server)
  await using socket = await connectPhoenix(server, { mount: '/push_socket', query: KEY })
  const payload = { data: { n: 1 }, event: 'a' }
  expect(await socket.join('room', { rewind: 5 })).toEqual({
    history: { epoch, offset: 1, events: [{ offset: 1, event: 'msg', payload }] },
  })
})
