/** A link to one Redis: order, and what becomes of it when Redis goes and comes back. */
import { expect, test } from 'bun:test'
import { RedisAway } from '../../../src/cluster/link/link'
import { newScript } from '../../../src/cluster/link/script'
import { startProxy } from '../../redis/proxy'
import { startRedis } from '../../redis/redis'
import { openTestLink } from '../../redis/link'
import { describeWith } from '../programs'

/** Says its first argument on the bus of the place, and gives how many times it ran. */
const SAY = newScript('say', "say('bus:a', ARGV[1]) return redis.call('INCR', prefix .. 'runs')")

describeWith('redis-server', 'a link', () => {
  test('scripts are carried out in the order of calls, and heard in it', async () => {
    await using redis = await startRedis()
    await using link = await openTestLink(redis.url)
    expect(link.isUp).toBe(true)
    await link.subscribe('{7}:bus:a')
    const words = Array.from({ length: 2000 }, (_, index) => `word ${index}`)
    const answers = await Promise.all(words.map((word) => link.run(SAY, '7', [word])))
    expect(answers).toEqual(words.map((_, index) => index + 1))
    await link.hear('{7}:bus:a', 'word 1999')
    expect(link.heard).toEqual(words.map((word) => `{7}:bus:a ${word}`))
  })

  test('a Redis that ends is told once, and so is its return', async () => {
    await using redis = await startRedis()
    await using link = await openTestLink(redis.url)
    await link.subscribe('{7}:bus:a')
    await redis.stop()
    await link.waitFor('lost')
    const refused = { name: 'RedisAway', maySent: false }
    expect(await link.run(SAY, '7', ['no']).catch((cause: unknown) => cause)).toMatchObject(refused)
    expect(await link.subscribe('{7}:bus:b').catch((cause: unknown) => cause)).toMatchObject(
      refused,
    )
    expect(link.readiness.parts()).toEqual(['redis'])
    await redis.start()
    await link.waitFor('deaf')
    await link.waitFor('connected')
    expect(link.readiness.parts()).toEqual([])
    await link.run(SAY, '7', ['again'])
    await link.hear('{7}:bus:a', 'again')
    expect(link.lines).toEqual(['error redis: away', 'info redis: back'])
  })

  test('one that stands still is left, and what was asked of it may have been carried out', async () => {
    await using redis = await startRedis()
    await using proxy = await startProxy(redis.port)
    await using link = await openTestLink(redis.urlAt(proxy.port))
    proxy.stall()
    const sent = await link.run(SAY, '7', ['lost?']).catch((cause: unknown) => cause)
    expect(sent).toBeInstanceOf(RedisAway)
    expect(sent).toMatchObject({ maySent: true })
    expect(link.trouble).toBe('no answer within 3 seconds')
    await proxy.heal()
    await link.waitFor('connected')
    expect(await link.run(SAY, '7', ['now'])).toBeNumber()
  })
})
