/** phoenix.js over long-poll; numbers are cases of contract section 6. */
import { describe, expect, test } from 'bun:test'
import { reject } from '../../src/plugin'
import { makePlugin, start, type TestServer } from '../harness'
import { waitForAnswer, muteSink, PHOENIX_JS, PhoenixJs, type Generation } from '../phoenix'
import { provideXmlHttpRequest } from '../xml-http-request'

const KEY = { app_key: 'test-app-fake-key' }
/** 1.2 speaks V1, which is not served here. */
const POLLING: readonly Generation[] = ['1.5.14', '1.7.21', '1.8.16']

const longPoll = (generation: Generation) => ({
  params: KEY,
  transport: PHOENIX_JS[generation]().LongPoll,
  reconnectAfterMs: () => 10,
  rejoinAfterMs: () => 10,
})

describe.each(POLLING)('phoenix.js %s', (generation) => {
  test('joins, hears in order, pushes and leaves (37)', async () => {
    using _ = provideXmlHttpRequest()
    await using server = await start()
    await using page = new PhoenixJs(server, generation, longPoll(generation))
    const channel = await page.join('room', ['e'])
    for (let n = 0; n < 5; n++)
      await server.trigger({ channel: 'room', name: 'e', data: `{"n":${n}}` })
    const heard = await page.events.take(5)
    expect(heard).toEqual(Array.from({ length: 5 }, (_, n) => ['e', { n }]))
    const group = await page.join('public:test-app', ['msg'])
    group.push('msg', { from: 'a page' })
    expect(await page.events.next()).toEqual(['msg', { from: 'a page' }])
    expect((await waitForAnswer(channel.leave(), 'the leave'))[0]).toBe('ok')
  })

  test('205 pushes at once are all answered (36)', async () => {
    using _ = provideXmlHttpRequest()
    await using server = await start({ limits: { maxClientEventsPerSecond: 1000 } })
    await using page = new PhoenixJs(server, generation, longPoll(generation))
    const channel = await page.join('room', [])
    const answers = Array.from({ length: 205 }, (_, n) =>
      waitForAnswer(channel.push(`e${n}`, {}), `push ${n}`),
    )
    const statuses = (await Promise.all(answers)).map(([status]) => status)
    expect(statuses).toEqual(Array(205).fill('error')) // a public channel carries no client events
  })
})

test('phoenix.js 1.8.16 notices that its session is gone, and joins again (39)', async () => {
  await using server = await start()
  await using page = new PhoenixJs(server, '1.8.16', longPoll('1.8.16'))
  await page.join('room', ['e'])
  const [conn] = server.core.hub.connections()
  conn!.sink.close(1012, 'restart')
  expect(await page.closes.next('the close')).toBe(3410)
  const joins = (): number =>
    server.listFactNames().filter((name) => name === 'channel_occupied room').length
  while (joins() < 2) await new Promise<void>((resolve) => setImmediate(resolve))
  await server.trigger({ channel: 'room', name: 'e', data: '{}' })
  expect((await page.events.next())[0]).toBe('e')
})

describe('where WebSockets do not work, phoenix.js falls back (41)', () => {
  let core: TestServer['core'] | undefined
  let tried = 0
  const sockets = new WeakSet<object>()
  /** True for a socket, which is counted. */
  const isSocket = (conn: object, url: string): boolean => {
    if (!url.includes('/websocket')) return false
    tried++
    sockets.add(conn)
    return true
  }
  const WALLS = {
    'they are refused': makePlugin('wall', {
      upgrade: (conn, { url }) => (isSocket(conn, url) ? reject('no sockets') : undefined),
    }),
    'they are silent': makePlugin('wall', {
      upgrade: (conn, { url }) => void isSocket(conn, url),
      connected: (conn) => {
        if (!sockets.has(conn)) return
        for (const each of core!.hub.connections()) if (each.id === conn.socketId) muteSink(each)
      },
    }),
  }
  test.each(Object.entries(WALLS))('%s, and it is remembered', async (_, wall) => {
    await using server = await start({ plugins: [wall] })
    core = server.core
    const stored = new Map<string, string>()
    const sessionStorage = {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => void stored.set(key, value),
    }
    const options = { params: KEY, longPollFallbackMs: 100, sessionStorage }
    tried = 0
    for (const page of ['first', 'second']) {
      await using client = new PhoenixJs(server, '1.8.16', options)
      await client.join('room', [page])
      await server.trigger({ channel: 'room', name: page, data: '{}' })
      expect((await client.events.next())[0]).toBe(page)
      expect(tried).toBe(1)
    }
  })
})
