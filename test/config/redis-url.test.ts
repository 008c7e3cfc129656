/** CARILLON_REDIS_URL, and the settings that go with it. */
import { expect, test } from 'bun:test'
import { hostname } from 'node:os'
import { nodeNameOf } from '../../src/config/cluster-settings'
import { readRedisUrl } from '../../src/config/redis-url'
import { findMistakes } from '../mistakes'

const NO_NAME = { username: undefined, password: undefined }
const at = (...addresses: string[]) =>
  addresses.map((address) => {
    const [, host, port] = /^(.+):(\d+)$/.exec(address)!
    return { host, port: Number(port) }
  })
const SINGLE = { kind: 'single', isEncrypted: false, master: '', database: 0, ...NO_NAME }

test.each([
  ['redis://localhost', { ...SINGLE, addresses: at('localhost:6379') }],
  ['rediss://redis.example.org:6380/3', { ...SINGLE, isEncrypted: true, database: 3 }],
  ['redis://:p%40ss@localhost', { ...SINGLE, password: 'p@ss' }],
  ['redis://user:a%2Fb@[::1]:7000', { ...SINGLE, username: 'user', password: 'a/b' }],
  ['redis://[::1]:7000', { ...SINGLE, addresses: at('::1:7000') }],
  ['redis://a:7000,b:7001', { ...SINGLE, kind: 'cluster', addresses: at('a:7000', 'b:7001') }],
  ['redis+cluster://a', { ...SINGLE, kind: 'cluster', addresses: at('a:6379') }],
  ['rediss+cluster://a,b/0', { ...SINGLE, kind: 'cluster', isEncrypted: true }],
  [
    'redis+sentinel://user:word@a,b:26380/main/2',
    {
      kind: 'sentinel',
      isEncrypted: false,
      addresses: at('a:26379', 'b:26380'),
      master: 'main',
      database: 2,
      username: 'user',
      password: 'word',
    },
  ],
])('%s is read', (url, expected) => {
  expect(readRedisUrl(url)).toMatchObject(expected as object)
})

test.each([
  '',
  'localhost:6379',
  'http://localhost',
  'redis://',
  'redis://a b',
  'redis://a:0',
  'redis://a:70000',
  'redis://a/x',
  'redis://a/1/2',
  'redis://a:1:2',
  'redis://user@a',
  'redis://:%zz@a',
  'redis://a?db=1',
  'redis+cluster://a/1',
  'redis+sentinel://a',
  'redis+sentinel://a/',
])('%j is none', (url) => {
  expect(readRedisUrl(url)).toBeUndefined()
})

test('a URL that cannot be used is told without its password', () => {
  const [mistake = ''] = findMistakes({ CARILLON_REDIS_URL: 'redis://:hunter2@a b' })
  expect(mistake).toStartWith('CARILLON_REDIS_URL=(hidden): expected redis://')
  expect(mistake).not.toContain('hunter2')
})

test.each([
  [
    { CARILLON_REDIS_URL: 'rediss://a', CARILLON_REDIS_CERT_FILE: 'a' },
    ['CARILLON_REDIS_KEY_FILE is not set'],
  ],
  [
    { CARILLON_REDIS_URL: 'redis://a', CARILLON_REDIS_CA_FILE: 'a' },
    ['CARILLON_REDIS_CA_FILE is set, and'],
  ],
  [{ CARILLON_REDIS_SERVER_NAME: 'a' }, ['CARILLON_REDIS_SERVER_NAME is set, and']],
  [
    { CARILLON_REDIS_URL: 'redis://a', CARILLON_REDIS_SENTINEL_PASSWORD: 'a' },
    ['CARILLON_REDIS_SENTINEL_PASSWORD is set, and'],
  ],
  [{ CARILLON_CLUSTER: 'a:b' }, ['CARILLON_CLUSTER=a:b: expected letters']],
  [{ CARILLON_CLUSTER: 'blue-1', CARILLON_NODE_NAME: 'web-1.example.org' }, []],
])('%j', (environment, expected) => {
  const mistakes = findMistakes(environment)
  expect(mistakes.length).toBe(expected.length)
  expected.forEach((text, index) => expect(mistakes[index]).toStartWith(text))
})

test('a server without a name has that of its machine', () => {
  expect(nodeNameOf({ nodeName: '' })).toBe(hostname())
  expect(nodeNameOf({ nodeName: 'web-1' })).toBe('web-1')
})
