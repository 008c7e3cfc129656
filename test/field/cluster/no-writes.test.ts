/** A Redis that takes no writes refuses what a node has to tell it: the node says it again once it may, and not before. */
import { expect, test } from 'bun:test'
import { partitionOf, type FullName } from '../../../src/cluster/names'
import { waitUntil } from '../../harness'
import { hashesOf, runs, watchCommands } from '../../redis/commands'
import { describeWith } from '../programs'
import { until } from './node'
import { startPair } from './pair'

const ROOM = 'presence-room'
const PARTITION = partitionOf(`1/${ROOM}` as FullName)
const BEATS = hashesOf('beat')
const COMPARISONS = hashesOf('held')

describeWith('redis-server', 'a Redis that takes no writes', () => {
  test('is compared with what a node holds only once it takes them again', async () => {
    await using pair = await startPair()
    const { one, two, redis } = pair
    await using client = await two.raw()
    await two.signedIn(client, ROOM, { user_id: 'ann' })
    let beats = 0
    let comparisons = 0
    const stop = watchCommands((command) => {
      if (!command.args.some((arg) => String(arg).includes(`{${PARTITION}}`))) return
      if (runs(BEATS, command)) beats++
      if (runs(COMPARISONS, command)) comparisons++
    })
    try {
      await redis.cli('config', 'set', 'min-replicas-to-write', '1')
      client.send({ event: 'pusher:unsubscribe', data: { channel: ROOM } })
      // Those of both nodes, three times. It is not yet this partition's turn by itself.
      await waitUntil('beats are refused', () => beats >= 6)
      expect(comparisons).toBe(0)
      await redis.cli('config', 'set', 'min-replicas-to-write', '0')
      const read = async () => (await one.signed('GET', `/channels/${ROOM}/users`)).json()
      await until(read, (found) => Bun.deepEquals(found, { users: [] }))
    } finally {
      stop()
    }
  })
})
