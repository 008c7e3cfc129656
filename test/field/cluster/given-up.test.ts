/** A node that the others have given up: who is on it hears nothing of themselves. */
import { expect, test } from 'bun:test'
import { partitionOf, type FullName } from '../../../src/cluster/names'
import { describeWith } from '../programs'
import { startPair } from './pair'

/** Ends the lease of the node that has the seat of a socket. */
const END_LEASE = `
local node = string.match(redis.call('HGET', KEYS[1] .. 'seats:1/presence-room', ARGV[1]), '^[^\\n]*')
redis.call('ZADD', KEYS[1] .. 'leases', 1, node)`

const news = (event: string, user: string) => ({
  event: `pusher_internal:${event}`,
  data: expect.stringContaining(`"user_id":"${user}"`),
})

describeWith('redis-server', 'a node that was given up', () => {
  test('does not tell connections of a user that the user has gone, though the others are told', async () => {
    await using pair = await startPair()
    const { one, two, redis, proxy } = pair
    await using watcher = await one.raw()
    await using phone = await two.raw()
    await using desk = await two.raw()
    await using late = await one.raw()
    await one.signedIn(watcher, 'presence-room', { user_id: 'watcher' })
    await two.signedIn(phone, 'presence-room', { user_id: 'ann' })
    await two.signedIn(desk, 'presence-room', { user_id: 'ann' })
    expect(await watcher.nextJson()).toMatchObject(news('member_added', 'ann'))
    proxy.stall()
    const prefix = `carillon:default:{${partitionOf('1/presence-room' as FullName)}}:`
    await redis.cli('eval', END_LEASE, '1', prefix, phone.socketId)
    expect(await watcher.nextJson()).toMatchObject(news('member_removed', 'ann'))
    await proxy.heal()
    expect(await watcher.nextJson()).toMatchObject(news('member_added', 'ann'))
    await one.signedIn(late, 'presence-room', { user_id: 'late' })
    for (const client of [watcher, phone, desk])
      expect(await client.nextJson()).toMatchObject(news('member_added', 'late'))
    expect(await one.askCounts('presence-room')).toMatchObject({ subscriptions: 4, users: 3 })
  })
})
