/** A node asks for what it has missed, and the answer comes before what is on its way on the bus. */
import { expect, test } from 'bun:test'
import { partitionOf, type FullName } from '../../../src/cluster/names'
import { waitUntil } from '../../harness'
import { describeWith } from '../programs'
import { startPair } from './pair'

const CHANNEL = 'private-room'
const NAME = `1/${CHANNEL}` as FullName
const DELAY_MS = 600

const RULE = { prefix: 'private-', size: 100, ttl_seconds: 3600, durable: false, rewind: 0 }

const CASES = [
  { says: 'nothing is kept', history: [] },
  { says: 'events of backends are kept', history: [RULE] },
]

describeWith('redis-server', 'an answer that overtakes the bus', () => {
  test.each(CASES)('hides nothing that is on its way, where $says', async ({ history }) => {
    await using pair = await startPair()
    const { one, two, redis, proxy } = pair
    await pair.change({ history })
    await using listener = await two.raw()
    await two.signedIn(listener, CHANNEL)
    const prefix = `carillon:default:{${partitionOf(NAME)}}:`
    const node = (await redis.cli('hkeys', `${prefix}counts:${NAME}`)).trim()
    await using sender = await one.raw()
    await using witness = await one.raw()
    for (const client of [sender, witness]) await one.signedIn(client, CHANNEL)
    const trigger = async (name: string) =>
      expect((await one.trigger({ channel: CHANNEL, name, data: 'x' })).status).toBe(200)

    proxy.delayBuses(DELAY_MS)
    const sent = ['first', 'client-second', 'third', 'client-fourth']
    for (const event of sent) {
      if (event.startsWith('client-')) sender.send({ event, channel: CHANNEL, data: 'x' })
      else await trigger(event)
      expect(await witness.nextJson()).toMatchObject({ event })
    }
    // The others give it up; it learns of that when it says that there is one more, and asks for the channel again.
    await redis.cli('zrem', `${prefix}leases`, node)
    await using late = await two.raw()
    await two.signedIn(late, CHANNEL)
    const isRenewed = () => two.log.lines.some(({ message }) => message.includes('was given up'))
    await waitUntil('it is back', isRenewed)
    await trigger('last')
    for (const event of [...sent, 'last'])
      expect(await listener.nextJson()).toMatchObject({ event, channel: CHANNEL })
    expect(two.core.engine.nodes()[0]!.link!.deafChannels).toBe(0)
  })
})
