/** Names of soketi and Reverb that nothing reads here: the start logs what to do instead. */
import { expect, test } from 'bun:test'
import { SETTING_NAMES } from '../../src/config/config'
import { notes } from '../../src/config/notes'
import { formatUnread } from '../docs/tables'

const warnings = (env: Record<string, string>): string[] =>
  notes(env).flatMap(({ level, message }) => (level === 'warn' ? message : []))

const TOLD: readonly (readonly [entry: string, instead: string])[] = [
  ['SOKETI_SSL_CA=/etc/ssl/ca.pem', 'set CARILLON_TLS_CERT_FILE and CARILLON_TLS_KEY_FILE'],
  ['REVERB_TLS_CERT=/etc/ssl/cert.pem', 'set CARILLON_TLS_CERT_FILE and CARILLON_TLS_KEY_FILE'],
  ['SOKETI_DEFAULT_APP_ENABLED=false', 'PATCH the app by the admin API'],
  ['REVERB_ALLOWED_ORIGINS=example.org', "set the app's hosts"],
  ['SOKETI_CORS_ALLOWED_ORIGINS=["https://example.org"]', "set the app's hosts"],
  ['SOKETI_HTTP_MAX_REQUEST_SIZE=500', 'set CARILLON_MAX_EVENT_DATA_BYTES'],
  ['SOKETI_ADAPTER_DRIVER=redis', 'one process serves everybody'],
  ['REVERB_SCALING_ENABLED=true', 'one process serves everybody'],
  ['SOKETI_APP_MANAGER_DRIVER=mysql', '`carillon import soketi` takes its apps over'],
  ['SOKETI_DEBUG=1', 'set CARILLON_LOG_LEVEL=debug'],
  ['SOKETI_DEFAULT_APP_USER_AUTHENTICATION=true', 'set CARILLON_AUTHORIZE_WITHIN_SECONDS'],
  ['REVERB_APP_RATE_LIMITING_ENABLED=true', 'a plugin of carillon.config.ts'],
  ['REVERB_APP_MAX_MESSAGE_SIZE=100000', 'set CARILLON_MAX_EVENT_DATA_BYTES'],
  ['REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM=none', 'for none set CARILLON_CLIENT_EVENTS=false'],
]
test.each(TOLD)('%s is told', (entry, instead) => {
  const [name = '', value = ''] = entry.split('=')
  const lines = warnings({ [name]: value })
  expect(lines).toHaveLength(1)
  expect(lines[0]).toStartWith(`${name} is not read here: ${instead}`)
})

const names = Array.from(formatUnread().matchAll(/`(\w+)`/g), ([, name]) => name!)

test('one line for each name of the table, and none for one that is empty', () => {
  expect(names.length).toBeGreaterThan(25)
  expect(warnings(Object.fromEntries(names.map((name) => [name, 'x'])))).toHaveLength(names.length)
  expect(notes(Object.fromEntries(names.map((name) => [name, ''])))).toEqual([])
})

test('what the table sends people to exists, and what it says is not read is not', () => {
  for (const [setting] of formatUnread().matchAll(/CARILLON_[A-Z_]+/g))
    expect(SETTING_NAMES).toContain(setting)
  const lines = notes(Object.fromEntries(names.map((name) => [name, 'x'])))
  expect(lines.filter(({ level }) => level === 'info')).toEqual([])
})
