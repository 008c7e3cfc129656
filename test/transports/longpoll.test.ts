/**
 * Phoenix’s long-poll: sessions, polls, and who gets none;
 * numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { originCheck } from '../../plugins/origin-check'
import { reject } from '../../src/plugin'
import { makePlugin, start } from '../harness'
import { KEY, PHOENIX_JS, PhoenixJs, connectPhoenix, TWO_APPS } from '../phoenix'
import {
  waitForPoll,
  request,
  JOIN,
  openSession,
  PATH,
  REPLY,
  countSessions,
  type PollAnswer,
} from './longpoll-client'

test('opens with 410 and a token, told in every answer, never kept (34)', async () => {
  await using server = await start()
  const response = await server.http(PATH)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'access-control-allow-origin': '*',
    'cache-control': 'no-store',
  })
  const { token } = (await response.json()) as PollAnswer
  expect(token).toBeString()
  const polling = request(server, { headers: { 'x-phoenix-longpoll-token': token } })
  await request(server, { method: 'POST', body: JOIN }, `&token=${token}`)
  expect(await polling).toEqual({ status: 200, token, messages: [REPLY] })
})

test('browsers may ask first, other methods are 400 (34)', async () => {
  await using server = await start()
  const headers = { 'access-control-request-headers': 'x-phoenix-authtoken' }
  const response = await server.http(PATH, { method: 'OPTIONS', headers })
  expect([response.status, await response.text()]).toEqual([200, ''])
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'access-control-allow-headers': 'x-phoenix-authtoken',
    'access-control-allow-methods': 'get, post, options',
    'access-control-max-age': '3600',
  })
  expect((await server.http(PATH, { method: 'PUT' })).status).toBe(400)
})

test('a poll with nothing to tell ends with its window (35, trap 24)', async () => {
  await using server = await start()
  const session = await openSession(server)
  server.advance(5000) // a sweep, so that the poll is seen to arrive
  const polling = session.poll()
  await waitForPoll(server)
  server.advance(10_000)
  expect(await polling).toEqual({ status: 204, token: session.token, messages: [] })
})

test('events arrive in order, together, and once each (26, 42)', async () => {
  await using server = await start()
  const session = await openSession(server)
  await session.send(JOIN)
  await session.poll()
  for (let n = 0; n < 20; n++) await server.trigger({ channel: 'room', name: 'e', data: String(n) })
  const { status, messages } = await session.poll()
  expect(status).toBe(200)
  expect(messages).toEqual(
    Array.from({ length: 20 }, (_, n) => `[null,null,"room","e",{"data":${n}}]`),
  )
  const first = session.poll()
  const second = session.poll()
  await server.trigger({ channel: 'room', name: 'end', data: '{}' })
  const answers = await Promise.all([first, second])
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 204])
  expect(answers.flatMap(({ messages }) => messages)).toHaveLength(1)
})

test('a poll that breaks off takes nothing with it (42)', async () => {
  await using server = await start()
  const session = await openSession(server)
  await session.send(JOIN)
  await session.poll()
  const abort = new AbortController()
  server.advance(5000)
  const broken = request(server, { signal: abort.signal }, `&token=${session.token}`).catch(
    () => 'broken',
  )
  await waitForPoll(server)
  abort.abort()
  expect(await broken).toBe('broken' as never)
  await server.http('/ready') // the server has seen the break by the time that it answers
  await server.trigger({ channel: 'room', name: 'e', data: '{}' })
  expect((await session.poll()).messages).toEqual(['[null,null,"room","e",{}]'])
})

test('a token is good for its own app only (38)', async () => {
  await using server = await start({ apps: TWO_APPS })
  const path = (key: string) => `/socket/longpoll?app_key=${key}&vsn=2.0.0`
  const { token } = (await (await server.http(path('k7'))).json()) as PollAnswer
  const foreign = `${path('k8')}&token=${token}`
  expect(await (await server.http(foreign, { method: 'POST', body: JOIN })).json()).toEqual({
    status: 410,
  })
  expect(((await (await server.http(foreign)).json()) as PollAnswer).status).toBe(410)
  const own = await server.http(`${path('k7')}&token=${token}`, { method: 'POST', body: JOIN })
  expect(await own.json()).toEqual({ status: 200 })
})

test('a slash at the end of the path does not matter', async () => {
  await using server = await start()
  const response = await server.http('/socket/longpoll/?vsn=2.0.0')
  expect(((await response.json()) as PollAnswer).status).toBe(410)
})

test.each(['', '&token=', '&token=undefined', '&token=forged'])(
  '%p is a new session, and none to send to (38)',
  async (query) => {
    await using server = await start()
    const known = await openSession(server)
    const answers = await request(server, {}, query)
    expect([answers.status, answers.messages]).toEqual([410, []])
    expect(answers.token).not.toBe(known.token)
    expect(await request(server, { method: 'POST', body: JOIN }, query)).toEqual({
      status: 410,
    } as never)
  },
)

test('a session that is not asked for ends, with its subscriptions (39)', async () => {
  await using server = await start()
  const session = await openSession(server)
  await session.send(JOIN)
  server.advance(21_000)
  expect(countSessions(server)).toBe(0)
  expect(server.listFactNames()).toContain('channel_vacated room')
  expect(await session.send(JOIN)).toEqual({ status: 410 } as never)
})

describe('refused with 403 in an answer that is 200 (43)', () => {
  const wall = makePlugin('wall', { connect: async () => reject('no') })
  const WHY: readonly (readonly [string, string, object, Record<string, string>])[] = [
    ['a version that there is not', '/socket/longpoll?vsn=3.0.0', {}, {}],
    ['V1', '/socket/longpoll?vsn=1.0.0', {}, {}],
    ['a key of nobody', '/socket/longpoll?app_key=x&vsn=2.0.0', {}, {}],
    ['a plugin', PATH, { plugins: [wall] }, {}],
    [
      'an origin',
      PATH,
      { plugins: [originCheck({ hosts: ['//a.example'] })] },
      { origin: 'https://b.example' },
    ],
  ]
  test.each(WHY)('%s', async (_, path, options, headers) => {
    await using server = await start(options)
    const response = await server.http(path, { headers })
    expect([response.status, await response.json()]).toEqual([200, { status: 403 }])
    expect(countSessions(server)).toBe(0)
  })
})

test('shares channels with sockets, and is left out where it is excluded (74, 76)', async () => {
  await using server = await start()
  const session = await openSession(server)
  const [conn] = server.core.hub.connections()
  await using socket = await connectPhoenix(server, { query: KEY })
  await session.send(JOIN)
  await session.poll()
  await socket.join('room')
  await server.sdk().trigger('room', 'e', {}, { socket_id: conn!.id })
  await server
    .sdk()
    .trigger('room', 'f', {}, { socket_id: [...server.core.hub.connections()][1]!.id })
  expect((await socket.next())[3]).toBe('e')
  await socket.expectNothing()
  expect((await session.poll()).messages).toEqual(['[null,null,"room","f",{}]'])
})

test('what has waited for long comes in several answers, in order', async () => {
  await using server = await start()
  const session = await openSession(server)
  await session.send(JOIN)
  await session.poll()
  const data = 'x'.repeat(10_000)
  for (let n = 0; n < 60; n++) await server.trigger({ channel: 'room', name: `e${n}`, data })
  const events: string[] = []
  const lengths: number[] = []
  while (events.length < 60) {
    const { messages } = await session.poll()
    lengths.push(messages.join('').length)
    events.push(...messages.map((message) => JSON.parse(message)[3]))
  }
  expect(events).toEqual(Array.from({ length: 60 }, (_, n) => `e${n}`))
  expect(Math.max(...lengths)).toBeWithin(260_000, 280_000)
})

test('who does not fetch is given up', async () => {
  await using server = await start({ limits: { maxEventDataBytes: 1_000_000 } })
  const session = await openSession(server)
  await session.send(JOIN)
  const data = JSON.stringify('x'.repeat(600_000))
  for (let n = 0; n < 2; n++) await server.trigger({ channel: 'room', name: 'e', data })
  expect(countSessions(server)).toBe(0)
})

test('phoenix.js 1.8.16 joins and hears', async () => {
  await using server = await start()
  await using page = new PhoenixJs(server, '1.8.16', {
    params: { app_key: 'test-app-fake-key' },
    transport: PHOENIX_JS['1.8.16']().LongPoll,
  })
  await page.join('room', ['e'])
  await server.trigger({ channel: 'room', name: 'e', data: '{"n":1}' })
  expect(await page.events.next()).toEqual(['e', { n: 1 }])
})
