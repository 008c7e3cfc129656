/** Origin check: who is let in, and how that is set. Phoenix contract 1.11. */
import { afterAll, describe, expect, test } from 'bun:test'
import { Kit, ManualClock, MemoryLog, testPlugin, type RawClient } from 'carillon/plugin-kit'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { originCheck } from '../../plugins/origin-check'
import { readConfig } from '../../src/config/config'
import { loadConfigFile } from '../../src/config/config-file'
import { definePlugin } from '../../src/plugin'
import { createServer } from '../../src/server'
import { startCommon, OWN_APP, makePlugin, start, waitFor } from '../harness'
import { ORIGINS, WRONG_PATTERNS } from '../vectors/origins'

const ROOT = join(import.meta.dir, '../..')
const MESSAGE = "Origin not allowed; the server's log says how to allow it"

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What a request with these header lines is answered on the socket: `in`, or a close code. Bytes are Latin-1. */
async function answerTo(kit: Kit, headers: readonly string[], key = kit.app.key) {
  const lines = [
    `GET /app/${key}?protocol=7 HTTP/1.1`,
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  ]
  const socket = connect(kit.port, '127.0.0.1')
  const { promise, resolve, reject } = Promise.withResolvers<string | number>()
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
    const code = /"pusher:error","data":\{"code":(\d+)/.exec(text)?.[1]
    if (code) resolve(Number(code))
    if (text.includes('connection_established')) resolve('in')
  })
  socket.on('error', reject)
  socket.on('close', () => reject(new Error(`closed after: ${text}`)))
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  try {
    return await waitFor(`an answer to ${headers.join()}`, promise)
  } finally {
    socket.destroy()
  }
}

const lines = (headers: Readonly<Record<string, string>>): string[] =>
  Object.entries(headers).map(([name, value]) => `${name}: ${value}`)

/** A page of that origin; its hello is not read. */
const page = (kit: Kit, origin: string): Promise<RawClient> =>
  kit.raw({ hello: false, headers: { origin } })

const setHosts = (kit: Kit, hosts: unknown, slug = 'test-app'): Promise<Response> =>
  kit.admin(`/api/admin/apps/${slug}`, {
    method: 'PATCH',
    body: JSON.stringify({ app: { hosts } }),
  })

describe('the matrix', () => {
  test.each(ORIGINS)('$name', async ({ hosts, headers, allowed = [], refused = [] }) => {
    await using server = await start({ plugins: [originCheck({ hosts })], apps: [OWN_APP] })
    const others = lines({ host: 'localhost', ...headers })
    const request = async (origin: string) => [
      origin,
      await answerTo(server, [...others, `origin: ${origin}`]),
    ]
    expect(await Promise.all(allowed.map(request))).toEqual(allowed.map((origin) => [origin, 'in']))
    expect(await Promise.all(refused.map(request))).toEqual(refused.map((origin) => [origin, 4009]))
    expect(await answerTo(server, others)).toBe('in') // who sends no origin is no page
    expect(server.log.lines.filter(({ message }) => message === 'plugin failed')).toEqual([])
  })

  const BYTES: readonly (readonly [name: string, headers: readonly string[]])[] = [
    ['two of them, the good one first', ['origin: http://good.com', 'origin: http://evil.com']],
    ['two of them, the good one last', ['origin: http://evil.com', 'origin: http://good.com']],
    ['bytes beyond ASCII', ['origin: http://good.com\xff']],
    ['a name in UTF-8 in place of punycode', ['origin: http://b\xc3\xbccher.example']],
    ['a tab', ['origin: http://good.com\tx']],
    ['8 KB', [`origin: http://good.com${'a'.repeat(8000)}`]],
  ]
  test.each(BYTES)('%s is no origin', async (_, headers) => {
    await using server = await start({
      plugins: [originCheck({ hosts: ['//good.com', '//bücher.example'] })],
    })
    expect(await answerTo(server, ['host: localhost', ...headers])).toBe(4009)
  })
})

