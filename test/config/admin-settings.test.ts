/** Where the admin's side listens: what is an address, what is unclear, and what clashes with the public one. */
import { expect, test } from 'bun:test'
import { formatAddress } from '../../src/config/admin-settings'
import { exposure, readConfig } from '../../src/config/config'
import { findMistakes } from '../mistakes'

const read = (CARILLON_ADMIN_LISTEN: string) => readConfig({ CARILLON_ADMIN_LISTEN }).adminListen

const LONGEST = `unix:/${'x'.repeat(106)}`

test.each([
  ['127.0.0.1:6002', { host: '127.0.0.1', port: 6002 }],
  ['localhost:0', { host: 'localhost', port: 0 }],
  ['admin.internal:65535', { host: 'admin.internal', port: 65_535 }],
  ['[::1]:6002', { host: '::1', port: 6002 }],
  ['0.0.0.0:6002', { host: '0.0.0.0', port: 6002 }],
  ['unix:/run/carillon-admin.sock', { path: '/run/carillon-admin.sock' }],
  ['unix:/a b/.c', { path: '/a b/.c' }],
  [LONGEST, { path: LONGEST.slice(5) }],
])('%s is an address', (text, address) => {
  expect(read(text)).toEqual(address)
  expect(formatAddress(address)).toBe(text)
})

const FORMS =
  'expected HOST:PORT, [IPv6]:PORT or unix:PATH, like 127.0.0.1:6002 or unix:/run/carillon-admin.sock'
const NO_HOST =
  'expected a host too, like 127.0.0.1:6002; 0.0.0.0:6002 would be open to every network'
const NO_PORT = 'expected a port too, like 127.0.0.1:6002'
const NO_PATH = 'expected an absolute path to a file, like unix:/run/carillon-admin.sock'
const SCHEME = 'expected no scheme: 127.0.0.1:6002, or unix:/run/a.sock'
const BRACKETS = 'expected IPv6 addresses in brackets and a port, like [::1]:6002'

test.each([
  ['6002', NO_HOST],
  [':6002', NO_HOST],
  ['localhost', NO_PORT],
  ['127.0.0.1:', NO_PORT],
  ['::1', BRACKETS],
  ['::1:6002', BRACKETS],
  ['http://127.0.0.1:6002', SCHEME],
  ['unix://run/a.sock', SCHEME],
  ['/run/a.sock', 'expected unix: before the path of a socket'],
  ['unix:', NO_PATH],
  ['unix:/', NO_PATH],
  ['unix:a.sock', NO_PATH],
  ['unix:/run/', NO_PATH],
  ['unix:/run/../a.sock', NO_PATH],
  ['unix:/run/./a.sock', NO_PATH],
  ['unix:/run/a.sock ', NO_PATH],
  ['unix:@abstract', NO_PATH],
  ['127.0.0.1:65536', 'expected a port from 0 to 65535'],
  ['[127.0.0.1]:6002', FORMS],
  ['[::1]', FORMS],
  ['*:6002', FORMS],
  ['a b:6002', FORMS],
  ['127.0.0.1:6002:1', FORMS],
  ['127.0.0.1:-1', FORMS],
  ['127.0.0.1:6002, [::1]:6002', FORMS],
])('%j is none: %s', (text, expected) => {
  expect(findMistakes({ CARILLON_ADMIN_LISTEN: text })).toEqual([
    `CARILLON_ADMIN_LISTEN=${text}: ${expected}`,
  ])
})

test('a socket that is too long for the system is told of before the start, with all other mistakes', () => {
  const mistakes = findMistakes({ CARILLON_ADMIN_LISTEN: `${LONGEST}x`, CARILLON_SWAGGER: 'no' })
  expect(mistakes).toEqual([
    expect.stringMatching(/^CARILLON_ADMIN_LISTEN=unix:.*: expected a path of at most 107 bytes/),
    'CARILLON_SWAGGER=no: expected on or off',
  ])
})

