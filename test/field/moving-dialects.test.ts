/**
 * Applications of PushEx and ExPusherLite move as their guides say: stock clients behind one address, and the guides'
 * commands. The old server is another one of ours, which answers as theirs do.
 */
import { expect, test } from 'bun:test'
import { createRequire } from 'node:module'
import { Door } from '../../bench/lib/move-door'
import { MOVE_RULES } from '../../bench/lib/move-import'
import { blocksOf, readPage } from '../docs/pages'
import { Inbox, nextLook, start, type TestServer, waitFor } from '../harness'
import { PhoenixJs } from '../phoenix'
import { execute } from './commands'

const PATIENCE_MS = 10_000
const KEPT = MOVE_RULES.map((rule) => ({ ...rule, durable: false }))

type Pushex = {
  connect(): Promise<void>
  disconnect(): Promise<void>
  subscribe(channel: string): {
    bind(event: string, hear: (data: unknown, event: string) => void): void
  }
}
// Its bundle wants a window, its sources do not.
const { Pushex } = createRequire(import.meta.url)('pushex/src/index.js') as {
  Pushex: new (url: string, options: object) => Pushex
}

/** The command that publishes to both servers, for these in place of its own, with a number as its data. */
async function publisherOf(page: string) {
  const { code } = blocksOf(await readPage(page)).find((each) => each.code.includes('for server'))!
  const [, addresses = ''] = /for server in (.*);/.exec(code)!
  const [first = ''] = addresses.split(' ')
  return async (number: number, ...servers: readonly TestServer[]): Promise<void> => {
    const wanted = servers.map(({ port }) => first.replace(/\d+$/, String(port)))
    const command = code
      .replace(addresses, wanted.join(' '))
      .replace(/("data": |"name":)"\w+"/, `$1${number}`)
    await execute(['sh', '-c', command], { cwd: '/', timeoutMs: PATIENCE_MS })
  }
}

/** Resolves when the claim is true: each look is a turn of the event loop. */
const until = (what: string, isTrue: () => boolean): Promise<void> =>
  waitFor(
    what,
    (async () => {
      while (!isTrue()) await nextLook()
    })(),
  )

test('pages of PushEx are moved while pushes go to both, and behind their publisher', async () => {
  const publish = await publisherOf('docs/pushex.md')
  await using first = await start()
  await using second = await start()
  await using third = await start()
  await third.change({ history: KEPT })
  using door = await Door.open(first.port)
  const client = new Pushex(`ws://127.0.0.1:${door.port}/push_socket`, {
    getParams: () => Promise.resolve({}),
    socketReconnectAlgorithm: () => 10,
  })
  const heard = new Inbox<unknown>()
  client.subscribe('test').bind('woohoo', (data) => heard.push(data))
  const isIn = (server: TestServer) => (): boolean => server.countsOf('test').subscriptions === 1
  await client.connect()
  await until('the page on the first server', isIn(first))

  await publish(1, second, first)
  door.switchTo(second.port)
  await first.leave()
  await until('the page on the second server', isIn(second))
  await publish(2, second)
  await publish(3, third) // it goes first, and the page comes after it
  await publish(4, third)
  door.switchTo(third.port)
  await second.leave()
  await until('the page on the third server', isIn(third))
  await publish(5, third)
  expect(await heard.take(5)).toEqual([1, 2, 3, 4, 5])
  await client.disconnect()
})

test('pages of ExPusherLite are moved while events go to both', async () => {
  const publish = await publisherOf('docs/expusherlite.md')
  await using first = await start()
  await using second = await start()
  await second.change({ history: KEPT })
  using door = await Door.open(first.port)
  const url = `ws://127.0.0.1:${door.port}`
  await using page = new PhoenixJs(first, '1.8.16', { url })
  await page.join('public:test-app', ['foo-topic:msg'])

  await publish(1, second, first)
  await publish(2, second) // while the page is away; a scope keeps nothing
  door.switchTo(second.port)
  await first.leave()
  await second.waitForReceived(1) // its join
  await publish(3, second)
  await publish(4, second)
  const heard = await page.events.take(3)
  expect(heard).toEqual([1, 3, 4].map((name) => ['foo-topic:msg', { name }]))
})
