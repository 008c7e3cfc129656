/** `carillon import`, as it changes a server, a database file and a file of settings. */
import { afterAll, describe, expect, test } from 'bun:test'
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCommon } from '../harness'
import { makeToken } from '../tokens'
import { rowsOf, Running, runOn, type Outcome, type RunOptions } from './run'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
const states = (ran: Outcome): string[][] => rowsOf(ran).filter(([id]) => /^[12]\d$/.test(id!))

const server = startCommon()
type Run = (args: string, options?: RunOptions) => Promise<Outcome>
const DOORS: readonly (readonly [name: string, run: Run])[] = [
  ['a server', (args, options) => runOn(server(), args.split(' '), { folder, ...options })],
  [
    'a file',
    (args, options) =>
      new Running([...args.split(' '), '--database', 'data/new.sqlite'], { folder, ...options })
        .finished,
  ],
]

const APP = {
  key: 'key-11',
  secret: 's3cret-11',
  enableClientMessages: true,
  maxConnections: 5,
  webhooks: [
    {
      url: 'https://u:p4ss@example.org/h',
      event_types: ['channel_occupied'],
      filters: { channel_name_starts_with: 'a' },
      headers: { 'x-token': 's3cret-13' },
    },
  ],
}

describe.each(DOORS)('into %s', (_name, run) => {
  test('apps are made once, compared, and overwritten only where that is asked for', async () => {
    write(
      'a.json',
      JSON.stringify([
        { id: '11', ...APP },
        { id: '12', key: 'key-12', secret: 'x' },
      ]),
    )
    expect(states(await run('import soketi a.json --dry-run'))).toEqual([
      ['11', 'would be created', ''],
      ['12', 'would be created', ''],
    ])
    const first = await run('import soketi a.json')
    expect([first.code, states(first)]).toEqual([
      0,
      [
        ['11', 'created', ''],
        ['12', 'created', ''],
      ],
    ])
    const shown = JSON.parse((await run('apps show 11 --secrets --json')).out)
    expect(shown).toMatchObject({
      key: 'key-11',
      secret: 's3cret-11',
      client_events: true,
      limits: { max_connections_per_app: 5, max_client_events_per_second: 1_000_000 },
      webhooks: [
        { filter: { channel_name_starts_with: 'a' }, headers: { 'x-token': 's3cret-13' } },
      ],
    })
    const same = [
      ['11', 'is there already', ''],
      ['12', 'is there already', ''],
    ]
    await run('apps update 11 --set name=Renamed')
    const second = await run('import soketi a.json')
    expect([second.code, states(second)]).toEqual([0, same])

    write(
      'b.json',
      JSON.stringify([
        { id: '11', ...APP, maxConnections: 6, webhooks: [] },
        { id: '12', key: 'key-12', secret: 'y' },
        { id: '13', key: 'key-11', secret: 'z' },
        { id: '14', key: 'key-14', secret: 'z', name: 'Renamed' },
      ]),
    )
    const about = 'limits.max_connections_per_app, webhooks'
    const fixed = 'has another key or secret, which are fixed; `carillon apps delete 12` makes room'
    const conflict = await run('import soketi b.json')
    expect([conflict.code, states(conflict)]).toEqual([
      1,
      [
        ['11', 'is there with other values', `${about}; --replace overwrites`],
        ['12', 'is there with other values', fixed],
        ['14', 'refused', expect.stringContaining('name has already been taken')],
      ],
    ])
    expect(conflict.out).toContain('key-11 is that of the app at b.json[0], which is imported')
    expect(states(await run('import soketi b.json --replace --dry-run'))[0]).toEqual([
      '11',
      'would be changed',
      about,
    ])
    expect(states(await run('import soketi b.json --replace'))[0]).toEqual(['11', 'changed', about])
    const changed = JSON.parse((await run('apps show 11 --secrets --json')).out)
    expect(changed).toMatchObject({
      secret: 's3cret-11',
      name: 'Renamed',
      webhooks: [],
      limits: { max_connections_per_app: 6 },
    })

    write('c.json', JSON.stringify([{ id: '15', key: 'key-12', secret: 'x' }]))
    expect(states(await run('import soketi c.json'))).toEqual([
      ['15', 'is there with other values', 'its key is that of the app 12'],
    ])
    for (const { out, err } of [first, second, conflict])
      expect(out + err).not.toMatch(/s3cret|p4ss/)
  })

  test('an app of Pusher has the webhooks and fields that options name', async () => {
    write('secret', 's3cret-21\n')
    const args =
      'import pusher --app-id 21 --key key-21 --secret-file secret --webhook https://example.org/h --events channel_occupied,member_added --set subscription_counts=true'
    expect(states(await run(args))).toEqual([['21', 'created', '']])
    expect(states(await run(args))).toEqual([['21', 'is there already', '']])
    const shown = JSON.parse((await run('apps show 21 --secrets --json')).out)
    expect(shown).toMatchObject({
      key: 'key-21',
      secret: 's3cret-21',
      subscription_counts: true,
      webhooks: [
        { url: 'https://example.org/h', event_types: ['channel_occupied', 'member_added'] },
      ],
    })
    for (const [options, message] of [
      ['--events channel_occupied', '--events says what a --webhook is told'],
      ['--set tls_only=maybe', 'tls_only is invalid'],
      ['--webhook x', 'webhooks has the url'],
    ]) {
      const ran = await run(
        `import pusher --app-id 22 --key key-22 --secret-file secret ${options}`,
      )
      expect([ran.code, ran.err]).toEqual([2, expect.stringContaining(message!)])
    }
  })
})

