/** Channels that nobody has entered, or that all have left: a node does not hear them for long. */
import { expect, test } from 'bun:test'
import { ManualClock, MemoryLog } from '../../../kit/clock'
import { newNonce, newNumbers, type Context } from '../../../src/cluster/context'
import { Incarnations, Lives } from '../../../src/cluster/incarnations'
import { busOf, partitionOf, type FullName } from '../../../src/cluster/names'
import { Replicas } from '../../../src/cluster/replicas'
import { SCRIPTS } from '../../../src/cluster/scripts'
import { channelKind, userChannel } from '../../../src/core/channel'
import type { UserId } from '../../../src/core/types'
import { waitUntil } from '../../harness'
import { openTestLink } from '../../redis/link'
import { startRedis } from '../../redis/redis'
import { describeWith } from '../programs'
import { until } from './node'

const NAME = '1/room' as FullName
const KIND = channelKind('room')
/** Who comes does so at once. */
const SOON_MS = 1001
/** For so long a plugin may be asked about a user. */
const LATER_MS = 61_000

/** What a node hears, by a clock that is moved by hand. */
async function startHearing() {
  await using stack = new AsyncDisposableStack()
  const redis = stack.use(await startRedis())
  const link = stack.use(await openTestLink(redis.url))
  const clock = new ManualClock(Date.now())
  const incarnations = new Incarnations()
  const context = {
    link,
    clock,
    log: new MemoryLog(),
    incarnations,
    lives: new Lives(),
    numbers: newNumbers(),
    versions: { reads: 1, writes: 1 },
    untold: new Set(),
    node: { app: () => undefined },
  } as unknown as Context
  const takeLease = async (partition: number): Promise<void> => {
    const args = [incarnations.idOf(partition), '', newNonce(), 60_000, 0, 1, 0, 0, '']
    await link.run(SCRIPTS.beat, String(partition), args)
  }
  const nothing = () => undefined
  const replicas = new Replicas(context, {
    published: nothing,
    ordered: nothing,
    forgotten: nothing,
    adopted: nothing,
    fetched: nothing,
    expired: takeLease,
  })
  const place = `carillon:tests:${busOf(NAME)}`
  const kept = stack.move()
  return {
    replicas,
    clock,
    /** Done when Redis says that nobody listens, and has nothing of the node there. */
    async waitForSilence(): Promise<void> {
      const counts = `carillon:tests:{${partitionOf(NAME)}}:counts:${NAME}`
      const look = async () => [
        (await redis.cli('pubsub', 'numsub', place)).trim().split('\n')[1],
        (await redis.cli('exists', counts)).trim(),
      ]
      await until(look, (left) => Bun.deepEquals(left, ['0', '0']))
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

describeWith('redis-server', 'a channel that is of no use to anybody', () => {
  test('is given up where nobody has come once it was heard', async () => {
    await using hearing = await startHearing()
    const { replicas, clock } = hearing
    await replicas.hear(NAME, KIND)
    expect(replicas.get(NAME)!.state).toBe('live')
    clock.advance(SOON_MS)
    replicas.sweep()
    expect(replicas.get(NAME)).toBeUndefined()
    await hearing.waitForSilence()
  })

  test('is heard for as long as a plugin may be asked, where it is that of a user', async () => {
    await using hearing = await startHearing()
    const { replicas, clock } = hearing
    const name = `1/${userChannel('ann' as UserId)}` as FullName
    await replicas.hear(name, KIND)
    for (const [ms, state] of [
      [SOON_MS, 'live'],
      [LATER_MS, undefined],
    ] as const) {
      clock.advance(ms)
      replicas.sweep()
      expect(replicas.get(name)?.state).toBe(state)
    }
  })

  test('is given up where all leave while it is fetched anew', async () => {
    await using hearing = await startHearing()
    const { replicas, clock } = hearing
    const replica = await replicas.hear(NAME, KIND)
    replica.own = 1
    replicas.sweep()
    replicas.refetch(replica)
    replica.own = 0
    replicas.release(replica)
    clock.advance(LATER_MS)
    replicas.sweep()
    expect(replicas.get(NAME)).toBe(replica) // an answer is on its way
    await waitUntil('it is there', () => replica.state === 'live')
    clock.advance(SOON_MS)
    replicas.sweep()
    expect(replicas.get(NAME)).toBeUndefined()
    await hearing.waitForSilence()
  })
})
