/** `carillon import`: what becomes of each line of another server's configuration. */
import { describe, expect, test } from 'bun:test'
import { makeImports, soketiApp } from './import-runs'
import { rowsOf } from './run'

const { run, write, becomes } = makeImports()

const SOKETI_FIELDS: readonly (readonly [
  fields: object,
  name: string,
  fate: string,
  about: string,
])[] = [
  [{ enabled: false }, 'enabled', 'carried', 'active=false'],
  [{ enableClientMessages: 1 }, 'enableClientMessages', 'carried', 'client_events=true'],
  [{ maxConnections: '200' }, 'maxConnections', 'carried', 'limits.max_connections_per_app=200'],
  [
    { max_connections: -1 },
    'max_connections',
    'carried',
    'limits.max_connections_per_app=0, no limit',
  ],
  [
    { maxConnections: 0 },
    'maxConnections',
    'could not be carried',
    'a limit of 0 is none at all here; active=false shuts the app',
  ],
  [{ maxConnections: ['x'] }, 'maxConnections', 'wrong', 'expected a number'],
  [
    { maxBackendEventsPerSecond: 5 },
    'maxBackendEventsPerSecond',
    'carried',
    'limits.max_backend_events_per_second=5',
  ],
  [
    { max_client_events_per_sec: -1 },
    'max_client_events_per_sec',
    'carried',
    'limits.max_client_events_per_second=1000000',
  ],
  [{ maxReadRequestsPerSecond: -1 }, 'maxReadRequestsPerSecond', 'not needed', 'changes nothing'],
  [
    { maxReadRequestsPerSecond: 9 },
    'maxReadRequestsPerSecond',
    'could not be carried',
    'a plugin of carillon.config.ts (plugins/README.md) limits requests',
  ],
  [
    { maxPresenceMembersPerChannel: 50 },
    'maxPresenceMembersPerChannel',
    'carried',
    'limits.max_presence_members=50',
  ],
  [
    { maxEventPayloadInKb: 100 },
    'maxEventPayloadInKb',
    'carried',
    'limits.max_event_data_bytes=102400',
  ],
  [
    { maxEventPayloadInKb: 2000 },
    'maxEventPayloadInKb',
    'carried',
    'limits.max_event_data_bytes=1048576, which is the most there is',
  ],
  [
    { maxEventBatchSize: 20 },
    'maxEventBatchSize',
    'could not be carried',
    'for all apps: CARILLON_MAX_EVENTS_PER_BATCH',
  ],
  [
    { enable_user_authentication: true },
    'enable_user_authentication',
    'carried',
    'limits.authorize_within_seconds=30',
  ],
  [
    { webhooks: '[{"url":"https://example.org/h","event_types":["cache_miss"]}]' },
    'webhooks',
    'carried',
    '1 webhook',
  ],
  [
    { webhooks: [{ lambda_function: 'f', event_types: [] }] },
    'webhooks',
    'could not be carried',
    'an AWS Lambda function is no endpoint here: give it a function URL, which speaks HTTP',
  ],
  [
    { webhooks: [{ url: 'ftp://u:p4ss@x' }] },
    'webhooks',
    'wrong',
    'webhooks has the url of x; expected one of http or https',
  ],
  [{ webhooks: '{' }, 'webhooks', 'wrong', 'expected a list of webhooks'],
  [{ colour: 'red' }, 'colour', 'could not be carried', 'no such field is known'],
  [{ id: 'a b' }, 'id', 'wrong', 'id is invalid; expected letters, digits and _.-, no dots alone'],
  [{ secret: 's3cret -1' }, 'secret', 'wrong', 'secret is invalid; expected text without spaces'],
  [{ key: { a: 1 } }, 'key', 'wrong', 'expected text'],
]

test.each(SOKETI_FIELDS)('the field %j of an app of soketi', async (fields, name, fate, about) => {
  const rows = await becomes(
    'soketi',
    'apps.json',
    JSON.stringify([{ ...soketiApp('1'), ...fields }]),
  )
  expect(rows).toContainEqual([name, fate, about])
  expect(rows.some(([, state]) => state === 'would be created')).toBe(false)
  const isWrong = fate === 'wrong'
  expect(rows.filter(([state]) => state === 'would be created').length).toBe(isWrong ? 0 : 1)
})

