/** `carillon doctor`. */
import { afterAll, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { version } from '../../package.json'
import { MIGRATIONS } from '../../src/store/migrations'
import { openDatabase } from '../../src/store/sqlite'
import { start, startCommon } from '../harness'
import { envOf, rowsOf, Running, type Outcome } from './run'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const server = startCommon()

const run = (args: string, env: Record<string, string> = {}): Promise<Outcome> =>
  new Running(args.split(' '), { env, folder }).finished

test('the doctor finds a server well, and says what it has looked at', async () => {
  const databasePath = join(folder, 'well.sqlite')
  await using well = await start({ config: { databasePath } })
  const env = { ...envOf(well), DATABASE_PATH: databasePath }
  const { code, out } = await new Running(['doctor'], { env, folder }).finished
  expect(code).toBe(0)
  const found = rowsOf({ code, out, err: '' })
  const about = (check: string): string[] =>
    found.filter((row) => row[1] === check).map((row) => row[2]!)
  expect(about('server')).toEqual([`http://127.0.0.1:${well.port} is ready`])
  expect(about('versions')[0]).toContain(`Carillon ${version} on Bun ${Bun.version}`)
  expect(about('database')).toEqual([
    `${databasePath} is for its owner (600)`,
    'the server uses it',
  ])
  expect(about('outside')[0]).toStartWith('no client of another machine gets in: HOST=127.0.0.1')
  expect(about('credentials')[0]).toContain('the published ones')
  const table = await new Running(['doctor'], { env, folder, isTerminal: true }).finished
  expect(table.out.split('\n').every((line) => line.length <= 80)).toBe(true)

  chmodSync(databasePath, 0o644)
  const other = {
    ...env,
    CARILLON_TRUSTED_PROXIES: '0.0.0.0/0',
    HOST: '0.0.0.0',
    PUSHER_ADMIN_USERNAME: 'a',
    PUSHER_ADMIN_PASSWORD: 'b',
  }
  const ill = await new Running(['doctor', '--json'], { env: other, folder }).finished
  const findings = JSON.parse(ill.out) as readonly { state: string; check: string; about: string }[]
  expect(ill.code).toBe(1)
  const failed = findings.filter(({ state }) => state === 'fail').map(({ check }) => check)
  expect(failed).toEqual(['database', 'proxies'])
  expect(findings.find(({ check }) => check === 'outside')!.about).toContain(
    'every address of this machine',
  )
})

mkdirSync(join(folder, 'workers.2.sqlite'))
const WORKERS = {
  DATABASE_PATH: join(folder, 'workers.sqlite'),
  CARILLON_REDIS_URL: 'redis://127.0.0.1:1',
}

const ILL: readonly (readonly [
  what: string,
  env: Record<string, string>,
  finding: [state: string, check: string, about: string],
])[] = [
  [
    'settings',
    { PORT: 'abc' },
    ['fail', 'settings', 'PORT=abc: expected an integer from 0 to 65535'],
  ],
  [
    'a file that is no database',
    { DATABASE_PATH: import.meta.path },
    ['fail', 'database', 'is not a SQLite database'],
  ],
  [
    'another host',
    { CARILLON_URL: 'https://example.org' },
    ['ok', 'server', 'https://example.org is not this machine, and is not asked'],
  ],
  ['a database in memory', { DATABASE_PATH: ':memory:' }, ['warn', 'database', 'it is in memory']],
  [
    'the database of a worker',
    { ...WORKERS, CARILLON_WORKERS: '2' },
    ['fail', 'database', 'workers.2.sqlite is no file'],
  ],
  [
    'more workers than cores',
    { ...WORKERS, CARILLON_WORKERS: '256' },
    ['warn', 'cores', '256 workers share '],
  ],
  [
    'a proxy here',
    { CARILLON_TRUSTED_PROXIES: '127.0.0.1' },
    ['ok', 'outside', 'through the proxy only'],
  ],
]

test.each(ILL)(
  'the doctor says what is to be said of %s',
  async (_what, env, [state, check, about]) => {
    const { out } = await run('doctor', { PORT: '1', ...env })
    const found = rowsOf({ code: 0, out, err: '' }).filter((row) => row[1] === check)
    expect(found).toContainEqual([state, check, expect.stringContaining(about)])
  },
)

test('the doctor knows files of other versions, and published secrets where others can come', async () => {
  const databasePath = join(folder, 'versions.sqlite')
  const env = { PORT: '1', DATABASE_PATH: databasePath }
  using db = openDatabase(databasePath)
  const secret = ['--set', 'secret=test-app-fake-secret']
  const create = ['apps', 'create', 'risky', ...secret, '--database', databasePath]
  expect((await new Running(create, { folder }).finished).code).toBe(0)
  const own = {
    PUSHER_ADMIN_USERNAME: 'a',
    PUSHER_ADMIN_PASSWORD: 'b',
    CARILLON_TRUSTED_PROXIES: '10.0.0.1',
  }
  expect((await run('doctor', { ...env, ...own })).out).toMatch(
    /warn\tcredentials\tthe apps \d+ have the published/,
  )
  const about = async (version: number): Promise<string> => {
    db.run(`PRAGMA user_version = ${version}`)
    return (await run('doctor', env)).out
  }
  expect(await about(MIGRATIONS.length - 1)).toContain('ok\tdatabase\tits schema is older')
  expect(await about(MIGRATIONS.length + 1)).toMatch(/fail\tdatabase\t.*written by a newer version/)
})

test('the doctor tells how old the newest backup is', async () => {
  const backups = join(folder, 'backups')
  mkdirSync(backups)
  const about = async (): Promise<string[]> => {
    const env = { PORT: '1', CARILLON_BACKUP_PATH: backups, DATABASE_PATH: join(folder, 'none') }
    return rowsOf(await run('doctor', env)).find((row) => row[1] === 'backups')!
  }
  expect(await about()).toEqual(['warn', 'backups', `${backups} has none`])
  writeFileSync(join(backups, 'carillon-1.sqlite'), '')
  expect((await about())[0]).toBe('ok')
  const old = new Date(Date.now() - 3 * 86_400_000)
  utimesSync(join(backups, 'carillon-1.sqlite'), old, old)
  expect(await about()).toEqual([
    'fail',
    'backups',
    `the newest one in ${backups} is 3 d old, and another one is due`,
  ])
})

test('the doctor finds a port that another program has, and one that is free', async () => {
  await using other = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => new Response('', { status: 404 }),
  })
  const taken = await run('doctor', { PORT: String(other.port) })
  expect(taken.out).toContain(
    `fail\tserver\twhat answers at http://127.0.0.1:${other.port} is no Carillon server (404`,
  )
  const { port } = other
  await other.stop(true)
  expect((await run('doctor', { PORT: String(port) })).out).toContain(
    `warn\tserver\tnothing answers at http://127.0.0.1:${port}; port ${port} is free`,
  )
})

test('the doctor finds an address for admins that nobody answers at', async () => {
  const env = { ...envOf(server()), CARILLON_ADMIN_LISTEN: 'unix:/run/none/admin.sock' }
  const { code, out } = await run('doctor', env)
  expect(code).toBe(1)
  expect(out).toContain('fail\tadmin\tnothing answers at unix:/run/none/admin.sock, where')
})

test('the doctor sees a clock that is wrong', async () => {
  const date = (ms: number): string => new Date(Date.now() + ms).toUTCString()
  const shift = { ms: 60_000 }
  await using other = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => Response.json({ ready: true }, { headers: { date: date(shift.ms) } }),
  })
  const env = { PORT: String(other.port) }
  expect((await run('doctor', env)).out).toMatch(
    /warn\tclock\tthe server's clock is (59|60) s ahead;/,
  )
  shift.ms = -3_600_000
  expect((await run('doctor', env)).out).toMatch(
    /fail\tclock\tthe server's clock is (3600|3601) s behind;/,
  )
})