test('a dry run makes no database', async () => {
  write('d.json', JSON.stringify([{ id: '11', ...APP }]))
  const ran = await new Running('import soketi d.json --database dry.sqlite --dry-run'.split(' '), {
    folder,
  }).finished
  expect([ran.code, existsSync(join(folder, 'dry.sqlite'))]).toEqual([0, false])
})

const SETTINGS =
  'SOKETI_HOST=127.0.0.1\nSOKETI_PORT=6005\nSOKETI_SSL_CERT="/etc/my certs/$a.pem"\nSOKETI_SSL_KEY=/k.pem\nSOKETI_SSL_PASS=\'s3cret#$x\'\n'

test('settings are printed without secrets, or written for their owner only, and never over others', async () => {
  write('s.env', SETTINGS)
  const run = (args: string): Promise<Outcome> =>
    new Running(`import soketi s.env ${args}`.split(' '), { folder }).finished
  const printed = await run('--database none.sqlite')
  expect([printed.code, printed.out.includes('s3cret')]).toEqual([0, false])
  expect(printed.out).toContain('# CARILLON_TLS_PASSPHRASE is a secret: --settings FILE writes it')

  const file = join(folder, 'carillon.env')
  expect((await run('--settings carillon.env')).code).toBe(0)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const read = Bun.spawnSync(
    [process.execPath, `--env-file=${file}`, '-e', 'console.log(JSON.stringify(process.env))'],
    { cwd: folder, env: {} },
  )
  expect(JSON.parse(read.stdout.toString())).toMatchObject({
    HOST: '127.0.0.1',
    PORT: '6005',
    CARILLON_TLS_CERT_FILE: '/etc/my certs/$a.pem',
    CARILLON_TLS_PASSPHRASE: 's3cret#$x',
    CARILLON_MAX_EVENT_DATA_BYTES: '102400',
  })
  expect((await run('--settings carillon.env')).code).toBe(0)

  writeFileSync(file, 'PORT=1\n')
  write('e.json', JSON.stringify([{ id: '11', ...APP }]))
  const refused = await run('e.json --settings carillon.env --database early.sqlite')
  expect(existsSync(join(folder, 'early.sqlite'))).toBe(false)
  expect([refused.code, readFileSync(file, 'utf8')]).toEqual([2, 'PORT=1\n'])
  expect(Bun.spawnSync(['mkfifo', join(folder, 'pipe.env')]).exitCode).toBe(0)
  for (const odd of ['none/x.env', 'pipe.env', 'pipe.env --force', '. --force']) {
    const ran = await run(`e.json --settings ${odd} --database early.sqlite`)
    expect([odd, ran.code, ran.out]).toEqual([odd, 2, ''])
    expect(existsSync(join(folder, 'early.sqlite'))).toBe(false)
  }
  symlinkSync(file, join(folder, 'link.env'))
  expect((await run('--settings link.env --force')).code).toBe(0)
  expect([readFileSync(file, 'utf8'), statSync(join(folder, 'link.env')).isFile()]).toEqual([
    'PORT=1\n',
    true,
  ])
  expect(() => readlinkSync(join(folder, 'link.env'))).toThrow()
})

