/** What lives in one of several workers is found by requests that any of them gets. */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import Server from 'pusher'
import type { TestServer } from '../../harness'
import { Page } from '../../client/page'
import { PHOENIX_JS } from '../../phoenix'
import { startRedis } from '../../redis/redis'
import { describeWith } from '../programs'
import { Place } from './takeovers'
import { Workers, workersOf } from './worker-programs'

const WORKERS = 3
/** So many that no worker has all of them. */
const MANY = 9

/** What a first start has written beside the database. */
function generatedIn(place: Place) {
  const text = readFileSync(place.path('db.sqlite.credentials'), 'utf8')
  const valueOf = (name: string): string => new RegExp(`^PUSHER_${name}=(.*)$`, 'm').exec(text)![1]!
  const admin = `${valueOf('ADMIN_USERNAME')}:${valueOf('ADMIN_PASSWORD')}`
  const app = { appId: valueOf('APP_ID'), key: valueOf('APP_KEY'), secret: valueOf('APP_SECRET') }
  return { app, admin: `Basic ${btoa(admin)}` }
}

describeWith('redis-server', 'sessions of workers', () => {
  test('of the fallback, of long-poll and of the console, and credentials that were generated', async () => {
    await using redis = await startRedis()
    using place = new Place(0)
    // Behind a proxy the published credentials are off: the first worker makes some, which are good for all.
    const proxies = { CARILLON_TRUSTED_PROXIES: '192.0.2.1' }
    await using program = new Workers({ ...workersOf(place, redis, WORKERS), ...proxies })
    const { port } = await program.waitUntilAllListen()
    const made = generatedIn(place)
    const url = `http://127.0.0.1:${port}`
    const sdk = new Server({ ...made.app, useTLS: false, host: '127.0.0.1', port: String(port) })
    const server = { app: { key: made.app.key }, sdk: () => sdk, socketPort: port, port }

    const pages = Array.from({ length: MANY }, (_, index) => {
      const transport = index % 2 === 0 ? 'xhr_streaming' : 'xhr_polling'
      return new Page(server as unknown as TestServer, { transport })
    })
    await Promise.all(pages.map((page) => page.subscribe('room')))
    const { Socket, LongPoll } = PHOENIX_JS['1.8.16']()
    const polled = Array.from({ length: MANY }, () => {
      const socket = new Socket(`ws://127.0.0.1:${port}/socket`, {
        params: { app_key: made.app.key },
        transport: LongPoll,
      })
      socket.connect()
      return socket
    })
    const heard = await Promise.all(
      polled.map(async (socket) => {
        const channel = socket.channel('room', {})
        const { promise, resolve } = Promise.withResolvers<unknown>()
        channel.on('e', resolve)
        await new Promise((joined) => channel.join().receive('ok', joined))
        return { event: promise }
      }),
    )
    await sdk.trigger('room', 'e', 7)
    for (const page of pages) expect(await page.events.next()).toEqual({ channel: 'room', n: 7 })
    expect(await Promise.all(heard.map(({ event }) => event))).toHaveLength(MANY)
    for (const page of pages) page.pusher.disconnect()
    for (const socket of polled) socket.disconnect()

    const signedIn = await fetch(`${url}/api/admin/sessions`, {
      method: 'POST',
      headers: { authorization: made.admin },
    })
    expect(signedIn.status).toBe(201)
    const cookie = signedIn.headers.getSetCookie()[0]!.split(';')[0]!
    const { data } = (await signedIn.json()) as { data: { id: string; csrf: string } }
    const ask = async (method: string): Promise<number> => {
      const headers = { cookie, 'x-csrf-token': data.csrf }
      const path = `${url}/api/admin/sessions${method === 'DELETE' ? `/${data.id}` : ''}`
      return (await fetch(path, { method, headers, keepalive: false })).status
    }
    const askAll = () => Promise.all(Array.from({ length: MANY }, () => ask('GET')))
    expect(new Set(await askAll())).toEqual(new Set([200]))
    expect(await ask('DELETE')).toBe(204)
    expect(new Set(await askAll())).toEqual(new Set([401]))
  })
})
