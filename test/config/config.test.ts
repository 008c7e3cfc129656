import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, isLoopback, readConfig } from '../../src/config/config'
import { loadConfigFile } from '../../src/config/config-file'
import { notes } from '../../src/config/notes'
import { findMistakes } from '../mistakes'

describe('settings', () => {
  test('have defaults', () => {
    expect(readConfig({})).toMatchObject({
      port: 6001,
      host: '127.0.0.1',
      databasePath: 'data/carillon.sqlite',
      activityTimeoutSeconds: 30,
      limits: { maxEventDataBytes: 10_240, maxPresenceMembers: 100 },
    })
  })

  test('come from the environment; empty is unset', () => {
    const config = readConfig({
      PORT: '7000',
      HOST: '',
      CARILLON_MAX_USER_ID_CHARS: '64',
      CARILLON_CLIENT_EVENTS: 'false',
    })
    expect(config).toMatchObject({
      port: 7000,
      host: '127.0.0.1',
      clientEvents: false,
      limits: { maxUserIdChars: 64 },
    })
  })

  test('of client-side libraries bind nothing', () => {
    const foreign = {
      PUSHER_HOST: 'example.org',
      PUSHER_PORT: '443',
      PUSHER_SCHEME: 'https',
    }
    expect(readConfig(foreign)).toEqual(readConfig({}))
    expect(notes(foreign)).toEqual([])
  })

  const WRONG: readonly (readonly [env: Record<string, string>, lines: string[]])[] = [
    [{ PORT: 'abc' }, ['PORT=abc: expected an integer from 0 to 65535']],
    [{ PORT: '70000' }, ['PORT=70000: expected an integer from 0 to 65535']],
    [{ PORT: '-1' }, ['PORT=-1: expected an integer from 0 to 65535']],
    [{ PORT: '1.5' }, ['PORT=1.5: expected an integer from 0 to 65535']],
    [{ PORT: ' 80' }, ['PORT= 80: expected an integer from 0 to 65535']],
    ...'http://x [::1] 127.0.0.1:6001 localhost:6001 [::1]:6001 :6001 * a,b me@a a?b a#b $HOST %00 é.example a..b'
      .split(' ')
      .map((HOST): [Record<string, string>, string[]] => [
        { HOST },
        [
          `HOST=${HOST}: expected a host name or address alone (the port goes to PORT), or unix: and a path`,
        ],
      ]),
    ...[' ', 'a ', ' :memory:', '\n', '\u00a0a'].map(
      (DATABASE_PATH): [Record<string, string>, string[]] => [
        { DATABASE_PATH },
        [
          `DATABASE_PATH=${DATABASE_PATH.replace('\n', ' ')}: expected a path without spaces around it, or :memory:`,
        ],
      ],
    ),
    [{ PORT: '1\ncarillon: fine' }, ['PORT=1 carillon: fine: expected an integer from 0 to 65535']],
    [
      { CARILLON_ADMIN_ORIGINS: 'https://a.example,b' },
      [
        'CARILLON_ADMIN_ORIGINS=https://a.example,b: expected origins like https://dashboard.example.org, separated by commas',
      ],
    ],
    [
      { CARILLON_CLIENT_EVENTS: 'constructor' },
      ['CARILLON_CLIENT_EVENTS=constructor: expected true or false'],
    ],
    [
      { CARILLON_LOG_LEVEL: 'loud' },
      ['CARILLON_LOG_LEVEL=loud: expected debug, info, warn, error, silent'],
    ],
    [
      { CARILLON_PATH_PREFIX: 'x/' },
      [
        'CARILLON_PATH_PREFIX=x/: expected a path like /realtime, and none that the server has without it (/api, /up)',
      ],
    ],
    [
      { CARILLON_MAX_EVENT_DATA_BYTES: '0' },
      ['CARILLON_MAX_EVENT_DATA_BYTES=0: expected an integer from 1 to 1048576'],
    ],
    [
      { PUSHER_APP_ID: '1', PUSHER_APP_KEY: 'k' },
      [
        'PUSHER_APP_SECRET is not set: expected a value, since it goes with PUSHER_APP_ID and PUSHER_APP_KEY',
      ],
    ],
    [
      { PUSHER_ADMIN_USERNAME: 'me' },
      [
        'PUSHER_ADMIN_PASSWORD is not set: expected a value, since it goes with PUSHER_ADMIN_USERNAME',
      ],
    ],
    [
      { PUSHER_ADMIN_USERNAME: 'me\r', PUSHER_ADMIN_PASSWORD: 'secret\r' },
      [
        'PUSHER_ADMIN_USERNAME=me : expected one line of text without a colon',
        'PUSHER_ADMIN_PASSWORD=(hidden): expected one line of text',
      ],
    ],
    [
      { PUSHER_APP_ID: '1', PUSHER_APP_KEY: 'a:b', PUSHER_APP_SECRET: 's p' },
      [
        'PUSHER_APP_KEY=a:b: expected letters, digits and _.~-, no dots alone',
        'PUSHER_APP_SECRET=(hidden): expected text without spaces or line ends',
      ],
    ],
  ]
  test.each(WRONG)('%j is told what was expected', (env, lines) => {
    expect(findMistakes(env)).toEqual(lines)
  })

  test('that are wrong are listed all at once', () => {
    expect(
      findMistakes({
        PORT: 'x',
        HOST: 'a b',
        CARILLON_DRAIN_SECONDS: 'soon',
        CARILLON_MAX_CHANNELS_PER_TRIGGER: 'many',
      }),
    ).toHaveLength(4)
  })

  test('that are unknown are told their nearest neighbour', () => {
    expect(notes({ CARILLON_DRAIN_SECOND: '1', CARILLON_LOGLEVEL: 'x', PORTS: '1' })).toEqual([
      {
        level: 'warn',
        message: 'CARILLON_DRAIN_SECOND is not a setting; did you mean CARILLON_DRAIN_SECONDS?',
      },
      {
        level: 'warn',
        message: 'CARILLON_LOGLEVEL is not a setting; did you mean CARILLON_LOG_LEVEL?',
      },
    ])
  })
})

