/** Two nodes: users and topics whose names have bytes that mean something where they are kept, or on the way. */
import { expect, test } from 'bun:test'
import { allow } from '../../../src/plugin'
import { makePlugin, waitUntil } from '../../harness'
import { connectPhoenix, KEY } from '../../phoenix'
import { describeWith } from '../programs'
import { startRedis } from '../../redis/redis'
import { startNode } from './node'
import { startPair } from './pair'

const NAMES = [
  'line\nbreak',
  '\n',
  '"',
  '\\',
  '\u0000',
  '\u2028',
  '😀',
  '\ufffd',
  'é',
  ' ',
  '{1}:seats',
  "']] .. x",
  '1\n2\n3',
  'n'.repeat(128),
]

const ROOM = 'presence-room'

describeWith('redis-server', 'odd names over two nodes', () => {
  test('users', async () => {
    await using pair = await startPair()
    const { one, two } = pair
    await using watcher = await two.raw()
    await two.signedIn(watcher, ROOM, { user_id: 'watcher' })
    const read = async (event: string) => {
      const frame = await watcher.nextJson(event)
      expect(frame.event).toBe(`pusher_internal:${event}`)
      return JSON.parse(frame.data as string).user_id
    }
    const clients = []
    for (const name of NAMES) {
      const client = await one.raw()
      clients.push(client)
      const frame = JSON.parse(
        await one.signedIn(client, ROOM, { user_id: name, user_info: { name } }),
      )
      expect(JSON.parse(frame.data).presence.hash[name]).toEqual({ name })
      expect(await read('member_added')).toBe(name)
    }
    const all = ['watcher', ...NAMES]
    for (const server of [one, two]) {
      const { users } = (await (await server.signed('GET', `/channels/${ROOM}/users`)).json()) as {
        users: { id: string }[]
      }
      expect(users.map(({ id }) => id).sort()).toEqual([...all].sort())
    }
    for (const [index, name] of NAMES.entries()) {
      await clients[index]![Symbol.asyncDispose]()
      expect(await read('member_removed')).toBe(name)
    }
  })

  test('topics', async () => {
    await using redis = await startRedis()
    const authorize = makePlugin('vouch', {
      authorize: () => allow({ channelData: JSON.stringify({ user_id: 'ann\nbob' }) }),
    })
    const [one, two] = await Promise.all(
      [1, 2].map(() =>
        startNode(redis.url, { plugins: [authorize], webhookSettleMs: 200, webhookFlushMs: 0 }),
      ),
    )
    const facts = (type: string) =>
      [...one!.facts, ...two!.facts].flatMap((fact) =>
        fact.type === type && 'channel' in fact ? [fact] : [],
      )
    const client = await connectPhoenix(one!, { query: KEY })
    const topics = [...NAMES, ROOM, `${ROOM}\nann`]
    for (const topic of topics) {
      await client.join(topic)
      if (topic.startsWith(ROOM)) expect((await client.next())[3]).toBe('presence_state')
    }
    await client[Symbol.asyncDispose]()
    await waitUntil('all are told', () => facts('channel_vacated').length >= topics.length)
    for (const type of ['channel_occupied', 'channel_vacated'])
      expect(
        facts(type)
          .map(({ channel }) => channel as string)
          .sort(),
      ).toEqual([...topics].sort())
    for (const type of ['member_added', 'member_removed'])
      expect(
        facts(type)
          .map((fact) => [fact.channel as string, 'userId' in fact && fact.userId])
          .sort(),
      ).toEqual([`${ROOM}\nann`, ROOM].map((channel) => [channel, 'ann\nbob']))
    await Promise.all([one!.stop(), two!.stop()])
  })
})
