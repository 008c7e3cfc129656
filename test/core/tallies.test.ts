/** What an app's numbers say of its traffic: by which API and protocol it came, how much, and what was refused. */
import { expect, test } from 'bun:test'
import { HighWater, newTallies, countRefusal, totalTallies } from '../../src/core/counters'
import { allow, reject } from '../../src/plugin'
import { EVENT, post } from '../dialects/expusherlite/requests'
import { push } from '../dialects/pushex/requests'
import { makePlugin, start, type TestServer } from '../harness'
import { connectPhoenix, KEY } from '../phoenix'
import { startActing } from '../plugins/acting'
import { XhrClient } from '../transports/xhr-client'

const appOf = ({ core }: TestServer) => core.apps.byId('1')!
const bytesOf = (texts: readonly string[]): number =>
  texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
/** Tallies have no prototype. */
const plain = (tally: object): object => ({ ...tally })

test('events are counted by the API that they came by', async () => {
  const { server, context, app } = await startActing()
  const sdk = server.sdk()
  const batched = { channel: 'a', name: 'e', data: '' }
  await sdk.trigger(['a', 'b'], 'e', '')
  await server.signed('POST', '/events', JSON.stringify({ ...batched, idempotency_key: 'k' }))
  await sdk.triggerBatch([batched, batched])
  const again = JSON.stringify({ batch: [batched, { ...batched, idempotency_key: 'l' }] })
  await server.signed('POST', '/batch_events', again)
  await server.signed('POST', '/batch_events', again)
  await post(server, new URLSearchParams(EVENT))
  await push(server, { channel: ['a', 'b', 'c'], data: 1, event: 'e' })
  await context.publish(app, batched)
  const { counters, tallies } = appOf(server)
  const byApi = { pusher: 3, pusher_batch: 5, expusherlite: 1, pushex: 3, plugin: 1 }
  expect(plain(tallies.publicationsByApi)).toEqual(byApi)
  expect(plain(totalTallies(server.core).publicationsByApi)).toEqual(byApi)
  expect(counters).toMatchObject({ publications: 13, repeatsAnswered: 1 })
  await server.stop()
})

test('client events are counted by the protocol of their sender, refusals by their code and plugin', async () => {
  const open = makePlugin('open', {
    authorize: (_, { channel }) => (channel === 'private-shut' ? reject('shut') : allow()),
  })
  await using server = await start({ plugins: [open] })
  await using raw = await server.raw()
  await raw.subscribed('private-room')
  raw.send({ event: 'client-a', channel: 'private-room', data: {} })
  raw.send({ event: 'client-a', channel: 'private-other', data: {} })
  await raw.next('a refusal')
  raw.subscribe('private-shut')
  await raw.next('another refusal')
  for (const version of [1, 2] as const) {
    await using phoenix = await connectPhoenix(server, { query: KEY, version })
    await phoenix.join('private-room')
    await phoenix.request('1', '2', 'private-room', 'client-a', {})
  }
  await server.http('/apps/1/channels')
  const { tallies } = appOf(server)
  const byProtocol = { pusher: 1, 'phoenix-1': 1, 'phoenix-2': 1 }
  expect(plain(tallies.clientEventsByProtocol)).toEqual(byProtocol)
  expect(plain(tallies.refusalsByPlugin)).toEqual({ open: 1 })
  const codes = { client_event_not_subscribed: 1, subscription_refused: 1, request_unauthorized: 1 }
  expect(plain(tallies.refusalsByCode)).toEqual(codes)
})

test('an app that ends leaves its tallies to the process', async () => {
  await using server = await start()
  const app = server.addTenant()
  await using client = await server.raw({ path: '/app/k?protocol=7&client=test&version=1' })
  const refuse = async (): Promise<void> => {
    client.send({ event: 'client-a', channel: 'private-room', data: {} })
    await client.next('a refusal')
  }
  await refuse()
  server.core.apps.remove(app, 0)
  await refuse()
  const { refusalsByCode } = server.core.tallies
  expect(plain(refusalsByCode)).toEqual({ client_event_not_subscribed: 2 })
  expect(plain(totalTallies(server.core).refusalsByCode)).toEqual(plain(refusalsByCode))
})

test('deliveries, frames and bytes are those that subscribers get, on any transport', async () => {
  await using server = await start()
  await using one = await server.raw()
  await using two = await server.raw()
  const polling = await new XhrClient(server).open()
  const clients = [one, two]
  for (const client of clients) await server.signedIn(client, 'private-room')
  await polling.subscribe('private-room', server.sign(polling, 'private-room'))
  await polling.messages(1)
  const { counters } = appOf(server)
  const before = { ...counters }
  const difference = (name: keyof typeof counters): number => counters[name] - before[name]
  const data = { text: 'ü€😀' }
  one.send({ event: 'client-a', channel: 'private-room', data })
  const frames = [await two.next(), ...(await polling.messages(1))]
  await server.sdk().trigger('private-room', 'e', data, { socket_id: two.socketId })
  frames.push(await one.next(), ...(await polling.messages(1)))
  expect(difference('deliveries')).toBe(4)
  expect(difference('messagesSent')).toBe(4)
  expect(difference('bytesSent')).toBe(bytesOf(frames))
  expect(difference('messagesReceived')).toBe(1)
  const sent = JSON.stringify({ event: 'client-a', channel: 'private-room', data })
  expect(difference('bytesReceived')).toBe(Buffer.byteLength(sent))
  const body = JSON.stringify({ name: 'e', channel: 'nobody', data: 'ü' })
  const { bodyBytesReceived } = counters
  await server.signed('POST', '/events', body)
  expect(counters.bodyBytesReceived - bodyBytesReceived).toBe(Buffer.byteLength(body))
})

test('who comes back, or comes late, is a hit or a miss', async () => {
  await using server = await start()
  await server.change({
    history: [{ prefix: 'room', size: 2, ttl_seconds: 60, durable: false, rewind: 0 }],
  })
  for (const name of ['a', 'b', 'c']) await server.trigger({ channel: 'room', name, data: '' })
  const { epoch } = await (await server.signed('GET', '/channels/room/history')).json()
  const subscribe = async (channel: string, more: object): Promise<void> => {
    await using client = await server.raw()
    client.send({ event: 'pusher:subscribe', data: { channel, ...more } })
    await client.next('the reply')
  }
  await subscribe('room', { since: { epoch, offset: 2 } })
  await subscribe('room', { since: { epoch, offset: 0 } })
  await subscribe('room', { rewind: 1 })
  await subscribe('room', {})
  await subscribe('cache-room', {})
  await server.trigger({ channel: 'cache-room', name: 'e', data: '' })
  await subscribe('cache-room', {})
  expect(appOf(server).counters).toMatchObject({
    historyHits: 1,
    historyMisses: 1,
    eventsReplayed: 2,
    cacheHits: 1,
    cacheMisses: 1,
    subscriptionsAccepted: 6,
  })
})

test('a plugin may have the name of anything that objects have', () => {
  const tallies = newTallies()
  countRefusal(tallies, 'too_often', 'constructor')
  expect(plain(tallies.refusalsByPlugin)).toEqual({ constructor: 1 })
})

test('a peak is the most there was, and of each interval the most in it', () => {
  const peak = new HighWater()
  for (const value of [1, 3, 2]) peak.note(value)
  expect([peak.ever, peak.take(2), peak.recent]).toEqual([3, 3, 2])
  peak.note(1)
  expect([peak.ever, peak.take(1)]).toEqual([3, 2])
})