test.each(['::1', '::', '0.0.0.0', 'fe80::1%eth0', 'localhost', 'my_host-1.example.org.'])(
  'HOST=%s is one',
  (HOST) => expect(readConfig({ HOST }).host).toBe(HOST),
)

describe('names of other servers', () => {
  const FOUND: readonly (readonly [env: Record<string, string>, config: object])[] = [
    [
      { SOKETI_PORT: '7001', SOKETI_HOST: '0.0.0.0' },
      { port: 7001, host: '0.0.0.0' },
    ],
    [
      {
        SOKETI_DEFAULT_APP_ID: 'app-id',
        SOKETI_DEFAULT_APP_KEY: 'app-key',
        SOKETI_DEFAULT_APP_SECRET: 's',
      },
      { appId: 'app-id', appKey: 'app-key', appSecret: 's' },
    ],
    [{ SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES: 'false' }, { clientEvents: false }],
    [{ SOKETI_DEFAULT_APP_MAX_CONNS: '-1' }, { limits: { maxConnectionsPerApp: 0 } }],
    [
      { SOKETI_DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC: '50' },
      { limits: { maxBackendEventsPerSecond: 50 } },
    ],
    [
      { SOKETI_DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC: '-1' },
      { limits: { maxClientEventsPerSecond: 1_000_000 } },
    ],
    [{ SOKETI_EVENT_MAX_SIZE_IN_KB: '100' }, { limits: { maxEventDataBytes: 102_400 } }],
    [{ SOKETI_SHUTDOWN_GRACE_PERIOD: '3000' }, { drainSeconds: 3 }],
    [{ SOKETI_PRESENCE_MAX_MEMBERS: '5000' }, { limits: { maxPresenceMembers: 5000 } }],
    [{ SOKETI_PRESENCE_MAX_MEMBER_SIZE: '2.5' }, { limits: { maxUserInfoBytes: 2560 } }],
    [{ SOKETI_CHANNEL_CACHE_TTL: '3600' }, { cacheTtlSeconds: 3600 }],
    [{ SOKETI_EVENT_MAX_BATCH_SIZE: '50' }, { limits: { maxEventsPerBatch: 50 } }],
    [{ SOKETI_EVENT_MAX_CHANNELS_AT_ONCE: '7' }, { limits: { maxChannelsPerTrigger: 7 } }],
    [{ SOKETI_EVENT_MAX_NAME_LENGTH: '99' }, { limits: { maxEventNameChars: 99 } }],
    [{ SOKETI_CHANNEL_LIMITS_MAX_NAME_LENGTH: '98' }, { limits: { maxChannelNameChars: 98 } }],
    [{ REVERB_APP_MAX_CONNECTIONS: '9' }, { limits: { maxConnectionsPerApp: 9 } }],
    [{ REVERB_APP_MAX_CONNECTIONS: 'null' }, { limits: { maxConnectionsPerApp: 0 } }],
    [{ REVERB_APP_ACTIVITY_TIMEOUT: '45' }, { activityTimeoutSeconds: 45 }],
    [
      {
        REVERB_APP_ID: '1',
        REVERB_APP_KEY: 'k',
        REVERB_APP_SECRET: 's',
        REVERB_SERVER_PORT: '8080',
      },
      { appId: '1', appKey: 'k', port: 8080 },
    ],
    [{ REVERB_SERVER_PATH: 'realtime/' }, { pathPrefix: '/realtime' }],
    [
      { REVERB_HOST: 'example.org', REVERB_PORT: '443' },
      { host: '127.0.0.1', port: 6001 },
    ],
    [{ PORT: '1', SOKETI_PORT: '2' }, { port: 1 }],
  ]
  test.each(FOUND)('%j', (env, config) => {
    expect(readConfig(env)).toMatchObject(config)
  })

  test('are said to be used, and named when they are wrong', () => {
    expect(notes({ SOKETI_PORT: '7001', PORT: '' })).toEqual([
      { level: 'info', message: 'SOKETI_PORT is read as PORT' },
    ])
    expect(findMistakes({ SOKETI_PORT: 'x', SOKETI_EVENT_MAX_SIZE_IN_KB: '2000' })).toEqual([
      'SOKETI_PORT=x: expected an integer from 0 to 65535',
      'SOKETI_EVENT_MAX_SIZE_IN_KB=2000, which is CARILLON_MAX_EVENT_DATA_BYTES=2048000: expected an integer from 1 to 1048576',
    ])
  })
})

