/** A node that leaves: who comes back to the other one has not been away for those who watch. */
import { expect, test } from 'bun:test'
import { waitUntil, type RawClient, type TestServer } from '../../harness'
import { describeWith } from '../programs'
import { startPair } from './pair'

const CHANNEL = 'presence-room'
const MEMBERS = ['ann', 'bob', 'cy']

const enter = async (server: TestServer, user: string): Promise<RawClient> => {
  const client = await server.raw()
  await server.signedIn(client, CHANNEL, { user_id: user })
  return client
}

describeWith('redis-server', 'a node that leaves', () => {
  test('keeps the seats of its members until they are back, or their time is over', async () => {
    await using pair = await startPair({}, 1500)
    const { one, two } = pair
    const members = await Promise.all(MEMBERS.map((user) => enter(one, user)))
    const gone = await enter(one, 'dan')
    await using watcher = await enter(two, 'eve')

    let hasLeft = false
    void one.server.leave().then(() => (hasLeft = true))
    const codes = [...members, gone].map(async (client) => {
      return (await client.closing()).code
    })
    one.advance(10_000)
    expect(await Promise.all(codes)).toEqual([4200, 4200, 4200, 4200])
    await Promise.all(MEMBERS.map((user) => enter(two, user)))
    // Seats that were kept are ended, and the one whose member is not back is told of.
    expect(await watcher.nextJson('a departure')).toEqual({
      event: 'pusher_internal:member_removed',
      channel: CHANNEL,
      data: '{"user_id":"dan"}',
    })
    await waitUntil('it has left', () => {
      one.advance(1000)
      return hasLeft
    })
    await two.trigger({ channel: CHANNEL, name: 'marker', data: '1' })
    expect(await watcher.nextJson('the marker')).toMatchObject({ event: 'marker' })
    const users = await (await two.signed('GET', `/channels/${CHANNEL}/users`)).json()
    expect(users.users.map(({ id }: { id: string }) => id).toSorted()).toEqual([...MEMBERS, 'eve'])
  })
})
