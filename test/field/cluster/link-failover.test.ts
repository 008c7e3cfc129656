/** Connections that are cut, a Redis that comes back, and a replica that takes over. */
import { expect, test } from 'bun:test'
import { newScript } from '../../../src/cluster/script'
import { openTestLink } from '../../redis/link'
import { startRedis } from '../../redis/redis'
import { describeWith } from '../programs'

const SAY = newScript('say', "say('bus:a', ARGV[1]) return redis.call('INCR', prefix .. 'runs')")

describeWith('redis-server', 'a link that is cut', () => {
  test('is deaf for a while when its subscriptions are, and goes on asking', async () => {
    await using redis = await startRedis()
    await using link = await openTestLink(redis.url)
    await link.subscribe('{7}:bus:a')
    await redis.cli('client', 'kill', 'type', 'pubsub')
    expect(await link.waitFor('deaf')).toBeNumber()
    expect(await link.run(SAY, '7', ['word'])).toBe(1)
    await link.hear('{7}:bus:a', 'word')
    expect(link.lines).toEqual(['error redis: away', 'info redis: back'])
  })

  test('loads its scripts again before anything else, also where Redis has forgotten them', async () => {
    await using redis = await startRedis()
    await using link = await openTestLink(redis.url, { scripts: [SAY] })
    expect(await link.run(SAY, '7', ['a'])).toBe(1)
    await redis.cli('script', 'flush')
    const forgotten: unknown = await link.run(SAY, '7', ['b']).catch((cause: unknown) => cause)
    expect(forgotten).toMatchObject({ name: 'RedisAway', maySent: false })
    await link.waitFor('connected')
    expect(await link.run(SAY, '7', ['c'])).toBe(2)
    await redis.restart({ keepData: true })
    await link.waitFor('connected')
    expect(await link.run(SAY, '7', ['d'])).toBe(3)
  })

  test('answers for what is under way: nothing waits for a Redis that has ended', async () => {
    await using redis = await startRedis()
    await using link = await openTestLink(redis.url)
    redis.pause()
    const asked = Array.from({ length: 100 }, () => link.run(SAY, '7', ['word']))
    await redis.stop()
    for (const { status } of await Promise.allSettled(asked)) expect(status).toBe('rejected')
    const refusal: unknown = await asked[0]!.catch((cause: unknown) => cause)
    expect(refusal).toMatchObject({ name: 'RedisAway', maySent: true })
  })

  test('follows Sentinel to the replica that takes over', async () => {
    await using redis = await startRedis({ sentinel: true })
    await using link = await openTestLink(redis.url)
    await link.subscribe('{7}:bus:a')
    expect(await link.run(SAY, '7', ['before'])).toBe(1)
    const life = link.life('7')
    await redis.stop()
    await link.waitFor('connected')
    await link.waitFor('deaf')
    expect(link.life('7')).toMatchObject({ earlierId: life!.id })
    expect(link.life('7')!.id).not.toBe(life!.id)
    expect(await link.run(SAY, '7', ['after'])).toBe(2)
    await link.hear('{7}:bus:a', 'after')
    expect(link.readiness.parts()).toEqual([])
  })
})
