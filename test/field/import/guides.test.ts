/** What the guides for those who move here say to type works, and their clients and backends go on with the old credentials. */
import { chmodSync, existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'bun:test'
import { Inbox } from '../../harness'
import { describeWith } from '../programs'
import { firstMessage, Guide, hears, type Credentials } from './guide'
import { MariaDb } from './mariadb'
import { Postgres } from './postgres'

const credentials = (appId: string): Credentials => ({
  appId,
  key: `key-${appId}`,
  secret: `s3cret-${appId}`,
})
const soketiApp = (id: string, more: object = {}): object => ({
  id,
  key: `key-${id}`,
  secret: `s3cret-${id}`,
  ...more,
})

/** Rows of what was printed, by tabs. */
const rowsOf = (printed: string): string[][] =>
  printed
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split('\t'))

test('moving from soketi: three apps, webhooks and limits', async () => {
  const hooks = new Inbox<{ key: string | null; body: { events: { name: string }[] } }>()
  await using receiver = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => {
      hooks.push({
        key: request.headers.get('x-pusher-key'),
        body: (await request.json()) as never,
      })
      return new Response()
    },
  })
  const hook = { url: `http://127.0.0.1:${receiver.port}/`, event_types: ['channel_occupied'] }
  using guide = await Guide.open('docs/moving-from-soketi.md', {
    'soketi.json': JSON.stringify({
      host: '127.0.0.1',
      'adapter.driver': 'local',
      'eventLimits.maxPayloadInKb': 50,
      'appManager.array.apps': [
        soketiApp('one', { webhooks: [hook], maxConnections: 100 }),
        soketiApp('two', { enableClientMessages: true }),
        soketiApp('three', { enabled: false }),
      ],
    }),
    'soketi.env': 'SOKETI_PORT=6001\nSOKETI_DEBUG=1\n',
  })
  expect(await guide.play('soketi.json', '--dry-run')).toContain('would be created')
  expect(existsSync(join(guide.folder, 'data'))).toBe(false)
  const printed = await guide.play('soketi.json', '--settings')
  expect(rowsOf(printed).slice(-3)).toEqual([
    ['one', 'created', ''],
    ['two', 'created', ''],
    ['three', 'created', ''],
  ])
  expect(statSync(join(guide.folder, '.env')).mode & 0o777).toBe(0o600)
  expect(await guide.play('check-config')).toContain('is not read: set CARILLON_LOG_LEVEL=debug')

  {
    await using _ = await guide.serve()
    for (const id of ['one', 'two'])
      expect(await hears(credentials(id), guide.port)).toEqual({ hello: id })
    expect(await hooks.next('the webhook')).toMatchObject({
      key: 'key-one',
      body: { events: [{ name: 'channel_occupied' }] },
    })
    expect(await firstMessage('key-three', guide.port)).toContain('4003')
    expect(await guide.play('doctor')).toContain('three')
  }
  const again = await guide.play('soketi.json', '--settings')
  expect(
    rowsOf(again)
      .slice(-3)
      .map(([, state]) => state),
  ).toEqual(Array(3).fill('is there already'))
})

test('moving from soketi with a table of DynamoDB', async () => {
  const item = {
    AppId: { S: 'four' },
    AppKey: { S: 'key-four' },
    AppSecret: { S: 's3cret-four' },
    MaxConnections: { N: '-1' },
    EnableClientMessages: { BOOL: false },
    MaxReadRequestsPerSecond: { NULL: true },
    Webhooks: {
      L: [
        { M: { url: { S: 'https://example.org/h' }, event_types: { L: [{ S: 'cache_miss' }] } } },
      ],
    },
  }
  using guide = await Guide.open('docs/moving-from-soketi.md', {
    aws: `#!/bin/sh\necho '${JSON.stringify({ Items: [item], Count: 1 })}'\n`,
  })
  chmodSync(join(guide.folder, 'aws'), 0o755)
  expect(rowsOf(await guide.play('dynamodb scan')).at(-1)).toEqual(['four', 'created', ''])
  const show = 'bun run carillon apps show four --json --database data/carillon.sqlite'
  expect(JSON.parse(await guide.type(show))).toMatchObject({
    client_events: false,
    webhooks: [{ url: 'https://example.org/h', event_types: ['cache_miss'] }],
  })
})

/** What became of each app. */
const statesOf = (printed: string): string[] =>
  rowsOf(printed).flatMap(([id, state = '']) => (/^\d$/.test(id!) ? state : []))
const SAME = ['is there already', 'is there already']

/** Imports a source into the database of the guide's folder. */
const importing = async (guide: Guide, source: string): Promise<string[]> =>
  statesOf(
    await guide.type(`bun run carillon import soketi ${source} --database data/carillon.sqlite`),
  )

describeWith('initdb', 'moving from soketi', () => {
  test('with a table of PostgreSQL, its dump and its export', async () => {
    await using postgres = await Postgres.start()
    const files = {
      'soketi.env': `SOKETI_APP_MANAGER_DRIVER=postgres\nSOKETI_DB_POSTGRES_PORT=${postgres.port}\n`,
      'table.sql': TABLE.replaceAll('`key`', '"key"'),
    }
    using guide = await Guide.open('docs/moving-from-soketi.md', files, postgres.variables)
    await guide.type('psql --quiet --file table.sql main')
    await guide.play('pg_dump --table apps')
    expect(statesOf(await guide.play('soketi.env apps.sql'))).toEqual(['created', 'created'])
    await guide.type('pg_dump --inserts --table apps main > inserts.sql')
    await guide.type("psql --csv --command 'SELECT * FROM apps' main > apps.csv")
    for (const source of ['soketi.env --connect', 'inserts.sql', 'apps.csv'])
      expect(await importing(guide, source)).toEqual(SAME)
  })
})

