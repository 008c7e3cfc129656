/** A node that died with much in one partition: all of it is ended. */
import { expect, test } from 'bun:test'
import { partitionOf } from '../../../src/cluster/names'
import { describeWith } from '../programs'
import { startRedis } from '../../redis/redis'
import { startNode } from './node'
import { nextLook } from '../../harness'

const MANY = 10_000

/** As such a node leaves it: seats of as many users in one channel, and its lease over. */
const LEFT_BEHIND = `
local prefix, name = 'carillon:default:{' .. ARGV[1] .. '}:', '1/presence-big'
redis.call('HSET', prefix .. 'channel:' .. name, 'epoch', 'e', 'rev', ARGV[2], 'total', ARGV[2])
redis.call('ZADD', prefix .. 'leases', 1, 'dead.0')
for index = 1, tonumber(ARGV[2]) do
  local user = 'user-' .. index
  redis.call('HSET', prefix .. 'seats:' .. name, '1.' .. index, 'dead.0\\nnull\\n' .. user)
  redis.call('HSET', prefix .. 'users:' .. name, user, '1\\n' .. index .. '\\nnull')
  redis.call('HSET', prefix .. 'node:dead.0', 's1.' .. index .. ' ' .. name, '')
end`

describeWith('redis-server', 'a node that died', () => {
  test('leaves nothing behind, however much it had', async () => {
    await using redis = await startRedis()
    const partition = String(partitionOf('1/presence-big'))
    await redis.cli('eval', LEFT_BEHIND, '0', partition, String(MANY))
    const node = await startNode(redis.url)
    const left = async () =>
      Number(await redis.cli('hlen', `carillon:default:{${partition}}:node:dead.0`))
    const end = performance.now() + 15_000
    while ((await left()) > 0 && performance.now() < end) await nextLook()
    expect(await left()).toBe(0)
    expect(await node.askCounts('presence-big')).toMatchObject({ subscriptions: 0, users: 0 })
    await node.stop()
  })
})
