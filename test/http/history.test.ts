/** The events that channels keep, over both APIs. */
import { expect, test } from 'bun:test'
import { makeBasicAuth, PAIR } from '../credentials'
import { start, type StartOptions, type TestServer } from '../harness'

const rule = { prefix: 'room', size: 100, ttl_seconds: 60, durable: false, rewind: 0 }
const NOTHING = { epoch: '', offset: 0, events: [], next: null, recovered: false }

/** A server whose app keeps the events of `rules`. */
async function startKeeping(rules = [rule], options: StartOptions = {}): Promise<TestServer> {
  const server = await start(options)
  await server.change({ history: rules })
  return server
}

async function read(server: TestServer, channel: string, parameters = '') {
  const sorted = parameters.split('&').sort().join('&')
  const response = await server.signed('GET', `/channels/${channel}/history`, '', sorted)
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  // oxlint-disable-next-line no-explicit-any
  return (isJson ? response.json() : response.text()) as Promise<any>
}

const offsets = ({ events }: { events: { offset: number }[] }): number[] =>
  events.map(({ offset }) => offset)

async function triggerMany(server: TestServer, channel: string, names: string[]): Promise<void> {
  for (const name of names) await server.trigger({ channel, name, data: `data of ${name}` })
}

test('what was triggered is read, the oldest first, as it was sent', async () => {
  await using server = await startKeeping()
  const data = '{"a":1.0,"ü":"\\""}'
  await server.trigger({ channel: 'room', name: 'first', data })
  const body = { name: 'second', channels: ['room', 'other'], data: 'x', socket_id: '1.1' }
  await server.signed('POST', '/events', JSON.stringify(body))
  const page = await read(server, 'room')
  expect(page).toEqual({
    epoch: expect.stringMatching(/^[\da-z]{12}$/),
    offset: 2,
    events: [
      { offset: 1, name: 'first', data },
      { offset: 2, name: 'second', data: 'x' },
    ],
    next: null,
    recovered: true,
  })
  expect(await read(server, 'other')).toEqual(NOTHING)
})

test('pages follow one another, in both directions', async () => {
  await using server = await startKeeping()
  await triggerMany(server, 'room', ['a', 'b', 'c', 'd', 'e'])
  const { epoch } = await read(server, 'room')
  for (const [direction, parameter, all] of [
    ['forward', 'since', [1, 2, 3, 4, 5]],
    ['backward', 'before', [5, 4, 3, 2, 1]],
  ] as const) {
    const found: number[] = []
    let from = ''
    for (let pages = 0; pages < 3; pages++) {
      const page = await read(server, 'room', `${from}direction=${direction}&limit=2`)
      found.push(...offsets(page))
      expect(page.next === null).toBe(pages === 2)
      from = `${parameter}=${page.next}&`
    }
    expect(found).toEqual([...all])
  }
  const between = await read(server, 'room', `before=${epoch}:5&since=${epoch}:2`)
  expect([offsets(between), between.next]).toEqual([[3, 4], null])
})

test('what was given up is said', async () => {
  await using server = await startKeeping([{ ...rule, size: 2 }], { now: Date.now() })
  await triggerMany(server, 'room', ['a', 'b', 'c'])
  const page = await read(server, 'room')
  expect([offsets(page), page.recovered]).toEqual([[2, 3], false])
  const after = async (offset: number, epoch: string = page.epoch) => {
    const { recovered, ...rest } = await read(server, 'room', `since=${epoch}:${offset}`)
    return [offsets(rest), recovered]
  }
  expect(await after(0)).toEqual([[2, 3], false])
  expect(await after(1)).toEqual([[2, 3], true])
  expect(await after(3)).toEqual([[], true])
  expect(await after(4)).toEqual([[], false])
  expect(await after(1, 'another')).toEqual([[], false])
  await server.pass(60_000)
  expect(await after(2)).toEqual([[], false])
  expect(await after(3)).toEqual([[], true])
})

