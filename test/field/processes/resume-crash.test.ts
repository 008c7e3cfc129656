/** Stock clients with the helper over a server that is killed: every event that was answered is heard, once, in order. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Server from 'pusher'
import type { TestServer } from '../../harness'
import { Executable } from '../../built'
import { makeRandom } from '../../random'
import { Page } from '../../client/page'
import { PhoenixPage } from '../../client/phoenix-page'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const APP = { appId: '1', key: 'test-app-fake-key', secret: 'test-app-fake-secret', useTLS: false }
const ADMIN = `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`
const rule = { prefix: '', size: 10_000, ttl_seconds: 600, durable: true }
const LIVES = 4

/** Both clients, and what each has heard. */
class Pages {
  readonly pusher: Page
  readonly phoenix: PhoenixPage
  readonly heard = { pusher: [] as number[], phoenix: [] as number[] }

  constructor(sdk: Server, port: number) {
    const server = { app: { key: APP.key }, sdk: () => sdk, socketPort: port, port }
    this.pusher = new Page(server as unknown as TestServer)
    this.phoenix = new PhoenixPage(server, '1.8.16')
  }

  async join(): Promise<void> {
    await Promise.all([this.pusher.subscribe('room'), this.phoenix.join('room')])
  }

  /** At once: by itself pusher-js may wait for 15 seconds. */
  async comeBack(): Promise<void> {
    this.pusher.pusher.disconnect()
    this.pusher.pusher.connect()
    await this.pusher.subscribed.next('the subscription after the crash')
    await this.phoenix.joined.next('the join after the crash')
  }

  /** Reads all that was sent before `last`. */
  async read(last: number): Promise<void> {
    const { pusher, phoenix, heard } = this
    for (;;) {
      const { n } = (await pusher.events.next('an event')).n as unknown as { n: number }
      if (n === last) break
      heard.pusher.push(n)
    }
    for (;;) {
      const { n } = await phoenix.events.next('an event of Phoenix')
      if (n === last) break
      heard.phoenix.push(n)
    }
  }

  async close(): Promise<void> {
    await this.pusher[Symbol.asyncDispose]()
    await this.phoenix[Symbol.asyncDispose]()
  }
}

test('killed again and again under load', async () => {
  const random = makeRandom(seed)
  const DATABASE_PATH = join(folder, 'crash.sqlite')
  const answered: number[] = []
  let [published, port] = [0, 0]
  /** The one that was not answered. */
  let open: number | undefined
  let pages: Pages | undefined
  for (let life = 0; life < LIVES; life++) {
    await using program = new Executable({ DATABASE_PATH, PORT: String(port) })
    port = await program.waitUntilListening()
    const headers = { authorization: ADMIN, 'content-type': 'application/json' }
    const body = JSON.stringify({ app: { history: [rule] } })
    await fetch(`http://127.0.0.1:${port}/api/admin/apps/1`, { method: 'PATCH', headers, body })
    const sdk = new Server({ ...APP, host: '127.0.0.1', port: String(port) })
    if (pages) await pages.comeBack()
    else await (pages = new Pages(sdk, port)).join()
    const most = answered.length + 20 + Math.floor(random() * 100)
    const publishNext = async (): Promise<void> => {
      open ??= ++published
      await sdk.trigger('room', 'e', { n: open }, { idempotency_key: `n-${open}` } as never)
      answered.push(open)
      open = undefined
    }
    const publishing = async (): Promise<void> => {
      for (;;) {
        try {
          await publishNext()
        } catch {
          return // the server was killed
        }
        if (answered.length === most) program.process.kill('SIGKILL')
      }
    }
    if (life < LIVES - 1) await publishing()
    else {
      await publishNext()
      await sdk.trigger('room', 'e', { n: -1 })
      await pages.read(-1)
    }
  }
  await pages!.close()
  const all = Array.from({ length: published }, (_, n) => n + 1)
  expect(answered).toEqual(all)
  expect(published).toBeGreaterThan(50)
  for (const [page, heard] of Object.entries(pages!.heard)) {
    // What was heard and not answered may be heard again, since it is published again: then the page is told so.
    const lost = pages![page as 'pusher' | 'phoenix'].recoveries.filter(
      ([, { recovered }]) => !recovered,
    )
    const isAgain = (n: number, index: number): boolean => n === heard[index - 1]
    expect(heard.filter((n, index) => !isAgain(n, index))).toEqual(all)
    expect(heard.filter(isAgain).length).toBeLessThanOrEqual(lost.length)
  }
  for (const { recoveries } of [pages!.pusher, pages!.phoenix])
    expect(recoveries.length).toBe(LIVES - 1)
}, 60_000)
