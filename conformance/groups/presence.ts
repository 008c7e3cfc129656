/** Presence channels. */
import type { Case, Group } from '../case'
import type { WireClient } from '../clients/wire'
import { expectSame, expectThat, parseJson } from '../mismatch'
import type { Stage } from '../stage'

type Members = {
  readonly ids?: readonly unknown[]
  readonly hash?: Readonly<Record<string, unknown>>
  readonly count?: number
}

const member = (user_id: string | number, user_info?: object): string =>
  JSON.stringify({ user_id, user_info })

/** Joins, and returns who is there. */
async function enter(client: WireClient, channel: string, channelData: string): Promise<Members> {
  const data = await client.join(channel, channelData)
  const { presence } = parseJson('data of the subscription', data) as { presence?: Members }
  expectThat(typeof presence === 'object', 'presence in the data of the subscription', data)
  return presence
}

/** Joins as each of these, on a connection of its own. */
async function enterAll(stage: Stage, channel: string, ...users: readonly string[]) {
  const clients = []
  for (const user of users) {
    const client = await stage.wire()
    await enter(client, channel, member(user, { name: user }))
    for (const other of clients) await other.nextOf('pusher_internal:member_added', channel)
    clients.push(client)
  }
  return clients
}

const REFUSED: readonly (readonly [what: string, channelData: string])[] = [
  ['channel_data without a user_id', '{"user_info":{}}'],
  ['channel_data that is no JSON', 'ada'],
  ['channel_data that is a list', '["ada"]'],
  ['user_info that is no object', '{"user_id":"1","user_info":"ada"}'],
]