describe('the lists', () => {
  const global = originCheck({ hosts: ['https://everywhere.example'] })

  test('an app’s own counts, and the global one where it has none', async () => {
    await using server = await start({
      plugins: [global],
      apps: [
        { id: '1', key: 'own', secret: 's', hosts: ['https://own.example'] },
        { id: '2', key: 'none', secret: 's' },
      ],
    })
    const request = async (key: string, origin: string) =>
      answerTo(server, ['host: localhost', `origin: ${origin}`], key)
    expect(await request('own', 'https://own.example')).toBe('in')
    expect(await request('own', 'https://everywhere.example')).toBe(4009)
    expect(await request('none', 'https://own.example')).toBe(4009)
    expect(await request('none', 'https://everywhere.example')).toBe('in')
  })

  test('the global one is asked where there is no app', async () => {
    await using server = await start({ plugins: [global] })
    const request = async (origin: string) =>
      answerTo(server, ['host: localhost', `origin: ${origin}`], 'nobody')
    expect(await request('https://everywhere.example')).toBe(4001)
    expect(await request('https://evil.example')).toBe(4009)
  })

  test('an app’s list changes live: the next page meets it, connections stay', async () => {
    await using server = await start({ plugins: [originCheck()] })
    await using early = await page(server, 'https://evil.example')
    await early.hello()

    expect((await setHosts(server, ['https://good.example'])).status).toBe(200)
    await using late = await page(server, 'https://evil.example')
    expect(await late.next()).toBe(
      `{"event":"pusher:error","data":{"code":4009,"message":"${MESSAGE}"}}`,
    )
    expect(await late.closing()).toEqual({ code: 4009, reason: MESSAGE })
    await early.expectNothing()

    await setHosts(server, ['https://good.example', 'https://evil.example'])
    await using invited = await page(server, 'https://evil.example')
    await invited.hello()

    await setHosts(server, [])
    await using anybody = await page(server, 'null')
    await anybody.hello()
  })

  test('an app is created with one', async () => {
    await using server = await start({ plugins: [originCheck()] })
    const app = { name: 'with hosts', key: 'with-hosts', hosts: ['//*.good.example', 'conn'] }
    const created = await server.admin('/api/admin/apps', {
      method: 'POST',
      body: JSON.stringify({ app }),
    })
    const body = (await created.json()) as { data: object }
    expect(body.data).toMatchObject({ hosts: app.hosts })
    const request = (origin: string) =>
      answerTo(server, ['host: localhost', `origin: ${origin}`], 'with-hosts')
    expect(await request('https://a.good.example')).toBe('in')
    expect(await request('http://localhost')).toBe('in')
    expect(await request('https://evil.example')).toBe(4009)
  })

  test('a stored pattern that means nothing matches nothing, and is told once', async () => {
    const databasePath = join(folder, 'stored.sqlite')
    const lax = definePlugin({
      ...makePlugin('lax', {}),
      enforces: { hosts: () => undefined },
    })
    {
      await using before = await start({ plugins: [lax], config: { databasePath } })
      expect((await setHosts(before, ['good.example'])).status).toBe(200)
    }
    await using server = await start({ plugins: [originCheck()], config: { databasePath } })
    for (const origin of ['https://good.example', 'http://good.example']) {
      await using client = await page(server, origin)
      expect((await client.closing()).code).toBe(4009)
    }
    const message = 'hosts hold patterns that match no origin'
    const fields = { plugin: 'origin-check', hosts: ['good.example'] }
    // One line for two connections: a list is read once.
    expect(server.log.lines.filter((line) => line.message === message)).toEqual([
      { level: 'warn', message, fields },
    ])
  })
})

describe('a pattern that means nothing', () => {
  const server = startCommon({ plugins: [originCheck()] })
  test.each(WRONG_PATTERNS)('%j is refused by the admin API', async (pattern, says) => {
    const refused = await setHosts(server(), ['https://good.example', pattern])
    const body = (await refused.json()) as { errors: { hosts: string[] } }
    expect([refused.status, body.errors.hosts]).toEqual([
      422,
      [expect.stringContaining(`has ${JSON.stringify(pattern)}: ${says}`)],
    ])
  })

  const OPTIONS: readonly (readonly [options: unknown, says: string])[] = [
    [{ hosts: ['//good.example', 'x'] }, 'hosts has "x": expected //host or scheme://host'],
    [{ hosts: [5] }, 'hosts has 5: expected text'],
    [{ hosts: [undefined] }, 'hosts has undefined: expected text'],
    [{ hosts: '//good.example' }, 'hosts: expected a list of patterns'],
    [{ host: ['//good.example'] }, 'the option host is unknown; known is hosts'],
  ]
  test.each(OPTIONS)('%j stops the start with one line', async (options, says) => {
    const reason = await start({ plugins: [originCheck(options as object)] }).then(
      () => 'it started',
      ({ name, message }: Error) => `${name}: ${message}`,
    )
    expect(reason).toStartWith(`PluginError: plugin origin-check: ${says}`)
    expect(reason).not.toContain('\n')
  })
})

describe('the configuration file', () => {
  const write = (name: string, hosts: unknown): string => {
    const plugin = JSON.stringify(join(ROOT, 'plugins/origin-check.ts'))
    writeFileSync(
      join(folder, name),
      `import { originCheck } from ${plugin}
       export default {
         plugins: [originCheck()],
         apps: [{ id: '1', key: 'filed', secret: 's', hosts: ${JSON.stringify(hosts)} }],
       }`,
    )
    return name
  }

  test('brings apps with hosts, enforced from the start', async () => {
    const file = await loadConfigFile(write('good.ts', ['https://good.example']), folder)
    const config = readConfig({ PORT: '0', DATABASE_PATH: ':memory:' })
    const [clock, log] = [new ManualClock(Date.now()), new MemoryLog()]
    const server = await createServer({ config, clock, log, ...file })
    await using kit = new Kit({ server, config, clock, log })
    const request = (origin: string) => answerTo(kit, ['host: localhost', `origin: ${origin}`])
    expect(await request('https://good.example')).toBe('in')
    expect(await request('https://evil.example')).toBe(4009)
  })

  test('is refused with a pattern that means nothing', async () => {
    await expect(loadConfigFile(write('bad.ts', ['good.example']), folder)).rejects.toThrow(
      'bad.ts: apps[0].hosts: has "good.example": expected //host',
    )
  })

  test('the repository’s own has the plugin', async () => {
    const { plugins } = await loadConfigFile(undefined, ROOT)
    expect(plugins.map(({ name }) => name)).toContain('origin-check')
  })
})

test('keeps the contract of plugins', async () => {
  await testPlugin(originCheck({ hosts: ['conn'] }))
})