test('of clients nothing is kept, and nothing of channels that no rule names', async () => {
  await using server = await startKeeping([rule, { ...rule, prefix: 'private-room' }])
  await using client = await server.raw()
  await server.signedIn(client, 'private-room')
  client.send({ event: 'client-e', channel: 'private-room', data: 1 })
  await server.waitForReceived(2)
  await triggerMany(server, 'private-room', ['kept'])
  await triggerMany(server, 'private-other', ['lost'])
  const { events } = await read(server, 'private-room')
  expect(events).toEqual([{ offset: 1, name: 'kept', data: 'data of kept' }])
  expect(await read(server, 'private-other')).toEqual(NOTHING)
})

test('what is given up by its app is gone, the last event of a cache channel too', async () => {
  await using server = await startKeeping([{ ...rule, prefix: 'cache-room' }])
  await triggerMany(server, 'cache-room', ['a'])
  const before = await read(server, 'cache-room')
  expect((await server.signed('DELETE', '/channels/cache-room/history')).status).toBe(200)
  const after = await read(server, 'cache-room')
  expect(after).toEqual({ ...NOTHING, epoch: expect.any(String), recovered: true })
  expect(after.epoch).not.toBe(before.epoch)
  const info = await server.signed('GET', '/channels/cache-room', '', 'info=cache')
  expect(await info.json()).toEqual({ occupied: false, cache: null })
})

test('the same is read and given up by slug, key and secret', async () => {
  await using server = await startKeeping()
  await triggerMany(server, 'room', ['a', 'b'])
  const path = '/api/apps/test-app/channels/room/history'
  const headers = makeBasicAuth(PAIR)
  const page = await (await server.http(`${path}?limit=1`, { headers })).json()
  expect([offsets(page), page.next]).toEqual([[1], `${page.epoch}:1`])
  expect((await server.http(path)).status).toBe(401)
  expect((await server.http(path, { method: 'DELETE' })).status).toBe(401)
  expect((await server.http(path, { method: 'DELETE', headers })).status).toBe(200)
  expect(offsets(await read(server, 'room'))).toEqual([])
})

test('what was published while no rule covered the channel is never passed off as not missed', async () => {
  await using server = await startKeeping()
  await triggerMany(server, 'room', ['a'])
  const { epoch } = await read(server, 'room')
  await server.change({ history: [] })
  await triggerMany(server, 'room', ['b'])
  await server.change({ history: [rule] })
  const page = await read(server, 'room', `since=${epoch}:1`)
  expect([page.recovered, page.epoch === epoch, page.offset]).toEqual([false, false, 0])
})

test('a long page ends before half a megabyte', async () => {
  await using server = await startKeeping()
  const data = 'x'.repeat(10_000)
  for (let n = 0; n < 60; n++) await server.trigger({ channel: 'room', name: 'e', data })
  const page = await read(server, 'room', 'limit=1000')
  expect([page.events.length, page.next]).toEqual([51, `${page.epoch}:51`])
})

const REFUSED: readonly (readonly [parameters: string, message: string])[] = [
  ['limit=0', "limit '0'; expected a number from 1 to 1000"],
  ['limit=1001', "limit '1001'; expected a number from 1 to 1000"],
  ['limit=-1', "limit '-1'; expected a number from 1 to 1000"],
  ['limit=1e3', "limit '1e3'; expected a number from 1 to 1000"],
  ['since=', "since ''; expected epoch:offset"],
  ['since=41', "since '41'; expected epoch:offset"],
  ['since=abc:-1', "since 'abc:-1'; expected epoch:offset"],
  ['since=abc:9007199254740992', "since 'abc:9007199254740992'; expected epoch:offset"],
  ['since=A B:1', "since 'A B:1'; expected epoch:offset"],
  ['before=abc:1.5', "before 'abc:1.5'; expected epoch:offset"],
  ['direction=sideways', "direction 'sideways'; expected forward or backward"],
]

test.each(REFUSED)('%s is refused in words', async (parameters, message) => {
  await using server = await startKeeping()
  expect(await read(server, 'room', parameters)).toBe(`${message}\n`)
})
