/**
 * What hooks are shown: connections from their hello to their end, refusals, apps as they are now.
 */
import { describe, expect, test } from 'bun:test'
import { definePlugin } from 'carillon/plugin'
import { makePlugin, start } from '../harness'

describe('what plugins are shown', () => {
  test('taps see a connection from its hello to its end, with the same locals', async () => {
    const seen: string[] = []
    const note = (text: string) => void seen.push(text)
    const plugin = definePlugin({
      name: 'diary',
      carillon: 1,
      locals: () => ({ n: 0 }),
      setup: () => ({
        connected: ({ locals }) => note(`connected ${locals.n++}`),
        subscribed: ({ locals }, { channel, userId }) =>
          note(`subscribed ${channel} ${userId} ${locals.n++}`),
        presence: ({ slug }, { type, channel, userId }) =>
          note(`${slug} ${type} ${channel} ${userId}`),
        refused: ({ locals }, { code }) => note(`refused ${code} ${locals.n++}`),
        unsubscribed: ({ locals, closed }, { channel }) =>
          note(`unsubscribed ${channel} ${locals.n++} ${closed}`),
        disconnected: ({ locals, signal }) => note(`disconnected ${locals.n} ${signal.aborted}`),
      }),
    })
    await using server = await start({ plugins: [plugin] })
    const client = await server.raw()
    await client.subscribed('room')
    await server.signedIn(client, 'presence-room', { user_id: '7' })
    client.send('nonsense')
    await client.next()
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await client.expectNothing()
    await client[Symbol.asyncDispose]()
    await server.waitForConnections(0)
    expect(seen).toEqual([
      'connected 0',
      'subscribed room undefined 1',
      'test-app member_added presence-room 7',
      'subscribed presence-room 7 2',
      'refused message_invalid 3',
      'unsubscribed room 4 false',
      'test-app member_removed presence-room 7',
      'unsubscribed presence-room 5 true',
      'disconnected 6 true',
    ])
  })

  test('the tap of refusals hears of a watchlist that is too long, and of timeouts', async () => {
    const codes: string[] = []
    const plugin = makePlugin('tally', { refused: (_, { code }) => void codes.push(code) })
    const limits = { maxWatchedUsers: 1, authorizeWithinSeconds: 10 }
    await using server = await start({ plugins: [plugin], limits })
    await using idle = await server.raw()
    await using user = await server.raw()
    server.signin(user, '{"id":"ada","watchlist":["a","b"]}')
    await user.frames.take(3)
    server.advance(15_001)
    expect((await idle.closing()).code).toBe(4009)
    server.advance(200_000)
    expect((await user.closing()).code).toBe(4201)
    expect(codes).toEqual(['watchlist_too_long', 'connection_refused', 'pong_timeout'])
  })

  test('a connection can be ended: for good with 4009, to reconnect with 4200', async () => {
    const plugin = makePlugin('end', {
      subscribed: (conn, { channel }) =>
        conn.disconnect('enough', { toReconnect: channel === 'again' }),
    })
    await using server = await start({ plugins: [plugin] })
    await using first = await server.raw()
    await first.subscribed('room')
    expect(await first.closing()).toEqual({ code: 4009, reason: 'enough' })
    await using second = await server.raw()
    await second.subscribed('again')
    expect(await second.closing()).toEqual({ code: 4200, reason: 'enough' })
  })

  test('views show no secret to a log, and an app as it is now', async () => {
    const apps: unknown[] = []
    const plugin = makePlugin('a', { connected: ({ app }) => void apps.push(app) })
    await using server = await start({ plugins: [plugin] })
    await using _client = await server.raw()
    expect(Bun.inspect(apps[0])).not.toContain('test-app-fake-secret')
    expect(JSON.stringify(apps)).not.toContain('secret')
    const app = server.core.apps.byId('1')!
    server.core.apps.change(app, { ...app.record, name: 'Renamed' }, 0)
    expect(apps).toMatchObject([{ name: 'Renamed', slug: 'test-app' }])
  })
})
