/** Live streams are bounded: what a write has, how many there are, what a reader that stands still costs. */
import { afterAll, beforeAll, expect, spyOn, test } from 'bun:test'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Watcher } from '../../src/http/live-watcher'
import { startRationed } from '../core/rationed'
import { start, type TestServer } from '../harness'
import { bearer, makeToken } from '../tokens'
import { occupy, waitUntil } from '../webhooks/receiver'
import { Stream } from './live-stream'

let server: TestServer
beforeAll(async () => {
  server = await start({ limits: { maxLiveStreams: 2 } })
})
afterAll(() => server.stop())

const LIVE = '/api/admin/apps/test-app/live'

/** A stream whose `hello` was read. */
async function watch(query = ''): Promise<Stream> {
  const stream = new Stream(server, await server.admin(`${LIVE}${query}`))
  await stream.nextOf('hello')
  return stream
}

test('of what is too much for one write it is told how much there was', async () => {
  const stream = await watch('?kinds=published')
  for (let n = 0; n < 60; n++) await server.trigger({ channel: 'room', name: `e${n}`, data: 'x' })
  for (let n = 0; n < 50; n++) expect((await stream.next())?.data['event']).toBe(`e${n}`)
  expect(await stream.next()).toEqual({ event: 'skipped', data: { published: 10 } })
  await server.trigger({ channel: 'room', name: 'later', data: 'x' })
  expect((await stream.next())?.data['event']).toBe('later')
  await stream.cancel()
})

test('twenty streams are written to in turns', async () => {
  await using rationed = await startRationed({ limits: { maxLiveStreams: 20 } })
  const { server: own, slow } = rationed
  const streams: Stream[] = []
  for (let n = 0; n < 20; n++) {
    const stream = new Stream(own, await own.admin(`${LIVE}?kinds=channel_occupied`))
    await stream.nextOf('hello')
    streams.push(stream)
  }
  using flushes = spyOn(Watcher.prototype, 'flush')
  slow(1)
  occupy(own, 'room')
  own.advance(100)
  expect(flushes.mock.calls.length).toBeLessThan(3)
  await waitUntil('all are written', () => flushes.mock.calls.length === 20)
  for (const stream of streams) {
    expect((await stream.next())?.data['channel']).toBe('room')
    await stream.cancel()
  }
})

test('a burst of one kind hides no other', async () => {
  const stream = await watch('?kinds=published,refused')
  for (let n = 0; n < 60; n++) await server.trigger({ channel: 'room', name: `e${n}`, data: 'x' })
  for (let n = 0; n < 4; n++) await server.http('/apps/1/events?auth_key=x', { method: 'POST' })
  for (let n = 0; n < 50; n++) expect((await stream.next())?.event).toBe('published')
  for (let n = 0; n < 3; n++) expect((await stream.next())?.event).toBe('refused')
  expect(await stream.next()).toEqual({ event: 'skipped', data: { published: 10, refused: 1 } })
  await stream.cancel()
})

test('a reader that stands still misses what does not fit, and holds up nobody', async () => {
  const socket = connect(server.port, '127.0.0.1')
  const { username, password } = server.server.credentials.admin
  const authorization = `Basic ${btoa(`${username}:${password}`)}`
  socket.write(
    `GET ${LIVE}?kinds=published HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${authorization}\r\n\r\n`,
  )
  await once(socket, 'readable') // and reads nothing
  const app = server.core.apps.byId('1')!
  const fact = { app, channel: 'room', event: 'e', origin: 'backend', api: 'pusher' } as const
  const data = JSON.stringify('x'.repeat(10_000))
  const published = { ...fact, type: 'published', data, socketId: undefined } as const
  for (let n = 0; n < 1500; n++) {
    server.core.facts.emit(published as never)
    server.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
  }
  let [text, rows, skipped] = ['', 0, 0]
  for await (const part of socket) {
    const blocks = `${text}${part}`.split('\n\n')
    text = blocks.pop()!
    rows += blocks.filter((block) => block.includes('event: published')).length
    for (const block of blocks) skipped += Number(/"published":(\d+)}$/.exec(block)?.[1] ?? 0)
    if (rows + skipped === 1500) break
  }
  expect(skipped).toBeGreaterThan(500) // the system's buffers have held the rest
})

