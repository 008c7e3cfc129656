/** Watchlists: what contract 5.3 leaves open. Its statements are rows of `users-rows.test.ts`. */
import { describe, expect, test } from 'bun:test'
import { Inbox, start } from '../harness'
import { connectSignedIn } from './signed-in'

describe('watchlists', () => {
  const NEWS = (...groups: readonly (readonly [string, readonly string[]])[]) => {
    const events = groups.map(([name, ids]) => ({ name, user_ids: ids }))
    return JSON.stringify({
      event: 'pusher_internal:watchlist_events',
      data: JSON.stringify({ events }),
    })
  }

  test('of nobody, of oneself and twice the same say each thing once', async () => {
    await using server = await start()
    await using empty = await connectSignedIn(server, '{"id":"0","watchlist":[]}')
    await empty.expectNothing()
    await using self = await connectSignedIn(server, '{"id":"1","watchlist":["1","1"]}')
    expect(await self.next()).toBe(NEWS(['online', ['1']]))
    await self.expectNothing()
  })

  test('take no place from the channels of the connection', async () => {
    await using server = await start({ limits: { maxChannelsPerConnection: 2 } })
    await using client = await connectSignedIn(server, '{"id":"1","watchlist":["2","3","4"]}')
    await client.next('the watchlist')
    for (const channel of ['a', 'b']) await client.subscribed(channel)
    client.subscribe('c')
    expect(await client.next()).toContain('LimitReached')
  })

  test('can be switched off, and are no channel that anybody can name', async () => {
    await using server = await start({ limits: { maxWatchedUsers: 0 } })
    await using client = await connectSignedIn(server, '{"id":"1","watchlist":["2"]}')
    await client.expectNothing()
    client.subscribe('#watchlist-1')
    expect(await client.next()).toContain('Invalid channel name')
    await client.next('the error')
    expect((await server.trigger({ channel: '#watchlist-1', name: 'e', data: '' })).status).toBe(
      400,
    )
  })

  test.each(['"ada"', '{}', '[1]', '[""]'])('%s is refused', async (watchlist) => {
    await using server = await start()
    await using client = await server.raw()
    server.signin(client, `{"id":"1","watchlist":${watchlist}}`)
    expect(await client.next()).toContain('expected watchlist to be a list of non-empty strings')
    await client.expectNothing()
  })

  test('reach pusher-js', async () => {
    await using server = await start()
    const sdk = server.sdk()
    await using client = server.pusher({
      options: {
        userAuthentication: {
          endpoint: '',
          transport: 'ajax',
          customHandler: ({ socketId }, callback) =>
            callback(null, sdk.authenticateUser(socketId, { id: 'ada', watchlist: ['bob'] })),
        },
      },
    })
    const news = new Inbox<unknown>()
    client.pusher.user.watchlist.bind_global((name: string, data: unknown) =>
      news.push([name, data]),
    )
    client.pusher.signin()
    expect(await news.next()).toEqual(['offline', { name: 'offline', user_ids: ['bob'] }])
    await using _bob = await connectSignedIn(server, '{"id":"bob"}')
    expect(await news.next()).toEqual(['online', { name: 'online', user_ids: ['bob'] }])
  })
})
