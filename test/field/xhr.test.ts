/** The HTTP fallback in a browser: stock pusher-js on a page of another origin. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { start, type TestServer } from '../harness'
import { describePages, type Pages } from './browser'
import { visit as visitPage, type Visit } from './page'

const LIBRARY = join(import.meta.dir, '../../node_modules/pusher-js/dist/web/pusher.min.js')

/** A page with the library that connects with the options and reports what it receives on `room`. */
const visit = (browser: Pages, server: TestServer, options: object): Promise<Visit> =>
  visitPage(browser, server, { library: LIBRARY, options })

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
    expect(server.totals.connectionsAccepted).toBe(1)
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
    await server.waitForConnections(0)
    expect(server.listFactNames()).toContain('channel_vacated room')
  })
})
