/** The HTTP fallback in a browser: stock pusher-js on a page of another origin. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { start, type TestServer } from '../harness'
import { describePages, type Pages } from './browser'

const LIBRARY = join(import.meta.dir, '../../node_modules/pusher-js/dist/web/pusher.min.js')

/** What a page says of its connection, and what it hears. */
type Heard = { readonly transport: string; readonly event: string; readonly data: unknown }

type Visit = AsyncDisposable & {
  readonly page: Page
  /** What the page has told so far. */
  readonly heard: Heard[]
  next(): Promise<Heard>
}

/** A page on an origin of its own that connects with the options, and tells what it hears on `room`. */
async function visit(browser: Pages, server: TestServer, options: object): Promise<Visit> {
  const page = await browser.newPage()
  // Another port is another origin, on an address from which browsers let a page ask loopback.
  const site = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: emptyPage })
  const heard: Heard[] = []
  const waiting: ((item: Heard) => void)[] = []
  await page.exposeFunction('tell', (item: Heard) => {
    const waiter = waiting.shift()
    if (waiter) waiter(item)
    else heard.push(item)
  })
  await page.goto(site.url.href)
  await page.addScriptTag({ path: LIBRARY })
  await page.addScriptTag({ content: CONNECT })
  const where = {
    wsHost: '127.0.0.1',
    wsPort: server.port,
    httpHost: '127.0.0.1',
    httpPort: server.port,
  }
  const asked = { cluster: 'test', forceTLS: false, ...where, ...options }
  await page.evaluate(`connect(${JSON.stringify(server.app.key)}, ${JSON.stringify(asked)})`)
  const next = (): Promise<Heard> => {
    const first = heard.shift()
    return first ? Promise.resolve(first) : new Promise((resolve) => waiting.push(resolve))
  }
  const close = async (): Promise<void> => {
    await page.close()
    await site.stop(true)
  }
  return { page, heard, next, [Symbol.asyncDispose]: close }
}

const emptyPage = (): Response =>
  new Response('<!doctype html><title>page</title>', { headers: { 'content-type': 'text/html' } })

/** Runs on the page. */
const CONNECT = `function connect(key, options) {
  const pusher = (window.pusher = new Pusher(key, options))
  const transport = () => pusher.connection.connection?.transport.name
  pusher.subscribe('room').bind_global((event, data) => tell({ transport: transport(), event, data }))
}`

describePages('pusher-js in Chromium', (browser) => {
  test.each(['xhr_streaming', 'xhr_polling'])('%s: hears events in order', async (transport) => {
    await using server = await start()
    await using page = await visit(browser, server, { enabledTransports: [transport] })
    expect(await page.next()).toEqual({
      transport,
      event: 'pusher:subscription_succeeded',
      data: {},
    })
    for (let n = 0; n < 20; n++)
      await server.trigger({ channel: 'room', name: 'e', data: String(n) })
    for (let n = 0; n < 20; n++)
      expect(await page.next()).toEqual({ transport, event: 'e', data: n })
    await page.page.evaluate('pusher.disconnect()')
  })

  test.each([
    ['xhr_streaming', '/xhr_streaming'],
    ['xhr_polling', '/xhr'],
  ])('%s: nothing is lost when it goes on to the next request past 256 KiB', async (name, path) => {
    await using server = await start()
    await using page = await visit(browser, server, { enabledTransports: [name] })
    await page.next()
    let requests = 0
    page.page.on('request', (request) => {
      if (new URL(request.url()).pathname.endsWith(path)) requests++
    })
    const sent = Array.from({ length: 150 }, (_, n) => n)
    for (const n of sent) {
      const data = JSON.stringify({ n, text: 'ä'.repeat(4000) })
      await server.trigger({ channel: 'room', name: 'e', data })
    }
    const heard: unknown[] = []
    for (const _ of sent) heard.push(((await page.next()).data as { n: number }).n)
    expect(heard).toEqual(sent)
    expect(requests).toBeGreaterThan(1)
    expect(server.core.counters.connectionsAccepted).toBe(1)
  })

  test('falls back by itself where WebSockets are blocked', async () => {
    await using server = await start()
    // A port where nobody listens is as blocked as can be.
    await using page = await visit(browser, server, { wsPort: 9, wssPort: 9 })
    expect(await page.next()).toMatchObject({
      transport: 'xhr_streaming',
      event: 'pusher:subscription_succeeded',
    })
    await server.trigger({ channel: 'room', name: 'e', data: '1' })
    expect(await page.next()).toMatchObject({ event: 'e', data: 1 })
  })

  test('a page that is closed is a connection that is closed', async () => {
    await using server = await start()
    const page = await visit(browser, server, { enabledTransports: ['xhr_streaming'] })
    await page.next()
    await page.page.close()
    while (server.core.hub.connectionCount > 0) await server.http('/up')
    expect(server.factNames()).toContain('channel_vacated room')
  })
})
