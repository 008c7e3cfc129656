/** Secrets that Docker or Kubernetes mount as files. */
import { afterAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig, SECRETS } from '../../src/config/config'
import { formatSettings } from '../docs/tables'
import { notes } from '../../src/config/notes'
import { findMistakes } from '../mistakes'
import { canBeDeprived, Program, dropCapabilities } from '../program'

const folder = mkdtempSync(join(tmpdir(), 'carillon-secrets-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}

const APP = { PUSHER_APP_ID: '1', PUSHER_APP_KEY: 'k' }
const HOOKS = '[{"url":"https://example.org/hook"}]'

test('every secret setting has its file in the table', () => {
  expect(SECRETS).toEqual([
    'CARILLON_TLS_PASSPHRASE',
    'CARILLON_REDIS_URL',
    'CARILLON_REDIS_SENTINEL_PASSWORD',
    'PUSHER_APP_SECRET',
    'PUSHER_ADMIN_PASSWORD',
    'CARILLON_WEBHOOKS',
    'CARILLON_METRICS_TOKEN',
  ])
  for (const name of SECRETS) expect(formatSettings()).toContain(`or \`${name}_FILE\``)
})

const READ: readonly (readonly [what: string, env: Record<string, string>, config: object])[] = [
  ['as it is', { PUSHER_APP_SECRET_FILE: file('plain', 'pa$word9') }, { appSecret: 'pa$word9' }],
  [
    'without the last line end',
    { PUSHER_APP_SECRET_FILE: file('nl', 's1\n') },
    { appSecret: 's1' },
  ],
  ['of Windows, too', { PUSHER_APP_SECRET_FILE: file('crlf', 's2\r\n') }, { appSecret: 's2' }],
  [
    'with spaces that belong to it',
    { PUSHER_ADMIN_USERNAME: 'me', PUSHER_ADMIN_PASSWORD_FILE: file('spaces', ' a b \n') },
    { adminPassword: ' a b ' },
  ],
  ['as JSON', { CARILLON_WEBHOOKS_FILE: file('hooks', HOOKS) }, { webhooks: JSON.parse(HOOKS) }],
  [
    "under soketi's name",
    { SOKETI_DEFAULT_APP_SECRET_FILE: file('so', 's3\n') },
    { appSecret: 's3' },
  ],
  ["under Reverb's", { REVERB_APP_SECRET_FILE: file('re', 's4\n') }, { appSecret: 's4' }],
  [
    'under an alias of webhooks',
    { SOKETI_DEFAULT_APP_WEBHOOKS_FILE: file('h2', HOOKS) },
    { webhooks: JSON.parse(HOOKS) },
  ],
  [
    'before an alias, whose file is not looked at',
    { PUSHER_APP_SECRET_FILE: file('own', 'own'), REVERB_APP_SECRET_FILE: '/none' },
    { appSecret: 'own' },
  ],
  [
    'before the value of an alias',
    { PUSHER_APP_SECRET_FILE: file('own2', 'own'), REVERB_APP_SECRET: 'x' },
    { appSecret: 'own' },
  ],
  [
    'not where our own name has a value',
    { PUSHER_APP_SECRET: 'own', REVERB_APP_SECRET_FILE: '/none' },
    { appSecret: 'own' },
  ],
  [
    'not where the name is empty',
    { PUSHER_APP_SECRET: 'own', PUSHER_APP_SECRET_FILE: '' },
    { appSecret: 'own' },
  ],
]
test.each(READ)('a file is read %s', (_, env, config) => {
  const others = 'appSecret' in config ? APP : {}
  expect(readConfig({ ...others, ...env })).toMatchObject(config)
  expect(notes(env).filter(({ level }) => level === 'warn')).toEqual([])
})

test('links are followed, as Kubernetes mounts are', () => {
  mkdirSync(join(folder, '..data'))
  file('..data/secret', 'linked\n')
  symlinkSync('..data/secret', join(folder, 'secret'))
  expect(readConfig({ ...APP, PUSHER_APP_SECRET_FILE: join(folder, 'secret') })).toMatchObject({
    appSecret: 'linked',
  })
})

describe('a mistake names variable and file, and nothing that the file has', () => {
  const path = (name: string): string => join(folder, name)
  const none = 'expected a file with a secret'
  const WRONG: readonly (readonly [env: Record<string, string>, line: string])[] = [
    [
      { PUSHER_APP_SECRET_FILE: path('none') },
      `PUSHER_APP_SECRET_FILE=${path('none')}: ${none}, there is none`,
    ],
    [{ PUSHER_APP_SECRET_FILE: folder }, `PUSHER_APP_SECRET_FILE=${folder}: ${none}, this is none`],
    [
      { PUSHER_APP_SECRET_FILE: '/dev/zero' },
      `PUSHER_APP_SECRET_FILE=/dev/zero: ${none}, this is none`,
    ],
    [
      { REVERB_APP_SECRET_FILE: file('empty', '\n') },
      `REVERB_APP_SECRET_FILE=${path('empty')}: ${none}, this one is empty`,
    ],
    [
      { PUSHER_APP_SECRET_FILE: file('latin', new Uint8Array([0xe9])) },
      `PUSHER_APP_SECRET_FILE=${path('latin')}: ${none}, this one is not UTF-8`,
    ],
    [
      { PUSHER_APP_SECRET_FILE: file('big', 'x'.repeat(1_048_577)) },
      `PUSHER_APP_SECRET_FILE=${path('big')}: ${none}, this has more than 1048576 bytes`,
    ],
    [
      { PUSHER_APP_SECRET_FILE: file('two', 'hush\nhush\n') },
      `PUSHER_APP_SECRET_FILE=${path('two')}: expected text without spaces or line ends`,
    ],
    [
      { PUSHER_APP_SECRET: 'hush', PUSHER_APP_SECRET_FILE: path('two') },
      'PUSHER_APP_SECRET and PUSHER_APP_SECRET_FILE are both set: expected one of them',
    ],
    [
      { REVERB_APP_SECRET: 'hush', REVERB_APP_SECRET_FILE: path('two') },
      'REVERB_APP_SECRET and REVERB_APP_SECRET_FILE are both set: expected one of them',
    ],
  ]
  test.each(WRONG)('%j', (env, line) => {
    expect(findMistakes({ ...APP, ...env })).toEqual([line])
  })

  test('that a file goes with other settings is said as of a value', () => {
    expect(findMistakes({ PUSHER_ADMIN_PASSWORD_FILE: file('alone', 'p') })).toEqual([
      'PUSHER_ADMIN_USERNAME is not set: expected a value, since it goes with PUSHER_ADMIN_PASSWORD',
    ])
  })
})

test('only secrets come from files', () => {
  expect(readConfig({ PORT_FILE: '/none', SOKETI_PORT_FILE: '/none' })).toEqual(readConfig({}))
  expect(notes({ SOKETI_PORT_FILE: '/none', PUSHER_APP_SECRT_FILE: 'x' })).toEqual([
    {
      level: 'warn',
      message:
        'SOKETI_PORT_FILE is not a setting: only secrets may stand in files; set SOKETI_PORT',
    },
    {
      level: 'warn',
      message: 'PUSHER_APP_SECRT_FILE is not a setting; did you mean PUSHER_APP_SECRET_FILE?',
    },
  ])
})

test.skipIf(!canBeDeprived)('a file that this user may not read is named', async () => {
  const path = file('closed', 'hush')
  chmodSync(path, 0)
  const command = dropCapabilities('dac_override', 'dac_read_search')
  await using program = new Program({ ...APP, PUSHER_APP_SECRET_FILE: path }, { command })
  expect(await program.waitForExit()).toBe(1)
  expect(await program.errors).toBe(
    `carillon: PUSHER_APP_SECRET_FILE=${path}: expected a file with a secret, this user may not read it\n`,
  )
})
