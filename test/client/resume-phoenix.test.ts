/** The helper for stock phoenix.js: a join after a cut brings what was missed, each event once, in order. */
import { expect, spyOn, test } from 'bun:test'
import { start, type TestServer } from '../harness'
import { makeRandom } from '../random'
import { catchLater } from './page'
import { PhoenixPage } from './phoenix-page'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)

async function startKeeping(size = 10_000): Promise<TestServer> {
  const server = await start()
  await server.change({
    history: [{ prefix: '', size, ttl_seconds: 600, durable: false, rewind: 0 }],
  })
  return server
}

const publish = (server: TestServer, channel: string, n: number): Promise<Response> =>
  server.trigger({ channel, name: 'e', data: JSON.stringify({ n }) })

const TOPICS = ['room', 'other-room']

test.each(['1.5.14', '1.7.21', '1.8.16'] as const)(
  '%s: a hundred cuts under load: every event once, in order',
  async (generation) => {
    await using server = await startKeeping()
    await using page = new PhoenixPage(server, generation)
    for (const topic of TOPICS) await page.join(topic)
    const random = makeRandom(seed)
    const heard = new Map(TOPICS.map((topic) => [topic, [] as number[]]))
    const sent = new Map(TOPICS.map((topic) => [topic, 0]))
    let isOver = false
    const publishing = TOPICS.map(async (topic) => {
      while (!isOver) {
        const n = sent.get(topic)! + 1
        sent.set(topic, n)
        await publish(server, topic, n)
      }
    })
    const takeOne = async (): Promise<void> => {
      const { topic, n } = await page.events.next('an event')
      heard.get(topic)!.push(n)
    }
    for (let cuts = 0; cuts < 100; cuts++) {
      page.socket.conn?.terminate()
      for (let left = Math.floor(random() * 20); left > 0; left--) await takeOne()
    }
    isOver = true
    await Promise.all(publishing)
    const isBehind = (): boolean =>
      TOPICS.some((topic) => (heard.get(topic)!.at(-1) ?? 0) < sent.get(topic)!)
    while (isBehind()) await takeOne()
    for (const topic of TOPICS)
      expect(heard.get(topic)).toEqual(Array.from({ length: sent.get(topic)! }, (_, n) => n + 1))
    expect(page.recoveries.filter(([, { recovered }]) => !recovered)).toEqual([])
    expect(page.recoveries.length).toBeGreaterThan(30)
  },
  60_000,
)

test('past the window it is said, and nothing old is heard', async () => {
  await using server = await startKeeping(3)
  await using page = new PhoenixPage(server, '1.8.16')
  await page.join('room')
  await page.leave()
  for (let n = 1; n <= 4; n++) await publish(server, 'room', n)
  page.socket.connect()
  await page.joined.next('the next join')
  expect(page.recoveries).toEqual([['room', { recovered: false, missed: null }]])
  await publish(server, 'room', 5)
  expect((await page.events.next()).n).toBe(5)
})

test('a topic that was left while the connection was cut is begun anew', async () => {
  await using server = await startKeeping()
  await using page = new PhoenixPage(server, '1.8.16')
  const first = await page.join('room')
  await page.leave()
  await publish(server, 'room', 1)
  first.leave()
  page.socket.connect()
  await page.join('room')
  await publish(server, 'room', 2)
  expect((await page.events.next()).n).toBe(2)
  expect(page.recoveries).toEqual([])
})

test('a page that throws at one event that it missed gets the others', async () => {
  using reported = catchLater()
  await using server = await startKeeping()
  await using page = new PhoenixPage(server, '1.8.16')
  const channel = await page.join('room')
  channel.on('e', (payload) => {
    throw new Error(`at ${(payload as { n: number }).n}`)
  })
  await page.leave()
  for (const n of [1, 2]) await publish(server, 'room', n)
  page.socket.connect()
  await page.joined.next('the next join')
  expect((await page.events.take(2)).map(({ n }) => n)).toEqual([1, 2])
  expect(reported.errors).toEqual(['at 1', 'at 2'])
})

test('phoenix.js 1.2 gives no way in: it is said once, and works as ever', async () => {
  using warn = spyOn(console, 'warn').mockImplementation(() => undefined)
  await using server = await startKeeping()
  await using page = new PhoenixPage(server, '1.2.1')
  expect(warn.mock.calls).toEqual([['carillon/resume: this phoenix.js cannot be extended']])
  await page.join('room')
  await publish(server, 'room', 1)
  expect((await page.events.next()).n).toBe(1)
})
