/** TLS without a proxy. In a browser: pusher-js by each of its transports, and told by 4000 to use it. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { start } from '../harness'
import { describePages } from './browser'
import { visit } from './page'
import { describeWith } from './programs'
import { tryStockClients } from './stock-clients'

const ROOT = join(import.meta.dir, '../..')
const LIBRARY = join(ROOT, 'node_modules/pusher-js/dist/web/pusher.min.js')
const PAIR = {
  tlsCertFile: join(ROOT, 'test/tls/first.crt'),
  tlsKeyFile: join(ROOT, 'test/tls/first.key'),
}

describeWith('node', 'TLS outside of browsers', () => {
  test('pusher-js, phoenix.js and the SDK', async () => {
    await using server = await start({ config: PAIR })
    await tryStockClients(server, server.port)
  })
})

describePages('TLS in Chromium', (browser) => {
  test.each(['ws', 'xhr_streaming', 'xhr_polling'])('pusher-js over %s', async (transport) => {
    await using server = await start({ config: PAIR })
    const { port } = server
    const options = {
      enabledTransports: [transport],
      forceTLS: true,
      wssPort: port,
      httpsPort: port,
    }
    await using page = await visit(browser, server, { library: LIBRARY, options })
    expect(await page.next()).toMatchObject({ event: 'pusher:subscription_succeeded' })
    await server.trigger({ channel: 'room', name: 'e', data: '1' })
    expect(await page.next()).toMatchObject({ event: 'e', data: 1 })
  })

  test('a client that comes without it is told to use it, and does', async () => {
    const config = { ...PAIR, plainPort: 0, plainHttp: 'redirect' } as const
    await using server = await start({ config })
    const options = {
      enabledTransports: ['ws'],
      forceTLS: false,
      wsPort: server.server.plainPort,
      wssPort: server.port,
    }
    await using page = await visit(browser, server, { library: LIBRARY, options })
    expect(await page.next()).toMatchObject({ event: 'pusher:subscription_succeeded' })
    expect(await page.page.evaluate('pusher.connection.usingTLS')).toBe(true)
  })
})