describeWith('mariadbd', 'moving from soketi', () => {
  test('with a table of MySQL, its dump and its export', async () => {
    await using database = await MariaDb.start()
    const files = {
      'soketi.env': `SOKETI_APP_MANAGER_DRIVER=mysql\nSOKETI_DB_MYSQL_PORT=${database.port}\nSOKETI_DB_MYSQL_USERNAME=soketi\nSOKETI_DB_MYSQL_PASSWORD="p4ss word"\n`,
      'table.sql': TABLE.replaceAll('\\', '\\\\'),
    }
    using guide = await Guide.open('docs/moving-from-soketi.md', files, database.variables)
    await guide.type('mysql main < table.sql')
    await guide.play('mysqldump main apps')
    expect(statesOf(await guide.play('soketi.env apps.sql'))).toEqual(['created', 'created'])
    await guide.type("mysql --batch --execute 'SELECT * FROM apps' main > apps.tsv")
    await guide.type('mysqldump --all-databases > all.sql')
    for (const source of ['soketi.env --connect', 'apps.tsv', 'all.sql'])
      expect(await importing(guide, source)).toEqual(SAME)
  })
})

/** soketi's own table, as its documentation has it, with values that no quotes are simple for. */
const TABLE = `
CREATE TABLE IF NOT EXISTS apps (
  id varchar(255) PRIMARY KEY,
  \`key\` varchar(255) NOT NULL,
  secret varchar(255) NOT NULL,
  max_connections integer NOT NULL,
  enable_client_messages smallint NOT NULL,
  enabled smallint NOT NULL,
  max_backend_events_per_sec integer NOT NULL,
  max_client_events_per_sec integer NOT NULL,
  max_read_req_per_sec integer NOT NULL,
  webhooks json
);
INSERT INTO apps VALUES
  ('1', 'key-1', 's3''c"r\\et;--$x', 5, 1, 1, -1, -1, -1, '[{"url":"https://example.org/h","event_types":["channel_occupied"]}]'),
  ('2', 'key-2', 'x', -1, 0, 0, -1, 10, -1, null);
`

test('moving from Reverb', async () => {
  using guide = await Guide.open('docs/moving-from-reverb.md', {
    'laravel.env': `APP_NAME=Shop\nREVERB_APP_ID=five\nREVERB_APP_KEY=key-five\nREVERB_APP_SECRET=s3cret-five\nREVERB_SERVER_HOST=127.0.0.1\nREVERB_HOST="shop.example.org"\nVITE_REVERB_APP_KEY="\${REVERB_APP_KEY}"\n`,
    'reverb.json': JSON.stringify(REVERB),
  })
  expect(await guide.play('laravel.env', '--dry-run')).toContain('PORT=8080')
  expect(rowsOf(await guide.play('laravel.env', '--settings')).at(-1)).toEqual([
    'five',
    'created',
    '',
  ])
  expect(rowsOf(await guide.play('import reverb reverb.json')).slice(-2)).toEqual([
    ['five', 'is there already', ''],
    ['six', 'created', ''],
  ])
  expect(await guide.play('check-config')).toContain('is read as PUSHER_APP_SECRET')
  await using _ = await guide.serve()
  expect(await hears(credentials('six'), guide.port)).toEqual({ hello: 'six' })
  expect(await guide.play('doctor')).toContain('five')
})

/** What Laravel prints of the configuration that Reverb installs. */
const REVERB = {
  default: 'reverb',
  servers: {
    reverb: {
      host: '127.0.0.1',
      port: 8080,
      path: '',
      hostname: 'shop.example.org',
      options: { tls: [] },
      max_request_size: 10000,
      scaling: {
        enabled: false,
        channel: 'reverb',
        server: { url: null, host: '127.0.0.1', port: '6379' },
      },
      pulse_ingest_interval: 15,
      telescope_ingest_interval: 15,
    },
  },
  apps: {
    provider: 'config',
    apps: ['five', 'six'].map((id) => ({
      key: `key-${id}`,
      secret: `s3cret-${id}`,
      app_id: id,
      options: { host: 'shop.example.org', port: 443, scheme: 'https', useTLS: true },
      allowed_origins: ['*'],
      ping_interval: 60,
      activity_timeout: 30,
      max_connections: null,
      max_message_size: 10000,
    })),
  },
}

test('moving from Pusher', async () => {
  using guide = await Guide.open('docs/moving-from-pusher.md', {
    'app.env':
      'PUSHER_APP_ID=7\nPUSHER_APP_KEY=key-7\nPUSHER_APP_SECRET=s3cret-7\nPUSHER_APP_CLUSTER=eu\n',
    'secret.txt': 's3cret-1234\n',
  })
  expect(await guide.play('app.env', '--dry-run')).toContain('would be created')
  expect(rowsOf(await guide.play('app.env', '--webhook')).at(-1)).toEqual(['7', 'created', ''])
  expect(rowsOf(await guide.play('--secret-file')).at(-1)).toEqual(['1234', 'created', ''])
  await using _ = await guide.serve()
  expect(await hears(credentials('7'), guide.port)).toEqual({ hello: '7' })
  expect(await guide.play('doctor')).toContain('1234')
})
