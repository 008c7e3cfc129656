/** Which server a command talks to, and as whom; what it says where that fails. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatAddress, listenAddress } from '../../src/config/admin-settings'
import { COMMANDS } from '../../src/cli/commands'
import { EXITS } from '../../src/cli/exits'
import { start, startCommon } from '../harness'
import { envOf, rowsOf, Running, runOn, type Outcome } from './run'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const server = startCommon()

const run = (args: string, env: Record<string, string> = {}): Promise<Outcome> =>
  new Running(args.split(' '), { env, folder }).finished

const NO_TOKEN = ' (The token is not one of Carillon, or has a typo)'

test('credentials are found in their order, and never shown', async () => {
  const { port } = server()
  const base = `http://127.0.0.1:${port}`
  const admin = { PUSHER_ADMIN_USERNAME: 'nobody', PUSHER_ADMIN_PASSWORD: 'pass-1' }
  writeFileSync(join(folder, 'token'), 'pass-2\n')
  const refused = async (
    args: string,
    env: Record<string, string>,
    source: string,
  ): Promise<void> => {
    const { code, out, err } = await run(args, { PORT: String(port), ...env })
    expect([code, out, err]).toEqual([
      4,
      '',
      `carillon: not authorised with ${source}: set CARILLON_TOKEN, or PUSHER_ADMIN_USERNAME and PUSHER_ADMIN_PASSWORD\n`,
    ])
  }
  await refused('apps list', admin, 'PUSHER_ADMIN_USERNAME and PUSHER_ADMIN_PASSWORD')
  await refused('apps list', { ...admin, CARILLON_TOKEN: 'pass-3' }, `CARILLON_TOKEN${NO_TOKEN}`)
  await refused(
    `apps list --token-file ${folder}/token`,
    { CARILLON_TOKEN: 'pass-3' },
    `--token-file${NO_TOKEN}`,
  )
  await refused('apps list', { CARILLON_URL: `http://a:pass-4@127.0.0.1:${port}` }, 'CARILLON_URL')
  const typed = await run(`apps list --url http://a:pass-4@127.0.0.1:${port}`, {
    CARILLON_URL: base,
  })
  expect(typed.err).toStartWith(
    'carillon: a password in --url is shown to everybody by `ps`: CARILLON_URL',
  )
  expect([typed.code, typed.err.includes('pass-4')]).toEqual([4, false])
  const own = {
    PUSHER_ADMIN_USERNAME: 'pusher_admin_username',
    PUSHER_ADMIN_PASSWORD: 'pusher_admin_password',
  }
  expect((await run(`apps list --url ${base}`, own)).code).toBe(0)
})

test('the address for admins is that of the settings, a socket too', async () => {
  for (const address of [`unix:${join(folder, 'admin.sock')}`, '127.0.0.1:0']) {
    await using apart = await start({ config: { adminListen: listenAddress(address)! } })
    const given = formatAddress(apart.server.adminAddress!)
    const env = { ...envOf(apart), CARILLON_ADMIN_LISTEN: given }
    expect(rowsOf(await run('apps list', env))[0]![1]).toBe('test-app')
    expect((await run('channels', env)).code).toBe(0)
    expect((await run('apps list', envOf(apart))).code).toBe(5)
    if (address.startsWith('unix:'))
      expect((await run('apps list', { CARILLON_URL: address })).code).toBe(0)
  }
})

test('an app is found by PUSHER_URL, by --app, by the settings, else it is the one that these bring', async () => {
  server().addTenant()
  const channels = async (args: string, env: Record<string, string> = {}) =>
    (await runOn(server(), `channels ${args}`.trim(), { env })).code
  const { app, port } = server()
  await using alice = await server().raw()
  await alice.subscribed('room')
  expect(rowsOf(await runOn(server(), 'channels'))).toEqual([['room', '1', '']])
  expect((await runOn(server(), 'channels --app other')).out).toBe('')
  const url = `http://k:s@127.0.0.1:${port}/apps/8`
  expect((await runOn(server(), 'channels', { env: { PUSHER_URL: url } })).out).toBe('')
  expect(await channels('', { PUSHER_URL: url.replace(':s@', ':x@') })).toBe(4)
  expect(await channels('', { PUSHER_URL: url.replace('/apps/8', '/apps/9') })).toBe(5)
  const own = { PUSHER_APP_ID: app.id, PUSHER_APP_KEY: app.key, PUSHER_APP_SECRET: 'wrong' }
  expect(await channels('', own)).toBe(4)
  expect(await channels('--app nobody')).toBe(5)
})

const WRONG: readonly (readonly [
  args: string,
  env: Record<string, string>,
  code: number,
  err: string,
])[] = [
  [
    'apps list',
    { PORT: '1' },
    3,
    'http://127.0.0.1:1 cannot be reached (nothing listens on that port): does a server run there? --url or CARILLON_URL names another',
  ],
  [
    'apps list',
    { PORT: '0' },
    2,
    'PORT has port 0: the server chose one of its own; --url or CARILLON_URL names it',
  ],
  ['apps list', { PORT: 'x' }, 2, 'PORT=x: expected an integer from 0 to 65535'],
  [
    'apps list',
    { CARILLON_URL: 'pass-1' },
    2,
    'CARILLON_URL: expected an URL like http://127.0.0.1:6001',
  ],
  [
    'apps list',
    { CARILLON_URL: 'ftp://a:pass-1@h' },
    2,
    'CARILLON_URL: expected an URL like http://127.0.0.1:6001, and not one that begins with ftp://',
  ],
  [
    'channels',
    { PUSHER_URL: 'http://127.0.0.1:1/apps/1' },
    2,
    'PUSHER_URL: expected http://KEY:SECRET@HOST:PORT/apps/ID',
  ],
  [
    'apps list',
    { CARILLON_TOKEN: 'pass 1' },
    2,
    'CARILLON_TOKEN holds no token: expected one line of letters, digits and -._~+/=',
  ],
  [
    'apps list',
    { HOST: '127.0.0.1', CARILLON_TRUSTED_PROXIES: '10.0.0.1', PORT: '1' },
    4,
    'no credentials for http://127.0.0.1:1: set CARILLON_TOKEN, or PUSHER_ADMIN_USERNAME and PUSHER_ADMIN_PASSWORD',
  ],
  [
    'apps list --token-file none',
    {},
    2,
    "--token-file: ENOENT: no such file or directory, open 'none'",
  ],
  [
    'listen a',
    { PORT: '1', PUSHER_URL: 'http://k:pass-1@127.0.0.1:1/apps/1' },
    3,
    'http://127.0.0.1:1 cannot be reached (no answer): does a server run there? --url or CARILLON_URL names another',
  ],
]

test.each(WRONG)('%s with %p ends with %d', async (args, env, code, err) => {
  expect(await run(args, env)).toEqual({ code, out: '', err: `carillon: ${err}\n` })
})

test('a path prefix is part of every address of an app', async () => {
  await using apart = await start({ config: { pathPrefix: '/realtime' } })
  const { app, port } = apart
  const url = `http://${app.key}:${app.secret}@127.0.0.1:${port}/realtime/apps/${app.id}`
  for (const env of [{ ...envOf(apart), CARILLON_PATH_PREFIX: '/realtime' }, { PUSHER_URL: url }]) {
    const listening = new Running(['listen', 'room', '--count', '1'], { env, folder })
    await listening.err.inbox.next('the subscription')
    expect((await run('trigger room e data', env)).code).toBe(0)
    expect((await listening.finished).out).toContain('\tdata\n')
    expect((await run('apps list', env)).code).toBe(0)
  }
  expect((await run('channels', envOf(apart))).code).toBe(5)
})

test('a server that is elsewhere, is busy, or is none of ours is said', async () => {
  const answers: Response[] = []
  await using other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => answers.shift()! })
  const said = async (answer: Response): Promise<readonly [number, string]> => {
    answers.push(answer)
    const { code, err } = await run('apps list', { PORT: String(other.port) })
    return [code, err.replace('carillon: ', '').trimEnd()]
  }
  const elsewhere = new Response('', { status: 301, headers: { location: 'https://a.example/' } })
  expect(await said(elsewhere)).toEqual([
    1,
    'the server is elsewhere: it answers 301 with https://a.example/',
  ])
  const busy = new Response('Too many logins', { status: 429, headers: { 'retry-after': '7' } })
  expect(await said(busy)).toEqual([1, 'refused with 429: Too many logins; try again in 7 s'])
  expect(await said(new Response('not local', { status: 403 }))).toEqual([
    4,
    'refused with 403: not local',
  ])
  expect(await said(new Response('<html>'))).toEqual([
    1,
    'the answer is no JSON: does --url name a Carillon server?',
  ])
  expect(await said(new Response('<html>\u001b[2J', { status: 500 }))).toEqual([
    1,
    'refused with 500',
  ])
  const evil = Response.json({ errors: { name: ['is \u001b[2J'] } }, { status: 422 })
  expect(await said(evil)).toEqual([1, 'refused with 422: name is \\u001b[2J'])
})

/** All that may be a secret, in an environment where nothing answers. */
const SECRETIVE = {
  PORT: '1',
  PUSHER_URL: 'http://k:pass-1@127.0.0.1:1/apps/1',
  CARILLON_TOKEN: 'pass-2',
  PUSHER_ADMIN_USERNAME: 'root',
  PUSHER_ADMIN_PASSWORD: 'pass-3',
  PUSHER_APP_ID: '1',
  PUSHER_APP_KEY: 'k',
  PUSHER_APP_SECRET: 'pass-4',
  CARILLON_METRICS_TOKEN: 'pass-5',
  CARILLON_WEBHOOKS: '[{"url":"http://u:pass-6@127.0.0.1:1/"}]',
}
const FAILING = COMMANDS.filter(({ name }) => name !== 'serve')

test.each(FAILING.map(({ name }) => name))(
  '%s prints no secret, and fails in lines',
  async (name) => {
    const { arguments: expected = [], options = [] } = FAILING.find((row) => row.name === name)!
    const args = [...name.split(' '), ...expected.map(() => 'x')]
    const ways = options.some(([flags]) => flags === '--json')
      ? [args, [...args, '--json']]
      : [args]
    for (const way of ways) {
      const ended = await new Running(way, { env: SECRETIVE, folder }).finished
      expect(JSON.stringify(ended)).not.toContain('pass-')
      expect(Object.values(EXITS).map(({ code }) => code as number)).toContain(ended.code)
      expect(ended.err === '' || /^(?:carillon: .+\n)+$/.test(ended.err)).toBe(true)
    }
  },
)