const CLASH = 'expected another address than that of HOST and PORT, which is for clients'
test.each([
  ['127.0.0.1', '6001', '127.0.0.1:6001', true],
  ['LOCALHOST', '6001', 'localhost:6001', true],
  ['localhost', '6001', '[::1]:6001', true],
  ['0.0.0.0', '6001', '10.0.0.1:6001', true],
  ['10.0.0.1', '6001', '[::]:6001', true],
  ['127.0.0.1', '6001', '127.0.0.2:6001', false],
  ['10.0.0.1', '6001', '127.0.0.1:6001', false],
  ['127.0.0.1', '6001', '[::1]:6001', false],
  ['127.0.0.1', '6001', '127.0.0.1:6002', false],
  ['127.0.0.1', '0', '127.0.0.1:0', false],
  ['127.0.0.1', '6001', 'unix:/run/a.sock', false],
])('HOST=%s PORT=%s and %s clash: %p', (HOST, PORT, CARILLON_ADMIN_LISTEN, isClash) => {
  const mistakes = findMistakes({ HOST, PORT, CARILLON_ADMIN_LISTEN })
  expect(mistakes).toEqual(
    isClash ? [`CARILLON_ADMIN_LISTEN=${CARILLON_ADMIN_LISTEN}: ${CLASH}`] : [],
  )
})

test.each([
  [{ PORT: '6001' }, 'HOST and PORT'],
  [{ HOST: '0.0.0.0' }, 'HOST and PORT'],
  [{ CARILLON_ADMIN_LISTEN: '127.0.0.1:6001', PORT: '6003' }, 'CARILLON_ADMIN_LISTEN'],
  [{ CARILLON_METRICS_HOST: '127.0.0.2' }, undefined],
  [{ CARILLON_ADMIN_LISTEN: 'unix:/run/a.sock', PORT: '6003' }, undefined],
])('the port of the metrics is not that of %p: %p', (settings, other) => {
  const mistakes = findMistakes({ CARILLON_METRICS_PORT: '6001', ...settings })
  const mistake = `CARILLON_METRICS_PORT=6001: expected another port than that of ${other}`
  expect(mistakes).toEqual(other === undefined ? [] : [mistake])
})

test.each([
  ['127.0.0.1:6002', undefined],
  ['localhost:6002', undefined],
  ['[::1]:6002', undefined],
  ['unix:/run/a.sock', undefined],
  ['0.0.0.0:6002', 'CARILLON_ADMIN_LISTEN=0.0.0.0:6002 is not loopback'],
  ['[fd00::1]:6002', 'CARILLON_ADMIN_LISTEN=[fd00::1]:6002 is not loopback'],
])('admins at %s open the server to others: %p', (CARILLON_ADMIN_LISTEN, reason) => {
  expect(exposure(readConfig({ CARILLON_ADMIN_LISTEN }))).toBe(reason)
})

test.each(['on', 'true', '1', 'off', 'false', '0'])('CARILLON_SWAGGER=%s is clear', (value) => {
  const isOn = ['on', 'true', '1'].includes(value)
  expect(readConfig({ CARILLON_SWAGGER: value }).swagger).toBe(isOn ? 'on' : 'off')
})

test('a socket may stand for a proxy that is trusted', () => {
  const env = { CARILLON_TRUSTED_PROXIES: 'unix,10.0.0.0/8' }
  expect(readConfig(env).trustedProxies).toEqual(['unix', '10.0.0.0/8'])
  expect(exposure(readConfig(env))).toBe('CARILLON_TRUSTED_PROXIES names a proxy')
  expect(findMistakes({ CARILLON_TRUSTED_PROXIES: 'unix:/run/a.sock' })).toEqual([
    'CARILLON_TRUSTED_PROXIES=unix:/run/a.sock: expected addresses and networks like 10.0.0.0/8, or unix, separated by commas',
  ])
})
