/** Origin check: what stock clients make of a refusal, and what the operator reads of it. */
import { describe, expect, test } from 'bun:test'
import type { Kit } from 'carillon/plugin-kit'
import { connect, createServer, type AddressInfo } from 'node:net'
import { originCheck } from '../../plugins/origin-check'
import { start } from '../harness'

const HOUR_MS = 3_600_000

describe('pusher-js', () => {
  test('takes the refusal as final', async () => {
    await using server = await start({ plugins: [originCheck({ hosts: ['//good.example'] })] })
    await using site = await pageOf(server, 'https://evil.example')
    await using client = server.pusher({ options: { wsPort: site.port } })
    expect(await client.errors.next()).toMatchObject({ error: { data: { code: 4009 } } })
    expect(await client.states.next()).toBe('disconnected') // where it has no timer left
    await using marker = await server.raw()
    await marker.expectNothing()
    expect([client.states.unread, site.connections()]).toEqual([[], 1])
  })

  test('connects from an origin that is allowed', async () => {
    await using server = await start({ plugins: [originCheck({ hosts: ['//good.example'] })] })
    await using site = await pageOf(server, 'https://good.example')
    await using client = server.pusher({ options: { wsPort: site.port } })
    await client.subscribe('room')
  })
})

/** Stands between a client and the server and adds the header that a browser would, which nothing else can. */
async function pageOf(server: Kit, origin: string) {
  let connections = 0
  const relay = createServer((client) => {
    connections++
    const upstream = connect(server.port, '127.0.0.1')
    client.once('data', (head) => {
      upstream.write(head.toString('latin1').replace('\r\n', `\r\nOrigin: ${origin}\r\n`))
      client.pipe(upstream)
    })
    upstream.pipe(client)
    client.on('error', () => upstream.destroy())
    upstream.on('error', () => client.destroy())
  })
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  return {
    port: (relay.address() as AddressInfo).port,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => void relay.close(),
  }
}

describe('the log', () => {
  const refuse = async (kit: Kit, origin: string, key = kit.app.key): Promise<void> => {
    const path = `/app/${key}?protocol=7`
    await using client = await kit.raw({ path, hello: false, headers: { origin } })
    expect((await client.closing()).code).toBe(4009)
  }
  const findLogged = ({ log }: Kit) =>
    log.lines.filter(({ fields }) => (fields as { plugin?: string }).plugin === 'origin-check')
  const origins = (kit: Kit) =>
    findLogged(kit).map(({ fields }) => (fields as { origin?: string }).origin ?? 'no more')
  const readCounts = async (kit: Kit): Promise<unknown> => {
    const answer = await kit.admin('/api/admin/plugins')
    const { data } = (await answer.json()) as {
      data: { hooks: { name: string; refusals: number }[]; counters: { count: number }[] }[]
    }
    return [data[0]!.hooks[0]!.refusals, data[0]!.counters[0]!.count]
  }

  const own = { id: '1', key: 'own', secret: 's', name: 'My shop', hosts: ['https://good.example'] }
  const none = { id: '2', key: 'none', secret: 's', name: 'My blog' }
  const EVIL = 'https://evil.example'
  const OPTION = 'the hosts of originCheck() in carillon.config.ts'
  const LINES: readonly {
    readonly name: string
    readonly key: string
    readonly origin: string
    readonly fields: object
  }[] = [
    {
      name: 'an app’s own list',
      key: 'own',
      origin: EVIL,
      fields: {
        appId: '1',
        allowed: ['https://good.example'],
        toAllow: `add ${EVIL} to the hosts of app my-shop (PATCH /api/admin/apps/my-shop)`,
      },
    },
    {
      name: 'the list of the options',
      key: 'none',
      origin: EVIL,
      fields: {
        appId: '2',
        allowed: ['conn'],
        toAllow: `add ${EVIL} to ${OPTION}, or list all that this app allows in the hosts of app my-blog (PATCH /api/admin/apps/my-blog)`,
      },
    },
    {
      name: 'no app',
      key: 'nobody',
      origin: EVIL,
      fields: { appId: undefined, allowed: ['conn'], toAllow: `add ${EVIL} to ${OPTION}` },
    },
    {
      name: 'an origin without host',
      key: 'own',
      origin: 'null',
      fields: { toAllow: 'no pattern can: it is not scheme, host and port' },
    },
    {
      name: 'bytes that are no origin, cut and harmless',
      key: 'own',
      origin: `a\xff${'x'.repeat(500)}`,
      fields: { origin: expect.stringMatching(/^a\?+x{190,198}$/) },
    },
  ]
  test.each(LINES)('of $name says how to allow the origin', async ({ key, origin, fields }) => {
    await using server = await start({
      plugins: [originCheck({ hosts: ['conn'] })],
      apps: [own, none],
    })
    await refuse(server, origin, key)
    const addressedAs = `http://127.0.0.1:${server.port}`
    const expected = { plugin: 'origin-check', origin, addressedAs, ...fields }
    expect(findLogged(server)).toMatchObject([
      { level: 'warn', message: 'origin refused', fields: expected },
    ])
  })

  test('has one line for each app and origin in an hour; the rest is counted', async () => {
    await using server = await start({
      plugins: [originCheck({ hosts: ['conn'] })],
      apps: [own, none],
    })
    for (const key of ['own', 'own', 'none', 'own'])
      await refuse(server, 'https://evil.example', key)
    expect(origins(server)).toEqual(['https://evil.example', 'https://evil.example'])
    expect(await readCounts(server)).toEqual([4, 2])

    server.advance(HOUR_MS)
    await refuse(server, 'https://evil.example', 'own')
    expect(origins(server)).toHaveLength(3)
  })

  test('is not flooded by origins that are made up, nor silent for other apps', async () => {
    await using server = await start({
      plugins: [originCheck({ hosts: ['conn'] })],
      apps: [own, none],
    })
    const made = Array.from({ length: 25 }, (_, n) => `https://${n}.evil.example`)
    for (const origin of made) await refuse(server, origin, 'own')
    expect(origins(server)).toEqual([...made.slice(0, 20), 'no more'])
    expect(await readCounts(server)).toEqual([25, 5])

    await refuse(server, 'https://evil.example', 'none')
    expect(origins(server).at(-1)).toBe('https://evil.example')
  })
})
