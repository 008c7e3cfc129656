/** A long replay takes several turns: live events follow it, others wait for its end, and it may be broken off. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { definePlugin } from '../../src/plugin'
import type { RawClient } from '../harness'
import { startRationed } from '../core/rationed'

const KEPT = 1500
const rule = { prefix: '', size: 2 * KEPT, ttl_seconds: 600, durable: false, rewind: 0 }

/** Ends the subscription of whoever sends `client-end`, at once. */
const ender = definePlugin({
  name: 'ender',
  carillon: 1,
  setup: ({ unsubscribe }) => ({
    frame: (conn, text) => void (text.includes('client-end') && unsubscribe(conn, 'room', 'over')),
  }),
})

let rationed: Awaited<ReturnType<typeof startRationed>>
let epoch: string

beforeEach(async () => {
  rationed = await startRationed({ plugins: [ender] })
  const { server } = rationed
  await server.change({ history: [rule] })
  publish(1, KEPT)
  const page = await (await server.signed('GET', '/channels/room/history', '', 'limit=1')).json()
  epoch = page.epoch
})
afterEach(() => rationed[Symbol.asyncDispose]())

/** Publishes events that are named by their offsets. */
function publish(first: number, last: number): void {
  const { core, app } = rationed.server
  for (let n = first; n <= last; n++) {
    const tenant = core.apps.byId(app.id)!
    const rest = { sender: undefined, except: undefined, once: undefined }
    const event = { app: tenant, channel: 'room', event: String(n), data: '"x"', ...rest }
    void core.engine.publish({ type: 'event', origin: 'backend', ...event } as never)
  }
}

const subscribe = (client: RawClient, offset = 0, positions = true): void =>
  client.send({
    event: 'pusher:subscribe',
    data: { channel: 'room', positions, since: { epoch, offset } },
  })

/** The offsets that a client is sent until one of them. */
async function offsetsUntil(client: RawClient, last: number): Promise<number[]> {
  const offsets: number[] = []
  while (offsets.at(-1) !== last) {
    const { offset } = JSON.parse(await client.next(`event ${last}`)) as { offset?: number }
    if (offset !== undefined) offsets.push(offset)
  }
  return offsets
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

test('live events follow the replay, however many come meanwhile', async () => {
  const { server, slow } = rationed
  await using client = await server.raw()
  await using other = await server.raw()
  await other.subscribed('room')
  slow(1)
  subscribe(client)
  const first = await client.next('the reply')
  expect(first).toContain(`"recovered":true,"missed":${KEPT}`)
  let last = KEPT
  for (let n = 0; n < 20; n++) {
    publish(last + 1, (last += 7))
    await server.http('/up')
  }
  // Whoever is there already does not wait for it.
  expect(JSON.parse(await other.next('a live event')).event).toBe(String(KEPT + 1))
  const heard = await offsetsUntil(client, last)
  expect(heard).toEqual(range(1, last))
  publish(last + 1, last + 1)
  expect(await offsetsUntil(client, last + 1)).toEqual([last + 1])
  await client.expectNothing()
})

test('a crowd is served one after the other, and each gets all of it once', async () => {
  const { server, slow } = rationed
  const clients = await Promise.all(Array.from({ length: 12 }, () => server.raw()))
  slow(2)
  for (const [index, client] of clients.entries()) subscribe(client, index)
  await clients[0]!.next('the first reply')
  publish(KEPT + 1, KEPT + 5)
  const heard = await Promise.all(clients.map((client) => offsetsUntil(client, KEPT + 5)))
  for (const [index, offsets] of heard.entries())
    expect(offsets).toEqual(range(index + 1, KEPT + 5))
  for (const client of clients) await client[Symbol.asyncDispose]()
})

/** The offsets that a client is sent until some text, that of the last included. */
async function offsetsBefore(client: RawClient, text: string): Promise<number[]> {
  const offsets: number[] = []
  for (;;) {
    const frame = await client.next(text)
    if (frame.includes(text)) return offsets
    const { offset } = JSON.parse(frame) as { offset?: number }
    if (offset !== undefined) offsets.push(offset)
  }
}

test('a subscription that is ended in the middle of it hears no more, and comes back for the rest', async () => {
  const { server, slow } = rationed
  await using client = await server.raw()
  slow(1)
  subscribe(client)
  await offsetsUntil(client, 1)
  publish(KEPT + 1, KEPT + 1)
  client.send({ event: 'client-end', channel: 'x', data: '' })
  const heard = [1, ...(await offsetsBefore(client, '"over"'))]
  expect(heard).toEqual(range(1, heard.length))
  expect(heard.length).toBeLessThan(KEPT)
  subscribe(client, heard.length)
  publish(KEPT + 2, KEPT + 2)
  expect(await offsetsUntil(client, KEPT + 2)).toEqual(range(heard.length + 1, KEPT + 2))
})

test('a client that unsubscribes meanwhile hears nothing after it', async () => {
  const { server, slow } = rationed
  await using client = await server.raw()
  slow(1)
  subscribe(client)
  await offsetsUntil(client, 1)
  client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
  client.send({ event: 'pusher:ping', data: {} })
  const heard = [1, ...(await offsetsBefore(client, 'pusher:pong'))]
  expect(heard).toEqual(range(1, heard.length))
  publish(KEPT + 1, KEPT + 1)
  await client.expectNothing()
  expect(server.countsOf('room').subscriptions).toBe(0)
})

test('whoever closes in the middle of it holds up nobody', async () => {
  const { server, slow } = rationed
  const clients = await Promise.all([server.raw(), server.raw(), server.raw()])
  await using other = await server.raw()
  slow(1)
  for (const client of clients) subscribe(client)
  await offsetsUntil(clients[0], 1)
  clients[0].socket.close()
  clients[1].socket.close()
  await server.waitForConnections(2)
  publish(KEPT + 1, KEPT + 1)
  expect(await offsetsUntil(clients[2], KEPT + 1)).toEqual(range(1, KEPT + 1))
  subscribe(other, KEPT)
  expect(await offsetsUntil(other, KEPT + 1)).toEqual([KEPT + 1])
  expect(server.countsOf('room').subscriptions).toBe(2)
  await clients[2][Symbol.asyncDispose]()
})
