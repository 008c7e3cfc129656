/** `carillon import`: what comes of several files together, and of configurations with several apps. */
import { expect, test } from 'bun:test'
import { makeImports, SECRETS, soketiApp } from './import-runs'
import { Running, rowsOf } from './run'

const { folder, run, write, becomes } = makeImports()

const COMBINED: readonly (readonly [
  what: string,
  files: Readonly<Record<string, string>>,
  rows: readonly string[][],
])[] = [
  [
    'the app of the environment is the first of the file',
    {
      'c.json': JSON.stringify({
        'appManager.array.apps': [{ ...soketiApp('1'), maxConnections: 1 }, soketiApp('2')],
      }),
      'c.env': 'SOKETI_DEFAULT_APP_MAX_CONNS=7\n',
    },
    [
      ['c.env:1', 'SOKETI_DEFAULT_APP_MAX_CONNS', 'carried', 'limits.max_connections_per_app=7'],
      ['1', 'would be created', ''],
      ['2', 'would be created', ''],
    ],
  ],
  [
    'apps by their places, as variables have them',
    {
      'd.json': JSON.stringify({
        'appManager.array.apps.0.id': '3',
        'appManager.array.apps.0.key': 'k',
        appManager: { 'array.apps.0.secret': SECRETS[2] },
      }),
    },
    [['3', 'would be created', '']],
  ],
  [
    'apps that soketi reads from elsewhere',
    {
      'e.env':
        'SOKETI_APP_MANAGER_DRIVER=mysql\nSOKETI_DEFAULT_APP_KEY=k\nSOKETI_DEFAULT_APP_SECRET=x\n',
    },
    [
      [
        'e.env:1',
        'SOKETI_APP_MANAGER_DRIVER',
        'could not be carried',
        '`carillon import soketi` takes its apps over (docs/moving-from-soketi.md)',
      ],
      ['e.env:3', 'SOKETI_DEFAULT_APP_SECRET', 'not needed', 'soketi reads its apps from mysql'],
    ],
  ],
  [
    'the same app twice, and another one with its key',
    {
      'f.json': JSON.stringify([
        soketiApp('1'),
        soketiApp('1'),
        { ...soketiApp('2'), key: 'key-1' },
      ]),
    },
    [
      ['f.json[1]', 'id', 'not needed', 'is the app at f.json[0]'],
      ['f.json[2]', 'key', 'wrong', 'key-1 is that of the app at f.json[0], which is imported'],
      ['1', 'would be created', ''],
    ],
  ],
  [
    'a name twice, and lines that are none',
    {
      'g.env':
        'SOKETI_PORT=1\n\n# SOKETI_PORT=2\n  export SOKETI_PORT="6009" # here\nSOKETI_PATH_PREFIX=\'/a\nb\'\nwhat is this\n',
    },
    [
      ['g.env:1', 'SOKETI_PORT', 'not needed', 'line 4 sets it again'],
      ['g.env:4', 'SOKETI_PORT', 'carried', 'PORT=6009'],
      ['g.env:7', '', 'could not be carried', 'the line is not understood: expected NAME=value'],
    ],
  ],
  [
    'keys of JSON that objects have by themselves',
    { 'h.json': '{"constructor": 1, "__proto__": {"port": 5}, "port": 6010}' },
    [
      ['h.json constructor', 'SOKETI_CONSTRUCTOR', 'could not be carried', 'no such name is known'],
      ['h.json port', 'SOKETI_PORT', 'carried', 'PORT=6010'],
    ],
  ],
]

test.each(COMBINED)('%s', async (_, files, rows) => {
  for (const [name, text] of Object.entries(files)) write(name, text)
  const names = Object.keys(files).join(' ')
  const found = rowsOf(await run(`soketi ${names} --database none.sqlite --dry-run`))
  for (const row of rows) expect(found).toContainEqual(row)
  const made = rows.filter(([, state]) => state === 'would be created').length
  expect(found.filter(([, state]) => state === 'would be created')).toHaveLength(made)
})

