/** A node begins to hear a large presence channel: in many turns, each of which is short, and nothing is missed. */
import { expect, spyOn, test } from 'bun:test'
import { partitionOf } from '../../../src/cluster/names'
import { Roster } from '../../../src/core/roster'
import { describeWith } from '../programs'
import { startPair } from './pair'

const CHANNEL = 'presence-big'
const MANY = 5000
/** Members that one turn puts in their places. */
const AT_ONCE = 1000

/** Of one of them: what JSON, Lua and lines may trip over. */
const ODD = 'ü "\n[0]\\/\t\u2028☃😀'
const oddMember = JSON.stringify({ userId: ODD, userIdJson: JSON.stringify(ODD), userInfo: '{}' })

/** As a node leaves it that has so many there, and lives. */
const SEATED = `
local prefix, name = 'carillon:default:{' .. ARGV[1] .. '}:', '1/${CHANNEL}'
redis.call('HSET', prefix .. 'channel:' .. name, 'epoch', 'e', 'rev', ARGV[2], 'total', ARGV[2])
redis.call('ZADD', prefix .. 'leases', 9e15, 'other.0')
for index = 1, tonumber(ARGV[2]) do
  local user, socket = 'user-' .. index, '1.' .. index
  if index == 7 then user = ARGV[3] end
  local member = index == 7 and ARGV[4] or '{"userId":"' .. user .. '","userIdJson":"\\\\"' .. user .. '\\\\"","userInfo":"{}"}'
  local meta = '{"id":"' .. index .. '","since":1,"userInfo":"{}"}'
  redis.call('HSET', prefix .. 'seats:' .. name, socket, 'other.0\\n' .. meta .. '\\n' .. user)
  redis.call('HSET', prefix .. 'users:' .. name, user, '1\\n' .. index .. '\\n' .. member)
  redis.call('HSET', prefix .. 'node:other.0', 's' .. socket .. ' ' .. name, '')
end`

/** The most members that took their seats in one turn, and all together. */
function countPerTurn() {
  const counts = { inTurn: 0, most: 0, all: 0 }
  const { take } = Roster.prototype
  const spy = spyOn(Roster.prototype, 'take').mockImplementation(function (this: Roster, arrival) {
    counts.all++
    if (counts.inTurn++ === 0) setImmediate(() => (counts.inTurn = 0))
    counts.most = Math.max(counts.most, counts.inTurn)
    return take.call(this, arrival)
  })
  return { counts, [Symbol.dispose]: () => spy.mockRestore() }
}

/** Who is there, as the success of a subscription says it. */
const idsIn = (frame: string): string[] => JSON.parse(JSON.parse(frame).data).presence.ids

describeWith('redis-server', 'a presence channel of thousands', () => {
  test('is taken over in short turns, with all that is said of it meanwhile', async () => {
    await using pair = await startPair({ maxPresenceMembers: MANY + 10 })
    const { one, two, redis } = pair
    await redis.cli(
      'eval',
      SEATED,
      '0',
      String(partitionOf(`1/${CHANNEL}`)),
      String(MANY),
      ODD,
      oddMember,
    )
    using counting = countPerTurn()
    await using ann = await one.raw()
    await one.signedIn(ann, CHANNEL, { user_id: 'ann' })
    expect(counting.counts).toMatchObject({ all: MANY + 1 })
    expect(counting.counts.most).toBeWithin(2, AT_ONCE + 1)

    // Another node takes it over while people come.
    await using eve = await two.raw()
    const entering = two.signedIn(eve, CHANNEL, { user_id: 'eve' })
    await using bob = await one.raw()
    await using cat = await one.raw()
    await one.signedIn(bob, CHANNEL, { user_id: 'bob' })
    await one.signedIn(cat, CHANNEL, { user_id: 'cat' })
    const told = idsIn(await entering)
    expect(counting.counts.all).toBeGreaterThan(2 * MANY)
    expect(counting.counts.most).toBeLessThanOrEqual(AT_ONCE + 1)
    await one.trigger({ channel: CHANNEL, name: 'marker', data: 'x' })
    for (let frame = await eve.nextJson(); frame.event !== 'marker'; frame = await eve.nextJson())
      told.push(JSON.parse(frame.data as string).user_id)
    const seated = Array.from({ length: MANY }, (_, index) => `user-${index + 1}`)
    seated[6] = ODD
    expect(told.slice(0, MANY + 1)).toEqual([...seated, 'ann'])
    expect(told.slice(MANY + 1).toSorted()).toEqual(['bob', 'cat', 'eve'])
    const { users } = await (await one.signed('GET', `/channels/${CHANNEL}/users`)).json()
    expect((users as { id: string }[]).slice(0, MANY + 1).map(({ id }) => id)).toEqual([
      ...seated,
      'ann',
    ])
    expect(users).toHaveLength(MANY + 4)
  })
})