export const PRESENCE: Group = {
  name: 'presence',
  about: 'presence channels: members, who comes and goes',
  cases: [
    {
      name: 'pusher-js knows the members and itself',
      spec: 'Presence channels, Accessing channel members',
      async play(stage) {
        const channel = stage.name('presence-')
        await enter(await stage.wire(), channel, member('ada', { name: 'Ada' }))
        const client = stage.pusherJs({ member: { user_id: 'bob', user_info: { name: 'Bob' } } })
        const joined = (await client.subscribe(channel)).channel
        const { members } = joined as unknown as {
          members: { count: number; me: unknown; get(id: string): unknown }
        }
        expectSame('members.count', members.count, 2)
        expectSame('members.me', members.me, { id: 'bob', info: { name: 'Bob' } })
        expectSame('members.get', members.get('ada'), { id: 'ada', info: { name: 'Ada' } })
      },
    },
    {
      name: 'the subscription lists ids, hash and count, the newcomer included',
      spec: 'Protocol, pusher_internal:subscription_succeeded (presence)',
      async play(stage) {
        const channel = stage.name('presence-')
        await enterAll(stage, channel, 'ada')
        const members = await enter(await stage.wire(), channel, member('bob', { n: 1 }))
        expectSame('ids', members.ids?.toSorted(), ['ada', 'bob'])
        expectSame('hash', members.hash, { ada: { name: 'ada' }, bob: { n: 1 } })
        expectSame('count', members.count, 2)
      },
    },
    {
      name: 'the others are told a new member, with user_id and user_info',
      spec: 'Protocol, pusher_internal:member_added',
      async play(stage) {
        const channel = stage.name('presence-')
        const [ada] = await enterAll(stage, channel, 'ada')
        await enter(await stage.wire(), channel, member('bob', { name: 'Bob' }))
        const added = await ada!.nextData('pusher_internal:member_added', channel)
        expectSame('data', added, { user_id: 'bob', user_info: { name: 'Bob' } })
      },
    },
    {
      name: 'newcomers are not told themselves',
      spec: 'Protocol, pusher_internal:member_added',
      async play(stage) {
        const channel = stage.name('presence-')
        const [, bob] = await enterAll(stage, channel, 'ada', 'bob')
        await enter(await stage.wire(), channel, member('cy'))
        const added = await bob!.nextData('pusher_internal:member_added', channel)
        expectSame('user_id', (added as { user_id: unknown }).user_id, 'cy')
      },
    },
    ...(
      [
        ['unsubscribes', (client, channel) => client.leave(channel)],
        ['closes the connection', (client) => client.close()],
      ] as readonly [string, (client: WireClient, channel: string) => void][]
    ).map(([what, go]): Case => ({
      name: `the others are told that a member has gone who ${what}`,
      spec: 'Protocol, pusher_internal:member_removed',
      async play(stage) {
        const channel = stage.name('presence-')
        const [ada, bob] = await enterAll(stage, channel, 'ada', 'bob')
        go(bob!, channel)
        const removed = await ada!.nextData('pusher_internal:member_removed', channel)
        expectSame('data', removed, { user_id: 'bob' })
      },
    })),
    {
      name: 'those who come at once know each other, each once',
      spec: 'Presence channels; Protocol, pusher_internal:member_added',
      async play(stage) {
        const channel = stage.name('presence-')
        const users = ['a', 'b', 'c', 'd', 'e', 'f']
        const clients = await Promise.all(users.map(() => stage.wire()))
        const known = await Promise.all(
          users.map((user, index) => enter(clients[index]!, channel, member(user))),
        )
        for (const [index, client] of clients.entries()) {
          const ids = [...(known[index]!.ids ?? [])]
          while (ids.length < users.length) {
            const added = await client.nextData('pusher_internal:member_added', channel)
            ids.push((added as { user_id?: unknown }).user_id)
          }
          expectSame('the members', ids.toSorted(), users)
          await client.expectAlive()
        }
      },
    },
    {
      name: 'two connections of one user are one member',
      spec: 'Presence channels (a user counts once)',
      async play(stage) {
        const channel = stage.name('presence-')
        await enterAll(stage, channel, 'ada', 'bob')
        const members = await enter(await stage.wire(), channel, member('bob', { name: 'bob' }))
        expectSame('ids', members.ids?.toSorted(), ['ada', 'bob'])
        expectSame('count', members.count, 2)
      },
    },
    {
      name: 'the second connection of a user is told to nobody, coming or going',
      spec: 'Presence channels, member_added and member_removed',
      async play(stage) {
        const channel = stage.name('presence-')
        const [ada] = await enterAll(stage, channel, 'ada', 'bob')
        const second = await stage.wire()
        await enter(second, channel, member('bob'))
        second.leave(channel)
        await second.expectAlive()
        await enter(await stage.wire(), channel, member('cy'))
        const added = await ada!.nextData('pusher_internal:member_added', channel)
        expectSame('user_id', (added as { user_id: unknown }).user_id, 'cy')
      },
    },
    {
      name: 'after the last connection of a user the others are told',
      spec: 'Presence channels, member_removed',
      async play(stage) {
        const channel = stage.name('presence-')
        const [ada, first] = await enterAll(stage, channel, 'ada', 'bob')
        const second = await stage.wire()
        await enter(second, channel, member('bob'))
        first!.close()
        second.close()
        await ada!.nextOf('pusher_internal:member_removed', channel)
        await ada!.expectAlive()
      },
    },
    {
      name: 'pusher-js is told who comes and goes',
      spec: 'Presence channels, Events',
      async play(stage) {
        const channel = stage.name('presence-')
        const { emitted } = await stage.pusherJs({ member: { user_id: 'ada' } }).subscribe(channel)
        const bob = await stage.wire()
        await enter(bob, channel, member('bob', { name: 'Bob' }))
        const person = { id: 'bob', info: { name: 'Bob' } }
        const [added, removed] = ['pusher:member_added', 'pusher:member_removed']
        expectSame('the event', await emitted.next(added!), { event: added, data: person })
        bob.close()
        expectSame('the event', await emitted.next(removed!), { event: removed, data: person })
      },
    },
    {
      name: 'a number is a user_id, too',
      spec: 'Authorization signatures, Presence channels ("user_id":10)',
      async play(stage) {
        const members = await enter(await stage.wire(), stage.name('presence-'), member(10, {}))
        expectSame('hash', members.hash, { 10: {} })
        expectSame('count', members.count, 1)
      },
    },
    {
      name: 'user_info may be absent',
      spec: 'Presence channels (user_info is optional)',
      async play(stage) {
        const members = await enter(await stage.wire(), stage.name('presence-'), member('ada'))
        expectSame('ids', members.ids, ['ada'])
      },
    },
    {
      name: 'channel_data is verified as it was sent, with its spaces and in any writing',
      spec: 'Authorization signatures',
      async play(stage) {
        const data = '{ "user_id": "zo\\u00eb-7", "user_info": {"name":"Zoë 😀"} }'
        const members = await enter(await stage.wire(), stage.name('presence-'), data)
        expectSame('hash', members.hash, { 'zoë-7': { name: 'Zoë 😀' } })
      },
    },
    {
      name: 'channel_data other than what was signed is refused',
      spec: 'Authorization signatures',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name('presence-')]
        const { auth } = client.sign(channel, member('ada'))
        client.askFor(channel, { auth: auth!, channel_data: member('bob') })
        await client.expectRefused(channel, 'other channel_data')
      },
    },
    {
      name: 'neither channel_data nor a sign-in is refused',
      spec: 'Presence channels',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name('presence-')]
        client.askFor(channel, client.sign(channel))
        await client.expectRefused(channel, 'no channel_data')
      },
    },
    ...REFUSED.map(([what, data]): Case => ({
      name: `${what} is refused`,
      spec: 'Presence channels; hosted service: "user_info supplied to presence subscription is invalid"',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name('presence-')]
        client.askFor(channel, client.sign(channel, data))
        await client.expectRefused(channel, what)
      },
    })),
    {
      name: 'who has signed in joins without channel_data',
      spec: 'Presence channels (user authentication)',
      async play(stage) {
        const [client, channel, id] = [await stage.wire(), stage.name('presence-'), stage.name()]
        await client.signIn({ id, user_info: { name: 'Ada' } })
        const data = await client.join(channel)
        const { presence } = parseJson('data', data) as { presence: Members }
        expectSame('hash', presence?.hash, { [id]: { name: 'Ada' } })
      },
    },
  ],
}

/** Members that a channel takes at the most. */
const MAX_MEMBERS = 100

export const CROWD: Group = {
  name: 'crowd',
  about: `a presence channel takes ${MAX_MEMBERS} members`,
  asked: `it makes ${MAX_MEMBERS + 1} connections: --with crowd`,
  cases: [
    {
      name: `member ${MAX_MEMBERS} is accepted, the next one refused, and a second connection of a member is not`,
      spec: 'Presence channels (100 members)',
      times: 4,
      async play(stage) {
        const channel = stage.name('presence-')
        for (let index = 0; index < MAX_MEMBERS; index++)
          await (await stage.wire()).join(channel, member(`u${index}`))
        const late = await stage.wire()
        late.askFor(channel, late.sign(channel, member('late')))
        for (;;) {
          const { event } = await late.next('a refusal')
          if (event === 'pusher:error' || event === 'pusher:subscription_error') break
          expectThat(false, `member ${MAX_MEMBERS + 1} to be refused`, event)
        }
        const again = await stage.wire()
        again.askFor(channel, again.sign(channel, member('u0')))
        const expected = 'a second connection of a member to be accepted in a full channel'
        const message = await again.next(expected)
        const isIt = message.event === 'pusher_internal:subscription_succeeded'
        expectThat(isIt, expected, message)
      },
    },
  ],
}