test('what Laravel prints of its configuration has several apps', async () => {
  const apps = [
    {
      app_id: 1,
      key: 'key-1',
      secret: SECRETS[0],
      accept_client_events_from: 'none',
      max_message_size: 20_000,
      allowed_origins: ['shop.example.org', '*.example.org'],
      max_connections: 9,
      rate_limiting: { enabled: true },
    },
    {
      app_id: 2,
      key: 'key-2',
      secret: SECRETS[1],
      accept_client_events_from: 'all',
      activity_timeout: 60,
    },
  ]
  const config = {
    servers: {
      reverb: {
        port: '8081',
        options: { tls: { local_cert: '/c' } },
        scaling: { channel: 'reverb', server: { password: SECRETS[0] } },
      },
    },
    apps: { provider: 'config', apps },
  }
  const rows = await becomes('reverb', 'reverb.json', JSON.stringify(config))
  const once = 'once a plugin of carillon.config.ts (plugins/README.md) enforces hosts'
  for (const row of [
    ['REVERB_SERVER_PORT', 'carried', 'PORT=8081'],
    ['REVERB_SERVERS_REVERB_SCALING_SERVER_PASSWORD', 'not needed', expect.any(String)],
    ['REVERB_APPS_PROVIDER', 'not needed', expect.any(String)],
    ['REVERB_TLS_CERT', 'could not be carried', expect.stringContaining('CARILLON_TLS_CERT_FILE')],
    ['accept_client_events_from', 'carried', 'client_events=false'],
    ['max_message_size', 'carried', 'limits.max_event_data_bytes=20000'],
    ['max_connections', 'carried', 'limits.max_connections_per_app=9'],
    [
      'allowed_origins',
      'could not be carried',
      `${once}: carillon apps update APP --set 'hosts=["//shop.example.org","//*.example.org"]'`,
    ],
    [
      'accept_client_events_from',
      'could not be carried',
      expect.stringContaining('public channels'),
    ],
    ['activity_timeout', 'could not be carried', 'for all apps: CARILLON_ACTIVITY_TIMEOUT_SECONDS'],
  ])
    expect(rows).toContainEqual(row)
  expect(rows.filter(([state]) => state === 'would be created')).toHaveLength(2)
  expect(JSON.stringify(rows)).not.toContain('s3cret')
})

test('origins of an environment are separated by commas', async () => {
  const secret = `REVERB_APP_ID=1\nREVERB_APP_KEY=k\nREVERB_APP_SECRET=${SECRETS[0]}\n`
  const rows = await becomes(
    'reverb',
    'o.env',
    `${secret}REVERB_APP_ALLOWED_ORIGINS=a.example, *.b.example\n`,
  )
  expect(rows).toContainEqual([
    'REVERB_APP_ALLOWED_ORIGINS',
    'could not be carried',
    expect.stringContaining(`'hosts=["//a.example","//*.b.example"]'`),
  ])
  expect(rows).toContainEqual(['would be created', ''])
})

test('apps with one name, short names, and ids with one slug are all made', async () => {
  const apps = [
    { ...soketiApp('a.b'), name: 'Shop!' },
    { ...soketiApp('a-b'), name: 'Shop!' },
    { ...soketiApp('c'), name: 'x' },
    { ...soketiApp('d_e') },
    { ...soketiApp('d-e') },
  ]
  write('names.json', JSON.stringify(apps))
  const ran = await run('soketi names.json --database names.sqlite')
  expect(rowsOf(ran).filter(([, state]) => state === 'created')).toHaveLength(5)
  const list = ['apps', 'list', '--json', '--database', 'names.sqlite']
  const { out } = await new Running(list, { folder }).finished
  const shown = JSON.parse(out) as { name: string; slug: string }[]
  expect(shown.map(({ name, slug }) => [name, slug])).toEqual([
    ['Shop!', 'shop'],
    ['Shop! a-b', 'shop-a-b'],
    ['App x', 'app-x'],
    ['App d_e', 'app-d-e'],
    ['App d-e', 'app-d-e-2'],
  ])
})

test('the lines of the dashboard of Pusher are read as they stand there', async () => {
  write('keys.txt', `app_id = "1234"\nkey = "key-1"\nsecret = "${SECRETS[0]}"\ncluster = "mt1"\n`)
  const ran = await run('pusher keys.txt --database none.sqlite --dry-run')
  expect([ran.code, rowsOf(ran).map(([, name, fate]) => [name, fate])]).toEqual([
    0,
    [
      ['app_id', 'carried'],
      ['key', 'carried'],
      ['secret', 'carried'],
      ['cluster', 'not needed'],
      ['would be created', ''],
    ],
  ])
})

test('on a terminal nothing is cut off: what to do stands below what it is about', async () => {
  write('i.json', JSON.stringify([{ ...soketiApp('1'), webhooks: [{ lambda_function: 'f' }] }]))
  const { out } = await run('soketi i.json --database none.sqlite --dry-run', { isTerminal: true })
  expect(out).toContain(
    'i.json[0]  webhooks\n    could not be carried: an AWS Lambda function is no endpoint here: give it a\n    function URL, which speaks HTTP\n',
  )
  expect(out).toContain('1\n    would be created\n')
})
