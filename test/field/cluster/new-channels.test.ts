/** Channels that nobody is in, over Redis: who enters too many of them costs it nothing. */
import { expect, test } from 'bun:test'
import type { RawClient } from '../../harness'
import { watchCommands } from '../../redis/commands'
import { describeWith } from '../programs'
import { startPair } from './pair'

const LIMITS = {
  maxNewChannelsAtOnce: 3,
  maxNewChannelsPerSecond: 1e-6,
  maxChannelsPerConnection: 3,
}

async function pass(client: RawClient, channel: string): Promise<void> {
  await client.subscribed(channel)
  client.send({ event: 'pusher:unsubscribe', data: { channel } })
}

async function expectRefused(client: RawClient, channel: string): Promise<void> {
  client.subscribe(channel)
  const [error] = await client.frames.take(2)
  expect(error).toContain('Channels that nobody is in are entered too often')
}

describeWith('redis-server', 'who enters too many channels that nobody is in', () => {
  test('is refused without a word to Redis', async () => {
    await using pair = await startPair(LIMITS)
    await using client = await pair.two.raw()
    for (const name of ['a', 'b', 'c']) await pass(client, name)
    const said: string[] = []
    const stop = watchCommands(({ name, args }) => {
      if (args.some((arg) => String(arg).includes('/refused-'))) said.push(name)
    })
    try {
      for (let count = 0; count < 20; count++) await expectRefused(client, `refused-${count}`)
    } finally {
      stop()
    }
    expect(said).toEqual([])
  })

  test('pays nothing for those that somebody is in on another node', async () => {
    await using pair = await startPair(LIMITS)
    await using client = await pair.two.raw()
    for (let count = 0; count < 5; count++) {
      await using host = await pair.one.raw()
      await host.subscribed(`room-${count}`)
      await pass(client, `room-${count}`)
    }
    for (const name of ['a', 'b', 'c']) await pass(client, name)
    await expectRefused(client, 'd')
  })
})
