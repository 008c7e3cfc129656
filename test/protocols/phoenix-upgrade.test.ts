/**
 * The upgrade to a Phoenix socket, and whose a socket is that names no app;
 * numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { reject } from '../../src/plugin'
import { makePlugin, start } from '../harness'
import { connectPhoenix, TWO_APPS } from '../phoenix'

describe('the upgrade', () => {
  const REFUSED = ['2', '1.1.0', '2.1.0', '123.1.1', 'abc', '', '2.0.0-rc'].map((v) => `vsn=${v}`)
  test.each([...REFUSED, 'vsn[x]=1', 'vsn=2.0.0&app_key=nobody'])(
    '%s is 403 (2)',
    async (query) => {
      await using server = await start()
      for (const mount of ['/socket', '/push_socket']) {
        const response = await server.http(`${mount}/websocket?${query}`, {
          headers: {
            upgrade: 'websocket',
            connection: 'upgrade',
            'sec-websocket-version': '13',
            'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
          },
        })
        expect([response.status, await response.text()]).toEqual([403, ''])
        expect(response.headers.get('x-request-id')).toBeString()
      }
      expect(server.core.hub.connectionCount).toBe(0)
    },
  )

  test.each(['GET', 'POST', 'PUT'])('%s without an upgrade is 400 (3)', async (method) => {
    await using server = await start()
    for (const path of ['/socket/websocket', '/push_socket/websocket/?vsn=2.0.0']) {
      const response = await server.http(path, { method })
      expect([response.status, await response.text()]).toEqual([400, ''])
    }
  })

  test('plugins refuse with 403, also those that wait', async () => {
    const wall = makePlugin('wall', {
      upgrade: (_, { query }) => (query.has('early') ? reject('no') : undefined),
      connect: async (_, { query }) => (query.has('late') ? reject('no') : undefined),
    })
    await using server = await start({ plugins: [wall] })
    await expect(connectPhoenix(server, { query: 'early' })).rejects.toThrow('no connection')
    await expect(connectPhoenix(server, { query: 'late' })).rejects.toThrow('no connection')
    await using client = await connectPhoenix(server)
    await client.expectNothing()
    expect(server.totals.connectionsRefused).toBe(2)
  })

  test.each(['', 'vsn=1.0.0', 'vsn=1.0.7', 'a[b]=1&&c=&__proto__=1&', 'vsn=x&vsn=2.0.4'])(
    'with ?%s it is open, and silent until it is spoken to (1, 6, trap 12)',
    async (query) => {
      await using server = await start()
      const client = await server.raw({ path: `/socket/websocket?${query}`, hello: false })
      await client.opened
      const ref = '"1"'
      client.send(
        query === 'vsn=x&vsn=2.0.4'
          ? `[null,${ref},"phoenix","heartbeat",{}]`
          : `{"topic":"phoenix","event":"heartbeat","payload":{},"ref":${ref}}`,
      )
      expect(await client.next()).toContain('"phx_reply"')
      client.socket.close()
    },
  )

  test('of the protocols that are offered phoenix is chosen, and no token sent back (5)', async () => {
    await using server = await start()
    const protocols = ['base64url.bearer.phx.c2VjcmV0', 'phoenix']
    await using client = await connectPhoenix(server, { protocols })
    expect(client.client.socket.protocol).toBe('phoenix')
  })

  test('a leaving server refuses newcomers', async () => {
    await using server = await start()
    server.core.state.draining = true
    await expect(connectPhoenix(server)).rejects.toThrow('no connection')
  })

  test('/push_socket belongs to the only app; with several a client says which', async () => {
    await using server = await start({ apps: TWO_APPS })
    await expect(connectPhoenix(server, { mount: '/push_socket' })).rejects.toThrow('no connection')
    await using client = await connectPhoenix(server, {
      mount: '/push_socket',
      query: 'app_key=k8',
    })
    expect(await client.join('room')).toEqual({})
    expect(server.core.hub.channel(server.core.apps.byId('8')!, 'room' as never)).toBeDefined()
  })

  test('in development they are the published app’s, whatever else there is', async () => {
    await using server = await start()
    await server.admin('/api/admin/apps', { method: 'POST', body: '{"app":{"name":"another"}}' })
    await using client = await connectPhoenix(server, { mount: '/push_socket' })
    await client.join('room')
    expect(server.core.hub.channel(server.core.apps.byId('1')!, 'room' as never)).toBeDefined()
  })
})

const NO_SUCH_APP = 'CARILLON_PUSHEX_APP names an app that does not exist'

test('or the setting says whose those are who say nothing', async () => {
  await using server = await start({ apps: TWO_APPS, config: { pushexApp: '8' } })
  expect(server.log.lines.map(({ message }) => message)).not.toContain(NO_SUCH_APP)
  await using client = await connectPhoenix(server, { mount: '/push_socket' })
  await client.join('room')
  expect(server.core.hub.channel(server.core.apps.byId('8')!, 'room' as never)).toBeDefined()
})

test('a setting that names nobody is said at the start', async () => {
  await using server = await start({ config: { pushexApp: 'nobody' } })
  const warnings = server.log.lines.filter(({ message }) => message === NO_SUCH_APP)
  expect(warnings).toMatchObject([{ level: 'warn', fields: { appId: 'nobody' } }])
})
