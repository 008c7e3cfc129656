/** A proxy that passes no upgrade on: whoever sets it up reads what is missing. */
import { expect, test } from 'bun:test'
import { start } from '../harness'

test.each(['', '/prefix'])(
  'a socket’s path without an upgrade is 426, below %p',
  async (prefix) => {
    await using server = await start({ config: { pathPrefix: prefix } })
    const path = `${prefix}/app/test-app-fake-key?protocol=7`
    const response = await server.http(path, { headers: { connection: 'close' } })
    expect([response.status, response.headers.get('upgrade')]).toEqual([426, 'websocket'])
    expect(await response.text()).toMatch(/Upgrade: websocket.*proxy_http_version 1\.1/)
    for (const [method, elsewhere] of [
      ['POST', path],
      ['GET', `${prefix}/app/`],
      ['GET', `${prefix}/app/a/b`],
    ] as const)
      expect((await server.http(elsewhere, { method })).status).toBe(404)
  },
)
