/** A signature covers its text: one for a channel opens no other channel, and nobody else's seat. */
import { expect, test } from 'bun:test'
import { makeRefusal, makeSuccess } from '../frames'
import { start } from '../harness'
import { KEY, connectPhoenix } from '../phoenix'

const ADMIN = '{"user_id":"admin"}'

/** What an auth endpoint signed, in good faith, and what it is used for. */
const BORROWED: readonly (readonly [signed: string, channel: string, channelData: string])[] = [
  ['private-org:1:team:5', 'private-org', '1:team:5'],
  ['private-org:1:team:5', 'private-org:1', 'team:5'],
  ['private-org:1:"team"', 'private-org:1', '"team"'],
  ['private-org:1:[5]', 'private-org:1', '[5]'],
  ['private-org:1:5', 'private-org:1', '5'],
  ['private-org:1:null', 'private-org:1', 'null'],
  ['private-org:1: ', 'private-org:1', ' '],
  ['private-org:1:{', 'private-org:1', '{'],
  ['private-cache-org:5', 'private-cache-org', '5'],
  ['presence-room:5', 'presence-room', '5'],
]

test('a name and the beginning of another are not the same', async () => {
  await using server = await start()
  await using pusher = await server.raw()
  await using phoenix = await connectPhoenix(server, { query: KEY })
  const [conn] = [...server.core.hub.connections()].filter(({ codec }) => codec.name !== 'pusher')
  for (const [signed, channel, channelData] of BORROWED) {
    const message = `channel_data supplied to ${channel} is invalid - it must be a JSON object`
    const auth = server.sign({ socketId: conn!.id }, signed)
    const join = { auth, channel_data: channelData }
    const [, , , , answer] = await phoenix.request('1', '1', channel, 'phx_join', join)
    expect(answer).toEqual({ status: 'error', response: { reason: message } })
    if (channel.includes(':')) continue
    pusher.subscribe(channel, server.sign(pusher, signed), channelData)
    expect(await pusher.frames.take(2)).toEqual(makeRefusal(channel, 'AuthError', 401, message))
  }
  expect(server.facts.filter(({ type }) => type === 'channel_occupied')).toEqual([])
})

const NAMES = [
  `presence-room:${ADMIN}`,
  `presence-room: \t${ADMIN}`,
  'private-x:{',
  ':user::{"id":"1"}',
]

test('no topic is called like a channel and its channel_data', async () => {
  await using server = await start()
  await using phoenix = await connectPhoenix(server, { query: KEY })
  const [conn] = server.core.hub.connections()
  for (const name of NAMES) {
    const auth = server.sign({ socketId: conn!.id }, name)
    const [, , , , answer] = await phoenix.request('1', '1', name, 'phx_join', { auth })
    expect(answer).toEqual({ status: 'error', response: { reason: 'unmatched topic' } })
    const body = JSON.stringify({ channel: name, event: 'e', data: {} })
    const headers = { 'content-type': 'application/json' }
    const pushed = await server.http('/api/push', { method: 'POST', body, headers })
    expect(pushed.status).toBe(400)
  }
})

test('a topic with colons and braces that reads like none is joined as ever', async () => {
  await using server = await start()
  await using phoenix = await connectPhoenix(server, { query: KEY })
  for (const name of ['room:1:team:5', 'room {a}', '{a}:b', 'room:a{b}']) await phoenix.join(name)
})

/** `null` and nothing are none; so is empty text. */
const NONE: readonly (readonly [what: string, rest: object])[] = [
  ['absent', {}],
  ['null', { channel_data: null }],
  ['empty', { channel_data: '' }],
]
const KINDS = ['private-a', 'private-cache-a', 'private-encrypted-a', 'private-encrypted-cache-a']

test.each(NONE)('a private channel takes channel_data that is %s', async (_, rest) => {
  await using server = await start()
  await using client = await server.raw()
  for (const channel of KINDS) {
    const auth = server.sign(client, channel)
    client.send({ event: 'pusher:subscribe', data: { channel, auth, ...rest } })
    expect(await client.next()).toBe(makeSuccess(channel))
    if (channel.includes('cache')) await client.next('cache_miss')
  }
})

test('a private channel takes channel_data that is an object, as it was signed', async () => {
  await using server = await start()
  await using client = await server.raw()
  for (const data of [ADMIN, ` ${ADMIN}`, '{}', '{"a":[1, {"b":null}]}']) {
    await client.subscribed('private-a', server.sign(client, 'private-a', data), data)
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'private-a' } })
  }
})
