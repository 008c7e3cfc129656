/** A node that has missed something of a channel without history: its log says since when. */
import { expect, test } from 'bun:test'
import { nextLook, waitUntil, type RawClient, type TestServer } from '../../harness'
import { describeWith } from '../programs'
import { startPair } from './pair'

/** As if the only node in a channel had stood still for longer than a lease, and another one had ended what it had. */
const GIVE_UP = `
for partition = 0, 63 do
  local prefix = 'carillon:default:{' .. partition .. '}:'
  for _, node in ipairs(redis.call('HKEYS', prefix .. 'counts:1/room')) do
    redis.call('ZREM', prefix .. 'leases', node)
    redis.call('DEL', prefix .. 'node:' .. node, prefix .. 'counts:1/room', prefix .. 'channel:1/room')
  end
end`

const ROOM = 'presence-room'
/** What is said goes on for so long. */
const SAID_MS = 2500

/** Triggers events again and again; returns for how long. */
async function sayMuch(server: TestServer): Promise<number> {
  const began = performance.now()
  while (performance.now() - began < SAID_MS) {
    expect((await server.trigger({ channel: 'room', name: 'said', data: 'x' })).status).toBe(200)
    await nextLook()
  }
  return performance.now() - began
}

const deafOf = ({ log }: TestServer): readonly number[] =>
  log.lines.flatMap(({ message, fields }) =>
    message.includes('heard nothing') ? [Number((fields as { deafMs: number }).deafMs)] : [],
  )

describeWith('redis-server', 'a node that has missed something', () => {
  test('tells its time also where it hears again long before it may ask again', async () => {
    await using pair = await startPair()
    const { one, two, redis, proxy } = pair
    await using client = await two.raw()
    await client.subscribed('room')
    await redis.cli('acl', 'setuser', 'default', '-script')
    proxy.reset()
    await waitUntil('it cannot ask', () => two.core.readiness.reasonOf('redis') !== undefined)
    const missedMs = await sayMuch(one)
    await redis.cli('acl', 'setuser', 'default', '+script')
    await waitUntil('the log says it', () => deafOf(two).length > 0)
    expect(Math.max(...deafOf(two))).toBeGreaterThanOrEqual(Math.floor(missedMs))
  })

  test('tells its time also where it was given up by the others and has heard all that was said', async () => {
    await using pair = await startPair()
    const { one, two, redis, proxy } = pair
    await using client = await two.raw()
    await client.subscribed('room')
    proxy.stall()
    await redis.cli('eval', GIVE_UP, '0')
    const missedMs = await sayMuch(one)
    await proxy.heal()
    await waitUntil('the log says it', () => deafOf(two).length > 0)
    expect(Math.max(...deafOf(two))).toBeGreaterThanOrEqual(Math.floor(missedMs))
  })

  test('counts nothing where only people have come and gone meanwhile', async () => {
    await using pair = await startPair()
    const { one, two, proxy } = pair
    const enter = async (node: TestServer, user: string): Promise<RawClient> => {
      const client = await node.raw()
      await node.signedIn(client, ROOM, { user_id: user })
      return client
    }
    await using _ann = await enter(two, 'ann')
    const isAway = () => two.core.readiness.reasonOf('redis') !== undefined
    for (const [isSaid, expected] of [
      [false, 0],
      [true, 1],
    ] as const) {
      await proxy.cut()
      await waitUntil('it hears nothing', isAway)
      await using _bob = await enter(one, 'bob')
      if (isSaid) await one.trigger({ channel: ROOM, name: 'said', data: 'x' })
      await proxy.heal()
      await waitUntil('it hears again', () => !isAway())
      // Who comes there waits until it has asked what it has missed.
      await using _eve = await enter(two, 'eve')
      expect(two.core.engine.nodes()[0]!.link!.deafChannels).toBe(expected)
    }
  })
})
