/** Stock pusher-js and the helper over a server that is killed: every event that was answered is heard, once, in order. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Server from 'pusher'
import type { TestServer } from '../harness'
import { Program } from '../program'
import { makeRandom } from '../random'
import { Page } from './page'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const APP = { appId: '1', key: 'test-app-fake-key', secret: 'test-app-fake-secret', useTLS: false }
const ADMIN = `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`
const rule = { prefix: '', size: 10_000, ttl_seconds: 600, durable: true }
const LIVES = 4

test('killed again and again under load', async () => {
  const random = makeRandom(seed)
  const DATABASE_PATH = join(folder, 'crash.sqlite')
  const answered: number[] = []
  const heard: number[] = []
  let [published, port] = [0, 0]
  let page: Page | undefined
  for (let life = 0; life < LIVES; life++) {
    await using program = new Program({ DATABASE_PATH, PORT: String(port) })
    port = await program.waitUntilListening()
    const headers = { authorization: ADMIN, 'content-type': 'application/json' }
    const body = JSON.stringify({ app: { history: [rule] } })
    await fetch(`http://127.0.0.1:${port}/api/admin/apps/1`, { method: 'PATCH', headers, body })
    const sdk = new Server({ ...APP, host: '127.0.0.1', port: String(port) })
    if (page) {
      // At once: it may wait for 15 seconds.
      page.pusher.disconnect()
      page.pusher.connect()
      await page.subscribed.next('the subscription after the crash')
    } else {
      const server = { app: { key: APP.key }, sdk: () => sdk, socketPort: port, port }
      page = new Page(server as unknown as TestServer)
      await page.subscribe('room')
    }
    const most = answered.length + 20 + Math.floor(random() * 100)
    const publishing = async (): Promise<void> => {
      for (;;) {
        const n = ++published
        try {
          await sdk.trigger('room', 'e', String(n))
        } catch {
          return // the server was killed
        }
        answered.push(n)
        if (answered.length === most) program.process.kill('SIGKILL')
      }
    }
    if (life < LIVES - 1) await publishing()
    else {
      await sdk.trigger('room', 'e', 'null')
      for (;;) {
        const { n } = await page.events.next('an event')
        if (n === null) break
        heard.push(n)
      }
    }
  }
  await page![Symbol.asyncDispose]()
  expect(heard).toEqual([...new Set(heard)].toSorted((a, b) => a - b))
  expect(answered.filter((n) => !heard.includes(n))).toEqual([])
  expect(answered.length).toBeGreaterThan(50)
}, 60_000)
