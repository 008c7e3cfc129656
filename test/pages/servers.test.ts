/** Where the page sends requests, at an address for admins and elsewhere. */
import { expect, test } from 'bun:test'
import { takeServers } from '../../src/pages/swagger/servers'
import type { Document } from '../../src/pages/swagger/schemes'
import { start } from '../harness'

const AT = new URL('http://localhost:6002/swagger/json')

test.each(['', '/realtime'])(
  'those to routes of apps go below the page, prefix %j, and are known by their answers',
  async (pathPrefix) => {
    const adminListen = { host: '127.0.0.1', port: 0 }
    await using server = await start({ config: { adminListen, pathPrefix } })
    const document = (await (await server.adminHttp('/swagger/json')).json()) as Document
    const root = new URL(document.servers[0].url, AT)
    const { sendTo, madeFor } = takeServers(document, root, AT)
    const base = `http://localhost:6002${pathPrefix}`
    const below = `http://localhost:6002/swagger/public${pathPrefix}`
    for (const [method, path, isMoved] of [
      ['POST', '/apps/1/events', true],
      ['GET', '/apps/1/channels/a%2Fb?info=cache', true],
      ['post', '/api/push?app_key=a', true],
      ['GET', '/api/admin/apps?a=/apps/1/channels', false],
      ['GET', '/up', false],
      ['DELETE', '/apps/1/events', false], // no operation
    ] as const) {
      const sent = sendTo(`${base}${path}`, method)
      expect(sent).toBe(`${isMoved ? below : base}${path}`)
      expect(madeFor(sent)).toBe(`${base}${path}`)
    }
    expect(JSON.stringify(document.paths)).not.toContain('"servers":')
  },
)