describe('the configuration file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return name
  }

  test('lists apps, with what the admin API takes', async () => {
    const file = write(
      'good.ts',
      'export default { apps: [{ id: "10", key: "k10", secret: "s10" }, { id: "eleven", key: "k11", secret: "s11", name: "Second app", limits: { max_presence_members: 5 } }] }',
    )
    const { apps } = await loadConfigFile(file, folder)
    const [first, second] = apps
    expect(first).toMatchObject({
      id: '10',
      name: 'App 10',
      slug: 'app-10',
      keys: [{ key: 'k10', secret: 's10' }],
      providedBy: 'good.ts',
    })
    expect(second).toMatchObject({ slug: 'second-app', limits: { maxPresenceMembers: 5 } })
  })

  const WRONG: readonly (readonly [text: string, lines: string[]])[] = [
    ['export default 5', ['expected a default export, an object']],
    ['export const apps = []', ['expected a default export, an object']],
    ['throw new Error("boom")', ['could not be loaded: boom']],
    ['export default { apps: {} }', ['apps: expected a list']],
    ['export default { app: [] }', ['app is unknown; known are plugins and apps']],
    ['export default { apps: [5] }', ['apps[0]: expected an object']],
    [
      'export default { plugins: 5, apps: 5 }',
      ['plugins: expected a list', 'apps: expected a list'],
    ],
    [
      'export default { plugins: [() => 5] }',
      ['plugins[0]: expected a plugin (was its function called?)'],
    ],
    [
      'export default { apps: [{ id: "a b", colour: 1 }] }',
      [
        'apps[0].id: is invalid',
        'apps[0].colour: is unknown',
        "apps[0].key: can't be blank",
        "apps[0].secret: can't be blank",
      ],
    ],
    [
      'export default { apps: [{ id: "1", key: "k", secret: "s", name: "!!!!!!" }] }',
      ['apps[0].slug: is invalid'],
    ],
  ]
  test.each(WRONG)('%s', async (text, lines) => {
    const file = write(`wrong-${WRONG.findIndex(([row]) => row === text)}.ts`, text)
    const refused = await loadConfigFile(file, folder).catch((error: ConfigError) => error)
    const found = (refused as ConfigError).mistakes
    expect(found).toHaveLength(lines.length)
    for (const [index, line] of lines.entries()) expect(found[index]).toContain(line)
  })
})

const HOSTS: readonly (readonly [host: string, loopback: boolean])[] = [
  ['127.0.0.1', true],
  ['127.1.2.3', true],
  ['localhost', true],
  ['::1', true],
  ['LOCALHOST', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['127.0.0.1.example.org', false],
  ['localhost.example.org', false],
  ['example.org', false],
]
test.each(HOSTS)('%s is loopback: %p', (host, loopback) => {
  expect(isLoopback(host)).toBe(loopback)
})
