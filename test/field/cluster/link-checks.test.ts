/** Who Redis is, and who it takes a server for: passwords, rights, TLS, versions, policies. */
import { expect, test } from 'bun:test'
import { RedisUnfit } from '../../../src/cluster/link/away'
import { readInfo, unfitness, warningsOf } from '../../../src/cluster/link/redis-info'
import { newScript } from '../../../src/cluster/link/script'
import { readRedisTls } from '../../../src/cluster/link/tls-files'
import { findFreePort } from '../../../bench/lib/processes'
import { Running } from '../../cli/run'
import { blocksOf, readPage } from '../../docs/pages'
import { start, waitUntil } from '../../harness'
import { openTestLink } from '../../redis/link'
import { CERT } from '../../redis/redis-process'
import { startRedis } from '../../redis/redis'
import { makeToken } from '../../tokens'
import { describeWith } from '../programs'
import { APPS, ask, makeApp } from './node'

const COUNT = newScript('count', "return redis.call('INCR', prefix .. 'count')")

const NO_FILES = {
  redisCaFile: undefined,
  redisCertFile: undefined,
  redisKeyFile: undefined,
  redisServerName: undefined,
}

const guide = blocksOf(await readPage('docs/scaling.md'))
/** The line of the guide that suffices, with the password `word`. */
const ACL = guide
  .find(({ code }) => code.startsWith('user carillon'))!
  .code.replace('>PASSWORD', '>word')
  .replace(/^user /, '')
  .trim()

/** Why a link is refused. */
const refusalOf = async (url: string, options?: Parameters<typeof openTestLink>[1]) => {
  const refusal: unknown = await openTestLink(url, options).catch((cause: unknown) => cause)
  expect(refusal).toBeInstanceOf(RedisUnfit)
  const { message } = refusal as RedisUnfit
  expect(message).not.toContain('hunter2')
  return message
}

const doctor = async (url: string) => {
  const env = { CARILLON_REDIS_URL: url, DATABASE_PATH: ':memory:', PORT: String(findFreePort()) }
  const { out } = await new Running(['doctor', '--json'], { env }).finished
  const findings = JSON.parse(out) as { check: string; state: string; about: string }[]
  return findings.filter(({ check }) => check === 'redis')
}

