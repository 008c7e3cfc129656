/** `carillon check-config`. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rowsOf, Running, type Outcome } from './run'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (args: string, env: Record<string, string> = {}): Promise<Outcome> =>
  new Running(args.split(' '), { env, folder }).finished

test('check-config prints what would be used, and where it is from, without secrets', async () => {
  writeFileSync(join(folder, 'password'), 'pass-1\n')
  writeFileSync(join(folder, '.env'), 'CARILLON_DRAIN_SECONDS=3\n')
  const env = {
    SOKETI_HOST: '::1',
    CARILLON_DRAIN_SECONDS: '3',
    PUSHER_ADMIN_USERNAME: 'root',
    PUSHER_ADMIN_PASSWORD_FILE: join(folder, 'password'),
    PUSHER_APP_ID: '3',
    PUSHER_APP_KEY: 'k',
    PUSHER_APP_SECRET: 'pass-2',
    CARILLON_DRAIN_SECONDZ: '1',
    CARILLON_ADMIN_LISTEN: '[::1]:7001',
    CARILLON_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
  }
  const checked = await run('check-config', env)
  expect([checked.code, checked.err]).toEqual([
    0,
    'carillon: CARILLON_DRAIN_SECONDZ is not a setting; did you mean CARILLON_DRAIN_SECONDS?\n',
  ])
  const rows = rowsOf(checked)
  for (const row of [
    ['HOST', '::1', 'SOKETI_HOST'],
    ['CARILLON_ADMIN_LISTEN', '[::1]:7001', 'environment'],
    ['CARILLON_TRUSTED_PROXIES', '10.0.0.0/8,::1', 'environment'],
    ['PUSHER_APP_SECRET', '(hidden)', 'environment'],
    ['PUSHER_ADMIN_PASSWORD', '(hidden)', 'PUSHER_ADMIN_PASSWORD_FILE'],
    ['CARILLON_DRAIN_SECONDS', '3', '.env'],
  ])
    expect(rows).toContainEqual(row)
  expect(rows.map(([name]) => name)).not.toContain('PORT')
  const all = JSON.parse((await run('check-config --all --json', env)).out)
  expect(all.settings).toMatchObject({
    PORT: '6001',
    CARILLON_MAX_EVENT_DATA_BYTES: '10240',
    apps: '3',
  })
  expect(JSON.stringify([rows, all])).not.toMatch(/pass-[12]/)
})

test('check-config has a line for each mistake, and exits with 1', async () => {
  const env = { PORT: 'abc', PUSHER_APP_SECRET: 'pass 1', CARILLON_CONFIG: 'none.ts' }
  const { code, out, err } = await run('check-config', env)
  expect([code, out]).toEqual([1, ''])
  expect(err.split('\n').slice(0, 3)).toEqual([
    'carillon: PORT=abc: expected an integer from 0 to 65535',
    'carillon: PUSHER_APP_SECRET=(hidden): expected text without spaces or line ends',
    'carillon: PUSHER_APP_ID is not set: expected a value, since it goes with PUSHER_APP_SECRET',
  ])
  expect(err).not.toContain('pass 1')
  const file = await run('check-config', { CARILLON_CONFIG: 'none.ts' })
  expect(file.err).toContain('CARILLON_CONFIG=none.ts: expected a file at')
  const exposed = await run('check-config --json', {
    HOST: '0.0.0.0',
    PUSHER_ADMIN_USERNAME: 'a',
    PUSHER_ADMIN_PASSWORD: 'pusher_admin_password',
  })
  expect([exposed.code, JSON.parse(exposed.out).mistakes]).toEqual([
    1,
    [
      'PUSHER_ADMIN_PASSWORD is the published one: expected one of your own, since HOST=0.0.0.0 is not loopback',
    ],
  ])
})

const EXPLAINED: readonly (readonly [
  whose: string | null,
  text: string,
  here: readonly string[],
])[] = [
  [
    'soketi',
    'SOKETI_PORT=6001\nSOKETI_DEFAULT_APP_SECRET=s3cret\nSOKETI_DEBUG=1\nSOKETI_QUEUE_DRIVER=redis\nSOKETI_DB_REDIS_HOST=x\nSOKETI_COLOUR=x\nCARILLON_DRAIN_SECONDS=1\nHOME=/\n',
    [
      'is read as PORT',
      'is read as PUSHER_APP_SECRET',
      'is not read: set CARILLON_LOG_LEVEL=debug',
      'is not read: webhooks wait in the database, and need no queue',
      'is not needed: one process serves everybody; CARILLON_REDIS_URL makes several one server (docs/scaling.md)',
      'is not read: no such name is known',
      'is read',
    ],
  ],
  [
    'reverb',
    'APP_NAME=x\nREVERB_APP_KEY=k\nREVERB_HOST=x\nBROADCAST_CONNECTION=reverb\nVITE_REVERB_APP_KEY="${REVERB_APP_KEY}"\n',
    [
      'is read as PUSHER_APP_KEY',
      'is not needed: stays with the application, with the address of this server',
      'is not needed: stays with the application: `reverb` speaks to this server, too',
      'is not needed: stays with the application, with the address of this server',
    ],
  ],
  [
    'pusher',
    'PUSHER_APP_ID=1\nPUSHER_APP_CLUSTER=eu\nVITE_PUSHER_APP_KEY=k\n',
    [
      'is read',
      'is not needed: there are no clusters; clients that insist on one may have any',
      'is not needed: stays with the application, with the address of this server',
    ],
  ],
  [null, 'PUSHER_APP_ID=1\nPORT=6001\nHOME=/\n', ['is read', 'is read']],
]

test.each(EXPLAINED)('check-config explains a file of %s', async (whose, text, here) => {
  writeFileSync(join(folder, 'their.env'), text)
  const explained = await run('check-config their.env')
  expect(rowsOf(explained).map(([, , about]) => about!)).toEqual([...here])
  expect(explained.out).not.toContain('s3cret')
  const command = whose === null ? '' : `carillon import ${whose} their.env --dry-run`
  expect([explained.code, explained.err.includes(command)]).toEqual([0, true])
  expect(explained.err === '').toBe(whose === null)
  const { out } = await run('check-config their.env --json')
  expect(JSON.parse(out)).toMatchObject({ whose, lines: here.map((about) => ({ here: about })) })
})

test('check-config explains no other files', async () => {
  writeFileSync(join(folder, 'soketi.json'), '{"port": 6001}')
  writeFileSync(join(folder, 'apps.sql'), '-- a dump\nINSERT INTO apps\nX=1\n')
  for (const [file, message] of [
    ['soketi.json', 'soketi.json is no environment file; `carillon import` reads JSON, too'],
    ['apps.sql', 'apps.sql is no environment file: few lines are NAME=value'],
    ['none.env', 'ENOENT'],
  ]) {
    const { code, out, err } = await run(`check-config ${file}`)
    expect([code, out, err]).toEqual([2, '', expect.stringContaining(message!)])
  }
})

test('check-config says whose the .env of its folder is', async () => {
  const other = mkdtempSync(join(tmpdir(), 'carillon-'))
  try {
    writeFileSync(join(other, '.env'), 'SOKETI_PORT=6005\n')
    const env = { SOKETI_PORT: '6005' }
    const checked = await new Running(['check-config'], { env, folder: other }).finished
    expect(rowsOf(checked)).toContainEqual(['PORT', '6005', 'SOKETI_PORT'])
    expect(checked.err).toStartWith(
      'carillon: .env has settings of soketi: `carillon check-config .env`',
    )
  } finally {
    rmSync(other, { recursive: true })
  }
})
