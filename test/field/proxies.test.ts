/** Behind the proxies of `ops/`: sockets, both fallbacks and the API by TLS; addresses and schemes of clients. */
import { expect, test } from 'bun:test'
import { RawClient, UNCHECKED } from '../../kit/client'
import { start } from '../harness'
import { XhrClient } from '../transports/xhr-client'
import { describeWith } from './programs'
import { PROXIES, startProxy } from './proxies'
import { tryStockClients } from './stock-clients'

/** Whose address a client has put into a header itself. */
const SPOOFED = {
  'x-forwarded-for': '192.0.2.99',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'evil.example',
  forwarded: 'for=192.0.2.99;proto=https',
}

for (const proxy of PROXIES)
  describeWith([proxy.program, 'node'], `behind ${proxy.program}`, () => {
    test('everything arrives by TLS, from who has sent it', async () => {
      const own = { appId: '7', appKey: 'k7', appSecret: 's7' }
      await using server = await start({ config: { ...own, trustedProxies: ['127.0.0.1'] } })
      await server.change({ tlsOnly: true })
      await using front = await startProxy(proxy, server.port)
      const at = `127.0.0.1:${front.tls}`

      await using client = new RawClient(`wss://${at}/app/k7?protocol=7`, { headers: SPOOFED })
      await client.hello()
      await client.subscribed('room')
      const [connection] = [...server.core.hub.connections()]
      expect(connection?.remoteAddress).toBe('127.0.0.1')

      server.through = `https://${at}`
      const [streaming, polling] = [new XhrClient(server), new XhrClient(server)]
      const stream = await streaming.openStream()
      await polling.open()
      for (const fallback of [streaming, polling]) await fallback.subscribe('room')
      expect(await stream.nextMessage()).toContain('subscription_succeeded')
      expect((await polling.messages(1))[0]).toContain('subscription_succeeded')

      const socket = `wss://${at}/socket/websocket?vsn=2.0.0&app_key=k7`
      await using phoenix = new RawClient(socket)
      await phoenix.opened
      phoenix.send(JSON.stringify(['1', '1', 'public:app-7', 'phx_join', {}]))
      expect(await phoenix.next()).toContain('"status":"ok"')

      const data = 'x'.repeat(9000)
      expect((await server.trigger({ channel: 'room', name: 'e', data })).status).toBe(200)
      expect((await client.nextJson()).event).toBe('e')
      expect(await stream.nextMessage()).toContain(data)
      expect((await polling.messages(1))[0]).toContain(data)
      stream.abort.abort()
      await tryStockClients(server, front.tls)
    })

    test('plain HTTP is sent to TLS, and the page of the console is there', async () => {
      const own = { appId: '7', appKey: 'k7', appSecret: 's7' }
      await using server = await start({
        config: { ...own, trustedProxies: ['127.0.0.1'], plainHttp: 'redirect' },
      })
      await using front = await startProxy(proxy, server.port)
      const page = await fetch(`https://127.0.0.1:${front.tls}/console`, UNCHECKED)
      expect(page.status).toBe(200)
      const redirected = await fetch(`http://127.0.0.1:${front.plain}/console`, {
        redirect: 'manual',
        headers: SPOOFED,
      })
      expect(redirected.status).toBe(308)
      expect(redirected.headers.get('location')).toMatch(
        /^https:\/\/127\.0\.0\.1(?::\d+)?\/console$/,
      )
    })
  })