describeWith('redis-server', 'who may talk to Redis', () => {
  test('a server works with the rights of the guide, and no others', async () => {
    await using redis = await startRedis({ acl: [ACL] })
    const url = `redis://carillon:word@127.0.0.1:${redis.port}`
    await redis.cli('config', 'set', 'maxmemory-policy', 'allkeys-lru')
    const server = await start({ config: { redisUrl: url } })
    expect(await (await server.http('/ready')).json()).toEqual({
      ready: true,
      differences: [expect.stringContaining('Redis: its maxmemory-policy is allkeys-lru')],
    })
    const client = await server.raw()
    await server.signedIn(client, 'presence-room', { user_id: 'a' })
    await client.subscribed('cache-room')
    for (const channel of ['presence-room', 'cache-room'])
      expect((await server.trigger({ channel, name: 'said', data: channel })).status).toBe(200)
    await client.next('said')
    await client.next('said')
    await makeApp(server, 'an app')
    await makeToken(server, { name: 'ci', scope: 'app:an-app' })
    expect((await ask(server, 'DELETE', `${APPS}/an-app`)).status).toBe(204)
    await server.stop()
    const log = await redis.cli('acl', 'log')
    expect(log).toBe('')
    await using link = await openTestLink(url)
    const readOthers = newScript('others', "return redis.call('GET', 'others')")
    const refused: unknown = await link.run(readOthers, '1', []).catch((cause: unknown) => cause)
    expect(String(refused)).toMatch(/access|permission/)
  })

  test('what Redis refuses for good ends a start, with the reason and without the password', async () => {
    const few = 'few on >word ~* &* -@all +evalsha'
    const noScripts = 'reader on >word ~* &* +@all -script'
    await using redis = await startRedis({ password: 'right', acl: [few, noScripts] })
    const at = `127.0.0.1:${redis.port}`
    expect(await refusalOf(`redis://:hunter2@${at}`)).toBe(
      'Redis refuses the password of the user default in CARILLON_REDIS_URL',
    )
    expect(await refusalOf(`redis://some:hunter2@${at}`)).toContain('of the user some')
    expect(await refusalOf(`redis://${at}`)).toContain('Redis wants a password')
    expect(await refusalOf(`redis://few:word@${at}`)).toContain('too few rights')
    const scripts = { scripts: [COUNT] }
    expect(await refusalOf(`redis://reader:word@${at}`, scripts)).toContain('docs/scaling.md')
    expect(await refusalOf(`redis://:right@${at}/99`)).toBe('Redis has no database 99')
    expect(await refusalOf(`redis+cluster://:right@${at}`)).toContain('is in none')
    await using link = await openTestLink(`redis://:right@${at}/3`)
    expect(await link.run(COUNT, '1', [])).toBe(1)
    expect(await redis.cli('-n', '3', 'keys', '*')).toBe('carillon:tests:{1}:count')
  })

  test('TLS is checked against the authority that is named', async () => {
    await using redis = await startRedis({ tls: true })
    const trusting = { tls: () => readRedisTls({ ...NO_FILES, redisCaFile: CERT }) }
    await using link = await openTestLink(redis.url, trusting)
    expect(await link.run(COUNT, '1', [])).toBe(1)
    await using stranger = await openTestLink(redis.url)
    expect(stranger.isUp).toBe(false)
    expect(stranger.trouble).toMatch(/certificate/i)
    const misnamed = () =>
      readRedisTls({ ...NO_FILES, redisCaFile: CERT, redisServerName: 'redis.example.org' })
    await using other = await openTestLink(redis.url, { tls: misnamed })
    expect(other.trouble).toContain('redis.example.org')
    const missing = { tls: () => readRedisTls({ ...NO_FILES, redisCaFile: '/none' }) }
    expect(await refusalOf(redis.url, missing)).toStartWith('CARILLON_REDIS_CA_FILE=/none cannot')
  })

  test('what Redis refuses for now was not carried out, and a repeat is', async () => {
    await using redis = await startRedis()
    await using link = await openTestLink(redis.url)
    expect(await link.run(COUNT, '1', [])).toBe(1)
    const refusals = [
      ['OOM', ['config', 'set', 'maxmemory', '1'], ['config', 'set', 'maxmemory', '0']],
      [
        'NOREPLICAS',
        ['config', 'set', 'min-replicas-to-write', '1'],
        ['config', 'set', 'min-replicas-to-write', '0'],
      ],
      ['READONLY', ['replicaof', '127.0.0.1', '1'], ['replicaof', 'no', 'one']],
    ] as const
    for (const [index, [code, spoil, mend]] of refusals.entries()) {
      await redis.cli(...spoil)
      const refused: unknown = await link.run(COUNT, '1', []).catch((cause: unknown) => cause)
      expect(refused).toMatchObject({ name: 'RedisAway', maySent: false })
      expect(String(refused)).toContain(code)
      await redis.cli(...mend)
      await waitUntil('it is up', () => link.isUp)
      expect(await link.run(COUNT, '1', [])).toBe(index + 2)
    }
  })

  test('a policy that deletes is warned of', async () => {
    await using redis = await startRedis()
    await redis.cli('config', 'set', 'maxmemory-policy', 'allkeys-lru')
    expect(await doctor(redis.url)).toEqual([
      { state: 'warn', check: 'redis', about: expect.stringContaining('allkeys-lru') },
      { state: 'ok', check: 'redis', about: expect.stringContaining('there') },
    ])
    const refused = await doctor(`redis://:hunter2@127.0.0.1:${redis.port}`)
    expect(refused).toEqual([
      { state: 'fail', check: 'redis', about: expect.stringContaining('has a password') },
    ])
    await using link = await openTestLink(redis.url)
    expect(link.warnings).toEqual([expect.stringContaining('allkeys-lru')])
    expect(link.lines).toEqual([`warn redis: ${link.warnings[0]}`])
    await redis.cli('config', 'set', 'maxmemory-policy', 'noeviction')
    await redis.cli('client', 'kill', 'type', 'normal')
    await link.waitFor('connected')
    await waitUntil('nothing is warned of', () => link.warnings.length === 0)
  })
})

test.each([
  ['redis_version:6.2.1', 'single', 'expected Redis 7 or Valkey, and found redis 6.2.1'],
  ['redis_version:7.0.15', 'single', undefined],
  ['redis_version:7.2.4\r\nvalkey_version:8.0.1\r\nserver_mode:standalone', 'sentinel', undefined],
  ['redis_version:7.2.4\r\nredis_mode:cluster', 'cluster', undefined],
  ['redis_version:7.2.4\r\nredis_mode:cluster', 'single', expect.stringContaining('node of a')],
  ['', 'single', expect.stringContaining('expected Redis 7')],
] as const)('%j behind %s', (info, kind, reason) => {
  expect(unfitness(readInfo(info, 0), { kind })).toEqual(reason)
})

test('a clock that is off is warned of, and one that is about right is not', () => {
  const atNoon = 'redis_version:7.0.15\r\nserver_time_usec:1795867200000000'
  expect(warningsOf(readInfo(atNoon, 1_795_867_200_000 + 5000))).toEqual([])
  const [warning] = warningsOf(readInfo(atNoon, 1_795_867_200_000 - 3_600_000))
  expect(warning).toContain('are 3600 seconds apart')
})

test('a start says what it found in place of a Redis', async () => {
  await using other = await start()
  await using link = await openTestLink(`redis://127.0.0.1:${other.port}`)
  expect(link.trouble).toContain('is no Redis')
})
