/** What the HTTP API tells of channels and members. */
import type { Group } from '../case'
import { expectSame, expectThat } from '../mismatch'
import { LIST, type Channels } from './requests'

export const QUERIES: Group = {
  name: 'http-queries',
  about: 'channels, counts and members',
  cases: [
    {
      name: 'the occupied channels with a prefix are listed, and no others',
      spec: 'HTTP API, GET channels (filter_by_prefix)',
      async play(stage) {
        const [client, channel, other] = [await stage.wire(), stage.name(), stage.name('other-')]
        for (const each of [channel, other]) await client.subscribe(each)
        const query = { filter_by_prefix: channel }
        const { channels } = await stage.requests.ask({ ...LIST, query })
        expectSame('the names', Object.keys(channels ?? {}), [channel])
      },
    },
    {
      name: 'where none is occupied, channels is an empty object',
      spec: 'HTTP API, GET channels',
      async play(stage) {
        const query = { filter_by_prefix: stage.name() }
        const { channels } = await stage.requests.ask({ ...LIST, query })
        expectSame('channels', channels, {})
      },
    },
    {
      name: 'user_count is listed of presence channels',
      spec: 'HTTP API, GET channels (info)',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name('presence-')]
        await client.join(channel, '{"user_id":"1"}')
        const query = { filter_by_prefix: channel, info: 'user_count' }
        const channels = (await stage.requests.ask({ ...LIST, query }))['channels'] as Channels
        expectSame('user_count', channels?.[channel]?.['user_count'], 1)
      },
    },
    {
      name: 'user_count of all channels is answered with 400',
      spec: 'HTTP API, GET channels (user_count of presence channels only)',
      play: (stage) =>
        stage.requests.expectRefused({ ...LIST, query: { info: 'user_count' } }, 400),
    },
    {
      name: 'a channel is occupied while somebody is subscribed',
      spec: 'HTTP API, GET channels/[name]',
      async play(stage) {
        const [client, channel] = [await stage.wire(), `${stage.name()}-=@,.;`]
        const path = `/channels/${channel}`
        expectSame('occupied', (await stage.requests.ask({ path }))['occupied'], false)
        await client.subscribe(channel)
        expectSame('occupied', (await stage.requests.ask({ path }))['occupied'], true)
        client.leave(channel)
        await client.expectAlive()
        expectSame('occupied', (await stage.requests.ask({ path }))['occupied'], false)
      },
    },
    {
      name: 'subscription_count counts connections, user_count users',
      spec: 'HTTP API, GET channels/[name] (info)',
      async play(stage) {
        const channel = stage.name('presence-')
        for (const user of ['1', '1', '2'])
          await (await stage.wire()).join(channel, JSON.stringify({ user_id: user }))
        const query = { info: 'user_count,subscription_count' }
        const answer = await stage.requests.ask({ path: `/channels/${channel}`, query })
        expectSame('user_count', answer['user_count'], 2)
        expectSame('subscription_count', answer['subscription_count'], 3)
      },
    },
    {
      name: 'subscription_count of a public channel',
      spec: 'HTTP API, GET channels/[name] (info)',
      async play(stage) {
        const channel = stage.name()
        for (const client of [await stage.wire(), await stage.wire()])
          await client.subscribe(channel)
        const query = { info: 'subscription_count' }
        const answer = await stage.requests.ask({ path: `/channels/${channel}`, query })
        expectSame('subscription_count', answer['subscription_count'], 2)
      },
    },
    {
      name: 'user_count of a public channel is answered with 400',
      spec: 'HTTP API, GET channels/[name] (user_count of presence channels only)',
      async play(stage) {
        const path = `/channels/${stage.name()}`
        await stage.requests.expectRefused({ path, query: { info: 'user_count' } }, 400)
      },
    },
    {
      name: 'the members of a presence channel are listed once each, their ids as texts',
      spec: 'HTTP API, GET users; Go SDK, users[].id',
      async play(stage) {
        const channel = stage.name('presence-')
        for (const user_id of ['ada', 'ada', 7])
          await (await stage.wire()).join(channel, JSON.stringify({ user_id }))
        const { users } = await stage.requests.ask({ path: `/channels/${channel}/users` })
        expectThat(Array.isArray(users), 'a list of users', users)
        const ids = users.map((user: { id?: unknown }) => user.id)
        expectSame('ids', ids.toSorted(), ['7', 'ada'])
      },
    },
    {
      name: 'the members of a public channel are answered with 400',
      spec: 'HTTP API, GET users (presence channels only)',
      play: (stage) =>
        stage.requests.expectRefused({ path: `/channels/${stage.name()}/users` }, 400),
    },
    {
      name: 'a presence channel that nobody is in has no members',
      spec: 'HTTP API, GET users',
      async play(stage) {
        const path = `/channels/${stage.name('presence-')}/users`
        expectSame('users', (await stage.requests.ask({ path }))['users'], [])
      },
    },
  ],
}
