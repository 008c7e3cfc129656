/** Redis away: what goes on, what is refused and how; and after its return all is right. */
import { expect, test } from 'bun:test'
import { waitUntil, type RawClient, type TestServer } from '../../harness'
import { describeWith } from '../programs'
import { startPair } from './pair'

const AWAY = 'The server cannot reach Redis at the moment; try again'
const EVENT = { name: 'e', channel: 'room', data: 'x' }

/** Requests that need the other nodes. */
const REFUSED = [
  ['GET', '/channels'],
  ['GET', '/channels/room'],
  ['GET', '/channels/cache-room'],
  ['GET', '/channels/presence-room/users'],
  ['POST', '/events', JSON.stringify(EVENT)],
  ['POST', '/events', JSON.stringify({ ...EVENT, idempotency_key: 'k' })],
  ['POST', '/batch_events', JSON.stringify({ batch: [EVENT] })],
] as const

/** Subscribes to a presence channel, and reads the answer. */
async function enter(server: TestServer, client: RawClient, user: string): Promise<unknown> {
  const data = JSON.stringify({ user_id: user })
  client.subscribe('presence-room', server.sign(client, 'presence-room', data), data)
  return client.nextJson()
}

describeWith('redis-server', 'while Redis is away', () => {
  test('sockets stay and public channels go on; what needs others is refused, until it is back', async () => {
    await using pair = await startPair()
    const { one, two, redis } = pair
    await using resident = await one.raw()
    await using guest = await two.raw()
    await resident.subscribed('room')
    await one.signedIn(resident, 'private-room')
    await enter(one, resident, 'ann')
    await enter(two, guest, 'bob')
    expect(await resident.next()).toContain('member_added')

    await redis.stop()
    await waitUntil('it is noticed', () => one.core.readiness.reasonOf('redis') !== undefined)
    for (const [method, path, body] of REFUSED) {
      const response = await one.signed(method, path, body)
      const found = { status: response.status, again: response.headers.get('retry-after') }
      expect({ path, ...found }).toEqual({ path, status: 503, again: '1' })
      expect(await response.text()).toContain(AWAY)
    }
    const ready = await one.http('/ready')
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('redis: ')])

    await using newcomer = await one.raw()
    await newcomer.subscribed('room')
    await newcomer.subscribed('nobody-was-here')
    resident.send({ event: 'client-e', channel: 'private-room', data: {} })
    expect(await resident.next()).toContain(AWAY)
    await using user = await one.raw()
    one.signin(user, '{"id":"ann"}')
    expect(await enter(one, newcomer, 'cid')).toMatchObject({
      event: 'pusher:subscription_error',
      channel: 'presence-room',
      data: { error: AWAY, status: 503 },
    })
    expect(await newcomer.next()).toContain(AWAY) // clients of before there were errors of subscriptions
    expect(await user.next()).toContain(AWAY)

    await redis.start()
    await waitUntil('both are back', () =>
      [one, two].every(({ core }) => core.readiness.reasonOf('redis') === undefined),
    )
    expect(await enter(one, newcomer, 'cid')).toMatchObject({
      event: 'pusher_internal:subscription_succeeded',
    })
    // Nobody was told that somebody has gone, or has come again, though Redis came back empty.
    for (const client of [resident, guest])
      expect(await client.nextJson()).toMatchObject({
        event: 'pusher_internal:member_added',
        data: expect.stringContaining('cid'),
      })
    expect((await two.trigger({ channel: 'room', name: 'e', data: 'x' })).status).toBe(200)
    for (const client of [resident, newcomer])
      expect(await client.nextJson()).toMatchObject({ channel: 'room', event: 'e' })
    await using late = await two.raw()
    expect(JSON.stringify(await enter(two, late, 'dan'))).toContain('\\"count\\":4')
  })
})
