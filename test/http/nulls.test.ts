/** A key that is null is one that is left out. Contract 6.4, 6.5. */
import { expect, test } from 'bun:test'
import { startCommon } from '../harness'
import { makeEvent, post } from './event-requests'

const server = startCommon()
const item = (more: object = {}) => ({ channel: 'room', name: 'e', data: 'x', ...more })

type Row = readonly [name: string, path: string, body: unknown, answer: unknown]

/** What the query has beside the signature. */
const QUERIES: Readonly<Record<string, object>> = {
  'channel, which the query has': { channel: 'room' },
  'info, which the query has': { info: 'subscription_count' },
  'the whole body, where the query has all': { name: 'e', channel: 'room', data: 'x' },
}

const ACCEPTED: readonly Row[] = [
  ['socket_id', '/events', makeEvent({ socket_id: null }), {}],
  ['info', '/events', makeEvent({ info: null }), {}],
  ['channel beside channels', '/events', makeEvent({ channel: null }), {}],
  ['channels beside channel', '/events', item({ channels: null }), {}],
  ['all of them', '/events', item({ channels: null, info: null, socket_id: null, tags: null }), {}],
  ['info of one in a batch', '/batch_events', { batch: [item({ info: null })] }, {}],
  ['socket_id of one in a batch', '/batch_events', { batch: [item({ socket_id: null })] }, {}],
  [
    'info of one, and not of another',
    '/batch_events',
    { batch: [item({ info: null }), item({ info: 'subscription_count' })] },
    { batch: [{}, { subscription_count: 1 }] },
  ],
  ['channel, which the query has', '/events', makeEvent({ channels: null }), {}],
  [
    'info, which the query has',
    '/events',
    item({ info: null }),
    { channels: { room: { subscription_count: 1 } } },
  ],
  ['the whole body, where the query has all', '/events', null, {}],
]

test.each(ACCEPTED)('%s: published', async (name, path, body, answer) => {
  await using client = await server().raw()
  await client.subscribed('room')
  const [status, text] = await post(server().sdk(), path, body, QUERIES[name])
  expect([status, JSON.parse(text)]).toEqual([200, answer])
  expect(await client.nextJson()).toMatchObject({ event: 'e', data: 'x' })
})

test('nobody’s connections are ended by a body that is null', async () => {
  const answer = await post(server().sdk(), '/users/nobody/terminate_connections', null)
  expect(answer).toEqual([200, '{}'])
})

test('what data holds is no key of the request', async () => {
  await using client = await server().raw()
  await client.subscribed('room')
  const data = { batch: [{ a: null }], info: null }
  await post(server().sdk(), '/events', makeEvent({ data }))
  expect(JSON.parse((await client.nextJson()).data as string)).toEqual(data)
})

const REFUSED: readonly Row[] = [
  ['name', '/events', makeEvent({ name: null }), 'Expected name parameter to be a string'],
  ['channels', '/events', makeEvent({ channels: null }), 'Expected at least one channel'],
  [
    'one of the channels',
    '/events',
    makeEvent({ channels: [null] }),
    'Expected channels.0 parameter',
  ],
  ['data', '/events', makeEvent({ data: null }), 'Expected data parameter to be present'],
  ['the body', '/events', null, 'Expected name parameter to be present'],
  ['batch', '/batch_events', { batch: null }, 'Expected batch parameter to be an array'],
  ['an event', '/batch_events', { batch: [null] }, 'Expected batch.0 parameter to be an object'],
  ['its name', '/batch_events', { batch: [item({ name: null })] }, 'Expected batch.0.name param'],
]

test.each(REFUSED)('%s, which must be there: refused', async (_, path, body, says) => {
  const [status, text] = await post(server().sdk(), path, body)
  expect(status).toBe(400)
  expect(text).toStartWith(String(says))
})

test('a watchlist that is null is none', async () => {
  await using client = await server().raw()
  server().signin(client, '{"id":"ada","watchlist":null,"user_info":null}')
  expect((await client.nextJson()).event).toBe('pusher:signin_success')
  await client.expectNothing()
})

test('auth and channel_data that are null are none', async () => {
  await using client = await server().raw()
  const subscribe = async (channel: string, auth: string | null) => {
    client.send({ event: 'pusher:subscribe', data: { channel, auth, channel_data: null } })
    return (await client.nextJson()).event
  }
  const success = 'pusher_internal:subscription_succeeded'
  expect(await subscribe('room', null)).toBe(success)
  expect(await subscribe('private-a', server().sign(client, 'private-a'))).toBe(success)
  expect(await subscribe('private-b', null)).toBe('pusher:subscription_error')
  expect((await client.nextJson()).data).toMatchObject({
    message: 'Auth info required to subscribe to private-b',
  })
})
