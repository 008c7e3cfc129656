/** Connections that are cut, a Redis that comes back, and a replica that takes over. */
import { expect, test } from 'bun:test'
import { RedisAway } from '../../../src/cluster/link/away'
import { newScript } from '../../../src/cluster/link/script'
import { nextLook } from '../../harness'
import { openTestLink } from '../../redis/link'
import { startProxy } from '../../redis/proxy'
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

  test('carries out nothing twice, nothing that it refused, and nothing out of turn', async () => {
    const note = newScript('note', "return redis.call('RPUSH', prefix .. 'notes', ARGV[1])")
    const read = newScript('read', "return redis.call('LRANGE', prefix .. 'notes', 0, -1)")
    await using redis = await startRedis()
    await using proxy = await startProxy(redis.port)
    await using link = await openTestLink(redis.urlAt(proxy.port))
    const outcomes: ('done' | 'refused' | 'unknown')[] = []
    const send = async (): Promise<void> => {
      const index = outcomes.push('unknown') - 1
      try {
        await link.run(note, '7', [index])
        outcomes[index] = 'done'
      } catch (cause) {
        expect(cause).toBeInstanceOf(RedisAway)
        if (!(cause as RedisAway).maySent) outcomes[index] = 'refused'
      }
    }
    for (let round = 0; round < 30; round++) {
      const sent: Promise<void>[] = []
      for (let burst = 0; burst < 20; burst++) {
        for (let each = 0; each < 10; each++) sent.push(send())
        if (burst === 10 + (round % 7)) proxy.reset()
        await new Promise(setImmediate)
      }
      await Promise.all(sent)
      await link.waitFor('connected')
    }
    const written = ((await link.run(read, '7', [])) as string[]).map(Number)
    expect(written).toEqual(written.toSorted((one, other) => one - other))
    expect(new Set(written).size).toBe(written.length)
    const isWritten = new Set(written)
    const wrong = outcomes.filter((outcome, index) =>
      outcome === 'done' ? !isWritten.has(index) : outcome === 'refused' && isWritten.has(index),
    )
    expect(wrong).toEqual([])
    for (const outcome of ['done', 'refused', 'unknown'] as const)
      expect(outcomes).toContain(outcome)
  })

  test('follows Sentinel to the replica that takes over', async () => {
    await using redis = await startRedis({ sentinel: true })
    await redis.sentinel!.cli('acl', 'setuser', 'default', 'resetpass', '>watchword')
    await using stranger = await openTestLink(redis.url)
    expect(stranger.trouble).toContain('NOAUTH')
    await stranger.close()
    await using link = await openTestLink(redis.url, { sentinelPassword: 'watchword' })
    await link.subscribe('{7}:bus:a')
    expect(await link.run(SAY, '7', ['before'])).toBe(1)
    const life = link.life('7')
    // What a replica has not got is lost with its master.
    while (!(await redis.at(1).cli('keys', '*{7}:runs'))) await nextLook()
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