const LINES: readonly (readonly [server: string, entry: string, fate: string, about: string])[] = [
  ['soketi', 'SOKETI_PORT=6005', 'carried', 'PORT=6005'],
  ['soketi', 'SOKETI_PORT=many', 'wrong', 'expected an integer from 0 to 65535'],
  ['soketi', 'SOKETI_PATH_PREFIX=/ws/', 'carried', 'CARILLON_PATH_PREFIX=/ws'],
  ['soketi', 'SOKETI_DEBUG=0', 'not needed', 'changes nothing here'],
  ['soketi', 'SOKETI_DEBUG=1', 'could not be carried', 'set CARILLON_LOG_LEVEL=debug'],
  [
    'soketi',
    'SOKETI_ADAPTER_REDIS_PREFIX=x',
    'not needed',
    'one process serves everybody; CARILLON_REDIS_URL makes several one server (docs/scaling.md)',
  ],
  ['soketi', 'SOKETI_METRICS_HOST=::1', 'carried', 'CARILLON_METRICS_HOST=::1'],
  ['soketi', 'SOKETI_COLOUR=red', 'could not be carried', 'no such name is known'],
  [
    'soketi',
    'SOKETI_EVENT_MAX_SIZE_IN_KB=50 # of data',
    'carried',
    'CARILLON_MAX_EVENT_DATA_BYTES=51200',
  ],
  [
    'soketi',
    'SOKETI_PATH_PREFIX=a#b',
    'wrong',
    'a # is in it: quotes around it say that it begins no comment',
  ],
  [
    'soketi',
    `SOKETI_SSL_KEY="/a'\\"b"`,
    'wrong',
    'no environment file can hold the value: set it in another way',
  ],
  ['reverb', 'REVERB_SERVER_PORT="8081"', 'carried', 'PORT=8081'],
  [
    'reverb',
    'REVERB_SCHEME=https',
    'not needed',
    'stays with the application, with the address of this server',
  ],
  [
    'reverb',
    'REVERB_SCALING_ENABLED=true',
    'could not be carried',
    'one process serves everybody; CARILLON_REDIS_URL makes several one server (docs/scaling.md)',
  ],
  [
    'reverb',
    'VITE_REVERB_APP_KEY="${REVERB_APP_KEY}"',
    'not needed',
    'stays with the application, with the address of this server',
  ],
  [
    'pusher',
    'PUSHER_APP_CLUSTER=eu',
    'not needed',
    'there are no clusters; clients that insist on one may have any',
  ],
  [
    'pusher',
    'PUSHER_HOST=api.example.org',
    'not needed',
    'stays with the application, with the address of this server',
  ],
]

test.each(LINES)('%s: %s', async (server, entry, fate, about) => {
  const [name = ''] = entry.split('=')
  const rows = await becomes(server, '.env', `APP_NAME=x\n${entry}\n`)
  expect(rows).toContainEqual([name, fate, about])
  expect(rows).toContainEqual(['', 'not needed', '1 name of another program'])
})

describe('an app of an environment', () => {
  const ENVS: readonly (readonly [server: string, text: string, id: string])[] = [
    [
      'soketi',
      'SOKETI_DEFAULT_APP_ID=7\nSOKETI_DEFAULT_APP_KEY=k\nSOKETI_DEFAULT_APP_SECRET=s3cret-1\n',
      '7',
    ],
    ['soketi', 'SOKETI_DEFAULT_APP_KEY=k\nSOKETI_DEFAULT_APP_SECRET=s3cret-1\n', 'app-id'],
    ['reverb', 'export REVERB_APP_ID=8\nREVERB_APP_KEY="k"\nREVERB_APP_SECRET=\'s3cret-1\'\n', '8'],
    ['pusher', 'PUSHER_APP_ID=9\nPUSHER_APP_KEY=k\nPUSHER_APP_SECRET=s3cret-1\n', '9'],
    ['pusher', 'PUSHER_URL=https://k:s3cret-1@api-eu.example.org/apps/10\n', '10'],
  ]
  test.each(ENVS)('of %s: %s', async (server, text, id) => {
    const rows = await becomes(server, 'app.env', text)
    expect(rows).toContainEqual(['would be created', ''])
    expect(JSON.stringify(rows)).not.toContain('s3cret')
    write('app.env', text)
    const ran = await run(`${server} app.env --database none.sqlite --dry-run --json`)
    expect(JSON.parse(ran.out).apps).toMatchObject([{ id, state: 'missing' }])
    expect(ran.out).not.toContain('s3cret')
  })

  test('needs a secret of its own', async () => {
    write('app.env', 'SOKETI_DEFAULT_APP_KEY=k\n')
    const ran = await run('soketi app.env --database none.sqlite --dry-run')
    expect([ran.code, rowsOf(ran)]).toEqual([
      1,
      expect.arrayContaining([
        ['app.env', 'secret', 'wrong', 'is missing'],
        ['app-id', 'is not imported', 'wrong: secret'],
      ]),
    ])
  })
})
