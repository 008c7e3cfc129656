/** The helper for stock pusher-js: nothing is missed, repeated or reordered, however often the connection is cut. */
import { describe, expect, spyOn, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { join } from 'node:path'
import { resume } from '../../src/client/resume'
import { Inbox, start, waitFor, waitUntil } from '../harness'
import { makeRandom } from '../random'
import { catchLater, Page, publish, startKeeping, type PageOptions } from './page'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)

const HELPER = join(import.meta.dir, '../../src/client/resume.js')

test('it has at most 1536 bytes, and imports nothing', async () => {
  const { outputs } = await Bun.build({ entrypoints: [HELPER], minify: true, format: 'esm' })
  const code = await outputs[0]!.text()
  expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(1536)
  expect(await Bun.file(HELPER).text()).not.toMatch(/\bimport\b[ (]/)
})

const CHANNELS = ['room', 'private-room', 'presence-room']

describe.each([
  ['native sockets', true],
  ["the library's own", false],
])('over %s', (_, native) => {
  test('a hundred cuts under load: every event once, in order', async () => {
    await using server = await startKeeping()
    await using page = new Page(server, { native })
    for (const channel of CHANNELS) await page.subscribe(channel)
    const random = makeRandom(seed)
    const heard = new Map(CHANNELS.map((channel) => [channel, [] as number[]]))
    const sent = new Map(CHANNELS.map((channel) => [channel, 0]))
    let isOver = false
    const publishing = CHANNELS.map(async (channel) => {
      while (!isOver) {
        const n = sent.get(channel)! + 1
        sent.set(channel, n)
        await publish(server, channel, n)
      }
    })
    const takeOne = async (): Promise<void> => {
      const { channel, n } = await page.events.next('an event')
      heard.get(channel)!.push(n)
    }
    for (let cuts = 0; cuts < 100; cuts++) {
      page.cut()
      for (let left = Math.floor(random() * 30); left > 0; left--) await takeOne()
    }
    isOver = true
    await Promise.all(publishing)
    const isBehind = (): boolean =>
      CHANNELS.some((channel) => (heard.get(channel)!.at(-1) ?? 0) < sent.get(channel)!)
    while (isBehind()) await takeOne()
    for (const channel of CHANNELS)
      expect(heard.get(channel)).toEqual(
        Array.from({ length: sent.get(channel)! }, (__, n) => n + 1),
      )
    expect(page.recoveries.filter(([, { recovered }]) => !recovered)).toEqual([])
    expect(page.recoveries.length).toBeGreaterThan(50)
  }, 60_000)

  test('past the window it is said, each time, and nothing old is heard', async () => {
    await using server = await startKeeping(3)
    await using page = new Page(server, { native })
    await page.subscribe('room')
    for (let round = 0; round < 3; round++) {
      await page.leave()
      const isLost = round !== 1
      for (let n = 1; n <= (isLost ? 4 : 2); n++) await publish(server, 'room', n)
      page.pusher.connect()
      await page.subscribed.next('the next subscription')
      const recovery = isLost ? { recovered: false, missed: null } : { recovered: true, missed: 2 }
      expect(page.recoveries).toEqual([['room', recovery]])
      page.recoveries.length = 0
      await publish(server, 'room', 100 + round)
      const expected = isLost ? [100 + round] : [1, 2, 100 + round]
      const events = await page.events.take(expected.length)
      expect(events.map(({ n }) => n)).toEqual(expected)
    }
  })
})

test('an optimistic page hears no event of its own, across a cut', async () => {
  await using server = await startKeeping()
  await using page = new Page(server)
  await page.subscribe('room')
  const toOthers = (n: number, socketId: string) => {
    const body = { name: 'e', channels: ['room'], data: String(n), socket_id: socketId }
    return server.signed('POST', '/events', JSON.stringify(body))
  }
  const first = page.pusher.connection.socket_id
  await page.leave()
  await toOthers(1, first)
  await publish(server, 'room', 2)
  await toOthers(3, first)
  page.pusher.connect()
  await page.subscribed.next('the next subscription')
  expect((await page.events.next()).n).toBe(2)
  const second = page.pusher.connection.socket_id
  await toOthers(4, second)
  await page.leave()
  await toOthers(5, second)
  await publish(server, 'room', 6)
  page.pusher.connect()
  await page.subscribed.next('the next subscription')
  expect((await page.events.next()).n).toBe(6)
})

test('a channel that was left is begun anew, and one that saw no event misses none', async () => {
  await using server = await startKeeping()
  await using page = new Page(server)
  await page.subscribe('room')
  await publish(server, 'room', 1)
  await page.events.next()
  page.pusher.unsubscribe('room')
  await page.subscribe('cache-room')
  await publish(server, 'room', 2)
  await page.subscribe('room')
  await page.leave()
  await publish(server, 'cache-room', 3)
  page.pusher.connect()
  await page.subscribed.take(2, 'both subscriptions')
  expect(await page.events.next()).toEqual({ channel: 'cache-room', n: 3 })
  expect(page.recoveries).toEqual([
    ['cache-room', { recovered: true, missed: 1 }],
    ['room', { recovered: true, missed: 0 }],
  ])
  await publish(server, 'room', 4)
  expect(await page.events.next()).toEqual({ channel: 'room', n: 4 })
})

test('a channel that was left while the connection was cut is begun anew, too', async () => {
  await using server = await startKeeping()
  await using page = new Page(server)
  await page.subscribe('room')
  await page.leave()
  await publish(server, 'room', 1)
  page.pusher.unsubscribe('room')
  page.pusher.connect()
  await page.subscribe('room')
  await publish(server, 'room', 2)
  expect((await page.events.next()).n).toBe(2)
  expect(page.recoveries).toEqual([])
})

test('a page whose `onRecovered` throws gets what it missed all the same', async () => {
  using reported = catchLater()
  await using server = await startKeeping()
  await using page = new Page(server)
  await page.subscribe('room')
  await page.leave()
  await publish(server, 'room', 1)
  page.recoveries.push = () => {
    throw new Error('of the page')
  }
  page.pusher.connect()
  expect((await page.events.next()).n).toBe(1)
  expect(reported.errors).toEqual(['of the page'])
})

test('two pages of one process do not take each other for themselves', async () => {
  await using server = await startKeeping()
  await using page = new Page(server)
  const other = page.openOther()
  await page.subscribe('room')
  const heard = new Inbox<number>()
  other.subscribe('room').bind('e', (n: number) => heard.push(n))
  while (server.countsOf('room').subscriptions < 2) await server.http('/up')
  await page.leave()
  await publish(server, 'room', 1)
  expect(await heard.next()).toBe(1)
  page.pusher.connect()
  expect((await page.events.next()).n).toBe(1)
  other.disconnect()
})

test('without rules nothing changes but that it is said', async () => {
  await using server = await start()
  await using page = new Page(server)
  await page.subscribe('room')
  await publish(server, 'room', 1)
  expect((await page.events.next()).n).toBe(1)
  await page.leave()
  page.pusher.connect()
  await page.subscribed.next('the next subscription')
  await publish(server, 'room', 2)
  expect((await page.events.next()).n).toBe(2)
  expect(page.recoveries).toEqual([])
})

const OTHERS: readonly PageOptions[] = [
  { name: 'pusher-js-3.2/dist/node/pusher' },
  { name: 'pusher-js-4.1/dist/node/pusher' },
  { name: 'pusher-js-7.0' },
  { transport: 'xhr_streaming' },
  { transport: 'xhr_polling' },
]

test.each(OTHERS)('with %j what was missed is heard, too', async (options) => {
  await using server = await startKeeping()
  await using page = new Page(server, { ...options, native: false })
  for (const channel of ['room', 'other-room']) await page.subscribe(channel)
  await publish(server, 'room', 1)
  expect((await page.events.next()).n).toBe(1)
  await page.leave()
  for (const n of [2, 3]) await publish(server, 'room', n)
  page.pusher.connect()
  await page.subscribed.take(2, 'both subscriptions')
  await publish(server, 'room', 4)
  expect((await page.events.take(3)).map(({ n }) => n)).toEqual([2, 3, 4])
  expect(page.recoveries).toEqual([
    ['room', { recovered: true, missed: 2 }],
    ['other-room', { recovered: true, missed: 0 }],
  ])
})

test.each(['ws', 'xhr_streaming', 'xhr_polling'])(
  '%s: a page that leaves as it hears an event gets the later ones when it comes back',
  async (transport) => {
    await using server = await startKeeping()
    await using page = new Page(server, { transport, native: false })
    await page.subscribe('room')
    const left = new Promise<void>((resolve) =>
      page.pusher.channel('room').bind('e', (n: number) => {
        if (n !== 1) return
        page.pusher.disconnect()
        resolve()
      }),
    )
    await publish(server, 'room', 1)
    await waitFor('the end of the connection', left)
    // A poll that is answered is not aborted: the server cannot know that there will be no other.
    if (transport === 'xhr_polling') expect(server.connectionCount).toBe(1)
    for (const n of [2, 3]) await publish(server, 'room', n)
    page.pusher.connect()
    await page.subscribed.next('the next subscription')
    await publish(server, 'room', 4)
    expect((await page.events.take(4)).map(({ n }) => n)).toEqual([1, 2, 3, 4])
    expect(page.recoveries).toEqual([['room', { recovered: true, missed: 2 }]])
    await waitUntil('the session from before is over', () => {
      server.advance(1000)
      return server.connectionCount <= 1
    })
  },
)

/** As React Native's: what arrives while it closes is still delivered. A page may extend the runtime's class, too. */
class LateSocket extends WebSocket {
  #isClosing = false

  override get readyState() {
    return this.#isClosing ? WebSocket.CLOSING : super.readyState
  }

  override close(): void {
    this.#isClosing = true
  }

  closeAtLast(): void {
    super.close()
  }
}

test('what a socket delivers after its client has left was not heard', async () => {
  await using server = await startKeeping()
  await using page = new Page(server, { native: LateSocket })
  await page.subscribe('room')
  await publish(server, 'room', 1)
  expect((await page.events.next()).n).toBe(1)
  const socket = page.socket as LateSocket
  await page.leave()
  const late = new Promise((resolve) => socket.addEventListener('message', resolve))
  await publish(server, 'room', 2)
  await waitFor('the late event', late)
  socket.closeAtLast()
  page.pusher.connect()
  await page.subscribed.next('the next subscription')
  expect((await page.events.next()).n).toBe(2)
  expect(page.recoveries).toEqual([['room', { recovered: true, missed: 1 }]])
})

test('a library without a way in is said once, and left as it is', () => {
  using warn = spyOn(console, 'warn').mockImplementation(() => undefined)
  resume({})
  expect(warn.mock.calls).toEqual([['carillon/resume: this pusher-js cannot be extended']])
})
