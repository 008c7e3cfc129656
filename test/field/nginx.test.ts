/**
 * A server with nginx in front, as most are deployed: the published credentials are worth nothing through
 * it, whatever it says of itself, and all that they were beside it.
 */
import { describe, expect, test } from 'bun:test'
import { start } from '../harness'
import { tryWayIn, ROUTES, SOCKETS, WITH_ROUTE } from '../ways-in'
import { MANNERS, startNginx, type Manner } from './nginx'
import { describeWith } from './programs'

const ONCE = ROUTES.filter(({ name }) => name !== 'a new app')
/** Those that nginx passes on: without its headers it makes no upgrade of a request. */
const findPassed = (manner: Manner) =>
  [...ONCE, ...SOCKETS].filter(
    ({ headers = {} }) => !('upgrade' in headers) || MANNERS[manner].includes('$http_upgrade'),
  )

// Workers run as another user only where root starts them.
const isRoot = process.getuid?.() === 0

describeWith('nginx', 'behind nginx', () => {
  describe.skipIf(!isRoot)('as www-data', () => {
    const UID = 'came from a process of another user'
    const TOLD: readonly (readonly [manner: Manner, why: string])[] = [
      ['a bare proxy_pass', UID],
      ['upgrades alone', UID],
      ['kept connections', UID],
      ['the headers of guides', 'was forwarded (x-'],
    ]
    test.each(TOLD)('%s: refused on every way in, since it %s', async (manner, why) => {
      await using server = await start({ plugins: [WITH_ROUTE] })
      await using proxy = await startNginx(server.port)
      for (const way of findPassed(manner)) {
        const through = await tryWayIn(server, way, undefined, proxy.ports[manner])
        const beside =
          way.method === 'POST' && SOCKETS.includes(way) ? 'in' : await tryWayIn(server, way)
        expect([way.name, through, beside]).toEqual([way.name, 'refused', 'in'])
      }
      expect(server.core.counters.faults).toBe(0)
      const logged = server.log.lines.filter(({ message }) => message.includes('published'))
      expect(logged).toMatchObject([{ fields: { reason: expect.stringContaining(why) } }])
    })

    test('in front of the address for admins: refused there, too, and let in beside it', async () => {
      const config = { adminListen: { host: '127.0.0.1', port: 0 } }
      await using server = await start({ plugins: [WITH_ROUTE], config })
      const { adminAddress: at } = server.server
      const port = at && 'port' in at ? at.port : 0
      await using proxy = await startNginx(port)
      const through = proxy.ports['kept connections']
      for (const way of ONCE) {
        const isTheirs = /^\/(?:api\/admin|console|swagger|plugins)\//.test(way.path)
        const folder = isTheirs ? '' : '/swagger/public'
        expect([
          way.name,
          await tryWayIn(server, way, undefined, through, folder),
          await tryWayIn(server, way, undefined, port, folder),
        ]).toEqual([way.name, 'refused', 'in'])
      }
    })

    test('its own connections are told from others by turns, however long they are kept', async () => {
      await using server = await start()
      await using proxy = await startNginx(server.port)
      const [way] = ONCE as [(typeof ONCE)[number]]
      for (let n = 0; n < 20; n++) {
        expect(await tryWayIn(server, way, undefined, proxy.ports['kept connections'])).toBe(
          'refused',
        )
        expect(await tryWayIn(server, way)).toBe('in')
      }
    })
  })

  test('named, the server makes credentials of its own, which are good through it', async () => {
    const config = { trustedProxies: ['127.0.0.1'] }
    await using server = await start({ config })
    await using proxy = await startNginx(server.port)
    const base = `http://127.0.0.1:${proxy.ports['the headers of guides']}`
    const { username, password } = server.server.credentials.admin
    const authorization = `Basic ${btoa(`${username}:${password}`)}`
    const list = await fetch(`${base}/api/admin/apps`, { headers: { authorization } })
    expect(list.status).toBe(200)
    expect(await (await fetch(`${base}/swagger/defaults`)).json()).toEqual({})
    const sdk = server.sdk({ port: String(proxy.ports['a bare proxy_pass']) })
    expect((await sdk.trigger('a', 'e', {})).status).toBe(200)
    const wsPort = proxy.ports['the headers of guides']
    await using client = server.pusher({ options: { wsPort } })
    await client.state('connected')
  })
})
