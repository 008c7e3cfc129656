import { describe, expect, test } from 'bun:test'
import { ConfigError, isLoopback, readConfig, unknownSettings } from '../src/config'

function mistakes(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env)
    return []
  } catch (refused) {
    return (refused as ConfigError).mistakes
  }
}

describe('settings', () => {
  test('have defaults', () => {
    expect(readConfig({})).toMatchObject({
      port: 6001,
      host: '127.0.0.1',
      databasePath: 'data/carillon.sqlite',
      activityTimeoutSeconds: 120,
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
      CARILLON_PORT: 'tcp://10.0.0.1:1',
      CARILLON_SERVICE_HOST: '10.0.0.1',
      CARILLON_PORT_6001_TCP: 'tcp://10.0.0.1:6001',
    }
    expect(readConfig(foreign)).toEqual(readConfig({}))
    expect(unknownSettings(foreign)).toEqual([])
  })

  const WRONG: readonly (readonly [env: Record<string, string>, lines: string[]])[] = [
    [{ PORT: 'abc' }, ['PORT=abc: expected an integer from 0 to 65535']],
    [{ PORT: '70000' }, ['PORT=70000: expected an integer from 0 to 65535']],
    [{ PORT: '-1' }, ['PORT=-1: expected an integer from 0 to 65535']],
    [{ PORT: '1.5' }, ['PORT=1.5: expected an integer from 0 to 65535']],
    [{ PORT: ' 80' }, ['PORT= 80: expected an integer from 0 to 65535']],
    [{ HOST: 'http://x' }, ['HOST=http://x: expected a host name or address']],
    [{ HOST: '[::1]' }, ['HOST=[::1]: expected a host name or address']],
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
      ['CARILLON_PATH_PREFIX=x/: expected a path like /realtime, without a slash at its end'],
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
      { PUSHER_APP_ID: '1', PUSHER_APP_KEY: 'a:b', PUSHER_APP_SECRET: 's p' },
      [
        'PUSHER_APP_KEY=a:b: expected letters, digits and _.~-',
        'PUSHER_APP_SECRET=(hidden): expected text without spaces',
      ],
    ],
  ]
  test.each(WRONG)('%j is told what was expected', (env, lines) => {
    expect(mistakes(env)).toEqual(lines)
  })

  test('that are wrong are listed all at once', () => {
    expect(
      mistakes({
        PORT: 'x',
        HOST: 'a b',
        CARILLON_DRAIN_SECONDS: 'soon',
        CARILLON_MAX_CHANNELS_PER_TRIGGER: 'many',
      }),
    ).toHaveLength(4)
  })

  test('that are unknown are told their nearest neighbour', () => {
    expect(
      unknownSettings({ CARILLON_DRAIN_SECOND: '1', CARILLON_LOGLEVEL: 'x', PORTS: '1' }),
    ).toEqual([
      'CARILLON_DRAIN_SECOND is not a setting; did you mean CARILLON_DRAIN_SECONDS?',
      'CARILLON_LOGLEVEL is not a setting; did you mean CARILLON_LOG_LEVEL?',
    ])
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