test('of long data the beginning is shown', async () => {
  const stream = await watch('?kinds=published')
  await server.trigger({ channel: 'room', name: 'e', data: 'y'.repeat(10_240) })
  const { data } = (await stream.next())!
  expect(data).toMatchObject({ bytes: 10_242, data_beginning: `"${'y'.repeat(10_239)}` })
  await stream.cancel()
})

test('of the body of a webhook that was cut before, too', async () => {
  const stream = await watch('?kinds=webhook')
  const app = server.core.apps.byId('1')!
  const body = `{"events":["${'\u4e00'.repeat(5000)}` // few characters, many bytes
  const exchange = { headers: {}, body, bodyBytes: 20_000, answer: '' }
  const attempt = { at: 0, durationMs: 1, events: 1, status: 200, error: null }
  const answered = { app, endpoint: 'http://127.0.0.1/', attempt, exchange, isTest: false } as const
  server.core.facts.emit({ type: 'webhook_answered', ...answered })
  expect((await stream.next())?.data).toMatchObject({ bytes: 20_000, data_beginning: body })
  await stream.cancel()
})

test('there are so many at most, and who goes makes room', async () => {
  const [first, second] = [await watch(), await watch()]
  const refused = await server.admin(LIVE)
  expect([refused.status, refused.headers.get('retry-after'), await refused.text()]).toEqual([
    503,
    '10',
    'Too many live streams: the limit is 2 (maxLiveStreams)\n',
  ])
  await first.cancel()
  let third = await server.admin(`${LIVE}?limit=0`)
  while (third.status !== 200) third = await server.admin(`${LIVE}?limit=0`)
  expect(await third.text()).toContain('event: hello')
  await second.cancel()
})

test('a token has half of the places at most', async () => {
  await waitUntil('nobody watches', () => !server.core.facts.hears('published'))
  const { token } = await makeToken(server, { name: 'reader', scope: 'read' })
  const as = { headers: bearer(token) }
  const own = new Stream(server, await server.http(LIVE, as))
  expect((await own.next())?.event).toBe('hello')
  const refused = await server.http(LIVE, as)
  expect([refused.status, await refused.text()]).toEqual([
    503,
    'Too many live streams of one token: the limit is 1, half of maxLiveStreams\n',
  ])
  const other = await watch()
  await Promise.all([own.cancel(), other.cancel()])
})

test('data that is too deep is written anew in no other form', async () => {
  const stream = await watch('?kinds=refused')
  const stringify = JSON.stringify
  let longest = 0
  JSON.stringify = (...given: [value: unknown]): string => {
    const text = stringify(...given)
    longest = Math.max(longest, text?.length ?? 0)
    return text
  }
  using _restored = { [Symbol.dispose]: () => void (JSON.stringify = stringify) }
  await using client = await server.raw()
  const data = `{"user_id":"1","user_info":${'['.repeat(1980)}${']'.repeat(1980)}}`
  client.subscribe('presence-a', `${server.app.key}:${'ab'.repeat(32)}`, data)
  await client.next('the refusal')
  expect((await stream.nextOf('refused'))['cause']).toBe('another')
  expect(longest).toBeLessThan(40_000) // with a space for each level it was four million
  await stream.cancel()
})

test('of a long path the beginning is shown, and of a secret at its end nothing', async () => {
  const stream = await watch('?kinds=refused')
  const { secret } = server.app
  for (const length of [9000, 4096 - 10, 5120 - 10]) {
    const path = `/apps/1/channels/${'x'.repeat(length - 17)}${secret}${'y'.repeat(3000)}`
    await server.http(`${path}?auth_key=x`)
    const shown = String((await stream.nextOf('refused'))['path'])
    expect(shown.length).toBeLessThanOrEqual(4096)
    expect(shown).not.toContain(secret.slice(0, 5))
  }
  await stream.cancel()
})