test('a database that does not answer is named, without its password', async () => {
  for (const [driver, name] of [
    ['mysql', 'MYSQL'],
    ['postgres', 'POSTGRES'],
  ]) {
    write(
      'db.env',
      `SOKETI_APP_MANAGER_DRIVER=${driver}\nSOKETI_DB_${name}_HOST=127.0.0.1\nSOKETI_DB_${name}_PORT=1\nSOKETI_DB_${name}_PASSWORD=s3cret-1\n`,
    )
    const ran = await new Running('import soketi db.env --connect'.split(' '), { folder }).finished
    expect([ran.code, ran.out]).toEqual([3, ''])
    expect(ran.err).toStartWith('carillon: 127.0.0.1:1/main: the table apps cannot be read: ')
    expect(ran.err).not.toContain('s3cret')
  }
  write(
    'db.env',
    'SOKETI_APP_MANAGER_DRIVER=mysql\nSOKETI_APP_MANAGER_MYSQL_TABLE="apps; DROP TABLE x"\n',
  )
  const odd = await new Running('import soketi db.env --connect'.split(' '), { folder }).finished
  expect([odd.code, odd.err]).toEqual([
    2,
    'carillon: --connect: SOKETI_APP_MANAGER_MYSQL_TABLE: expected the name of a table\n',
  ])
  write('db.env', 'SOKETI_APP_MANAGER_DRIVER=dynamodb\n')
  const dynamo = await new Running('import soketi db.env --connect'.split(' '), { folder }).finished
  expect([dynamo.code, dynamo.err]).toEqual([
    2,
    expect.stringContaining('docs/moving-from-soketi.md'),
  ])
})

test('a token that only reads imports nothing, and is told so', async () => {
  write(
    'f.json',
    JSON.stringify([
      { id: '11', ...APP },
      { id: '19', key: 'key-19', secret: 'x' },
    ]),
  )
  const { token } = await makeToken(server(), { name: 'reader', scope: 'read' })
  const env = { CARILLON_TOKEN: token }
  const ran = await runOn(server(), 'import soketi f.json', { folder, env })
  expect([ran.code, ran.out]).toEqual([4, ''])
  expect(ran.err).toBe('carillon: the token only reads, and sees no secrets\n')
})

test('two imports at a time both end well; one whose server goes away says how far it came', async () => {
  const apps = Array.from({ length: 5 }, (_, index) => ({
    id: `3${index}`,
    key: `key-3${index}`,
    secret: 'x',
  }))
  write('h.json', JSON.stringify(apps))
  const both = await Promise.all(
    ['once', 'again'].map(() => runOn(server(), 'import soketi h.json', { folder })),
  )
  expect(both.map(({ code, err }) => [code, err])).toEqual([
    [0, ''],
    [0, ''],
  ])
  let count = 0
  await using dying = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => Response.json({ data: [] }, { status: ++count > 3 ? 401 : 200 }),
  })
  const env = { PORT: String(dying.port) }
  const ran = await new Running(['import', 'soketi', 'h.json'], { folder, env }).finished
  expect(ran.code).toBe(4)
  expect(ran.err).toContain('(2 of 5 apps were done; the same command does the rest)')
})

test('another server than Carillon is told from one', async () => {
  write('g.json', JSON.stringify([{ id: '19', key: 'key-19', secret: 'x' }]))
  await using other = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => new Response('', { status: 404 }),
  })
  const env = { PORT: String(other.port) }
  const ran = await new Running(['import', 'soketi', 'g.json'], { folder, env }).finished
  expect([ran.code, ran.err]).toEqual([5, 'carillon: the admin API is not there\n'])
})
