/** Somebody else writes on a bus: what they write is refused and counted, and disturbs nobody. */
import { expect, test } from 'bun:test'
import { busOf } from '../../../src/cluster/names'
import { VERSION } from '../../../src/cluster/wire'
import type { TestServer } from '../../harness'
import { describeWith } from '../programs'
import { startPair } from './pair'

/** Messages that it has refused, and fetches since one was missing. */
const countsOf = async (server: TestServer) => {
  const { data } = (await (await server.admin('/api/admin/nodes')).json()) as {
    data: { asked: boolean; redis: { refused_messages: number; gaps: number } }[]
  }
  return data.find(({ asked }) => asked)!.redis
}

describeWith('redis-server', 'a hostile message', () => {
  test('is refused, counted and harmless', async () => {
    await using pair = await startPair()
    const { one, two, redis } = pair
    await using ann = await one.raw()
    await using bob = await two.raw()
    await one.signedIn(ann, 'presence-room', { user_id: 'ann' })
    await two.signedIn(bob, 'presence-room', { user_id: 'bob' })
    expect(await ann.next()).toContain('member_added')
    const name = '1/presence-room'
    const bus = `carillon:default:${busOf(name)}`
    const prefix = bus.slice(0, bus.indexOf('bus:'))
    const epoch = await redis.cli('hget', `${prefix}channel:${name}`, 'epoch')
    const say = (...lines: string[]): Promise<string> =>
      redis.cli(
        'eval',
        `for _, line in ipairs(ARGV) do redis.call('PUBLISH', KEYS[1], line) end`,
        '1',
        bus,
        ...lines,
      )
    const at = (rev: number, ...fields: readonly unknown[]): string =>
      JSON.stringify([VERSION, epoch.trim(), rev, ...fields])
    const nonsense = [
      '',
      'nonsense',
      '[]',
      '['.repeat(100_000),
      at(-1, 'f'),
      at(1e300, 'f'),
      JSON.stringify([99, epoch, 1, 'f']),
      at(4, '+', 1),
      `${at(4, 'e', 'e', null, null)}\nno json`,
    ]
    const before = await countsOf(one)
    await say(...nonsense)
    // Numbers that are far ahead, and epochs that there are none of: each might be a message that is missing.
    const began = performance.now()
    for (let round = 0; round < 30; round++) {
      const far = Array.from({ length: 50 }, (_, index) => at(1e6 + round * 50 + index, 'f'))
      await say(...far, JSON.stringify([VERSION, `other${round}`, 1, 'f']))
    }
    await one.trigger({ channel: 'presence-room', name: 'marker', data: 'x' })
    for (const client of [ann, bob]) expect(await client.next()).toContain('marker')
    const after = await countsOf(one)
    // Once a second at most it is looked at what the channel is.
    const seconds = (performance.now() - began) / 1000
    expect(after.gaps - before.gaps).toBeWithin(1, 3 + seconds)
    expect(after.refused_messages - before.refused_messages).toBeGreaterThan(400)
    // What has passed by meanwhile is known to all.
    await using eve = await two.raw()
    await two.signedIn(eve, 'presence-room', { user_id: 'eve' })
    for (const client of [ann, bob]) expect(await client.next()).toContain('eve')
  })
})
