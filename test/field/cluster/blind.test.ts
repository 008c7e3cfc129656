/** Channels that were entered while Redis refused, without a connection that is lost. */
import { expect, test } from 'bun:test'
import { nextLook, start, waitUntil } from '../../harness'
import { partitionOf, type FullName } from '../../../src/cluster/names'
import { startRedis } from '../../redis/redis'
import { describeWith } from '../programs'
import { until } from './node'

describeWith('redis-server', 'a channel that was entered blind', () => {
  test('is heard once Redis takes orders again, and the log says that it was not', async () => {
    await using redis = await startRedis()
    const server = await start({ config: { redisUrl: redis.url } })
    const client = await server.raw()
    await redis.cli('config', 'set', 'maxmemory', '1')
    await client.subscribed('room')
    await waitUntil('it says so', () => server.core.readiness.reasonOf('redis') !== undefined)
    expect(server.core.readiness.reasonOf('redis')).toStartWith('it refuses writes: OOM')
    const full = /It is full: raise its maxmemory, or have apps keep less history/
    const { reason } = await (await server.http('/ready')).json()
    expect(reason).toMatch(full)
    const { data } = await (await server.admin('/api/admin/problems')).json()
    const [red] = data.problems
    expect([red.code, red.text]).toEqual(['not_ready', expect.stringContaining('writes: OOM')])
    expect(red.remedy).toMatch(full)
    await redis.cli('config', 'set', 'maxmemory', '0')
    const trigger = () => server.trigger({ channel: 'room', name: 'said', data: 'x' })
    let isHeard = false
    void client.next('the event').then(() => (isHeard = true))
    while (!isHeard) {
      expect((await trigger()).status).toBe(200)
      await nextLook()
    }
    const told = () => server.log.lines.filter(({ message }) => message.includes('heard nothing'))
    await waitUntil('the log says it', () => told().length > 0)
    expect(told().map(({ fields }) => fields)).toMatchObject([{ channels: 1 }])
    await waitUntil('it is over', () => server.core.readiness.reasonOf('redis') === undefined)
    const writes = server.log.lines.filter(({ message }) => message.includes('writes'))
    expect(writes.map(({ message }) => message)).toEqual([
      'redis: it refuses writes',
      'redis: it takes writes again',
    ])
    await server.stop()
  })
})

describeWith('redis-server', 'who leaves while Redis refuses', () => {
  test('has left as soon as it takes orders again', async () => {
    await using redis = await startRedis()
    const server = await start({ config: { redisUrl: redis.url } })
    // Partitions are compared by turns, which takes a minute: one whose turn is late.
    const names = Array.from({ length: 1000 }, (_, index) => `presence-${index}`)
    const channel = names.find((name) => partitionOf(`1/${name}` as FullName) === 60)!
    const client = await server.raw()
    await server.signedIn(client, channel, { user_id: 'ann' })
    await redis.cli('config', 'set', 'min-replicas-to-write', '1')
    client.send({ event: 'pusher:unsubscribe', data: { channel } })
    await waitUntil('it says so', () => server.core.readiness.reasonOf('redis') !== undefined)
    await redis.cli('config', 'set', 'min-replicas-to-write', '0')
    await until(
      () => server.askCounts(channel),
      ({ subscriptions }) => subscriptions === 0,
    )
    await server.stop()
  })
})
