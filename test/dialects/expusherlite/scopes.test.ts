/**
 * Scopes of ExPusherLite on the Phoenix socket: who joins them, and what is said in them;
 * numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { allow, reject } from '../../../src/plugin'
import { makePlugin, start } from '../../harness'
import { connectPhoenix, makeReply } from '../../phoenix'

describe('scopes of ExPusherLite', () => {
  const TOPIC = 'private:test-app'

  test('public ones are open, also to what is below, and occupy no channel (59, trap 15)', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server, { version: 1 })
    expect(await client.join('public:test-app')).toEqual({})
    expect(await client.join('public:test-app:lobby', {}, '2')).toEqual({})
    expect(server.listFactNames().filter((name) => name.includes('occupied'))).toEqual([])
  })

  test('others need a plugin’s word; a signature is none', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server)
    for (const topic of [TOPIC, 'presence:test-app', 'deploys:test-app:web']) {
      const refused = await client.request('1', '1', topic, 'phx_join', { auth: 'k:s' })
      expect(refused).toEqual(makeReply(['1', '1', topic], 'error', 'authentication_required'))
    }
  })

  test('a plugin lets in, or says why not, and is shown app and payload', async () => {
    const seen: unknown[] = []
    const door = makePlugin('door', {
      authorize: (_, { app, channel, params }) => {
        seen.push([app.slug, channel, params])
        return params['token'] === 'good' ? allow() : reject('token_expired')
      },
      subscribed: (_, { channel }) => void seen.push(channel),
    })
    await using server = await start({ plugins: [door] })
    await using client = await connectPhoenix(server)
    const refused = await client.request('1', '1', TOPIC, 'phx_join', { token: 'bad' })
    expect(refused).toEqual(
      makeReply(['1', '1', TOPIC], 'error', { error: 'token_expired', reason: 'token_expired' }),
    )
    expect(await client.join(TOPIC, { token: 'good' })).toEqual({ message: 'Joined' })
    const [bad, good] = [{ token: 'bad' }, { token: 'good' }]
    expect(seen).toEqual([['test-app', TOPIC, bad], ['test-app', TOPIC, good], TOPIC])
  })

  test('what clients push on a public one reaches all, the sender too, unanswered (20, 22)', async () => {
    await using server = await start()
    await using ada = await connectPhoenix(server)
    await using bob = await connectPhoenix(server, { version: 1 })
    await ada.join('public:test-app')
    await bob.join('public:test-app')
    ada.send('1', '2', 'public:test-app', 'msg', 'text')
    expect(await ada.next()).toEqual([null, null, 'public:test-app', 'msg', { data: 'text' }])
    expect((await bob.next())[4]).toEqual({ data: 'text' })
    await ada.expectNothing()
  })

  test('only where the app allows it', async () => {
    await using server = await start()
    await server.change({ dialects: {} })
    await using client = await connectPhoenix(server)
    await client.join('public:test-app')
    const refused = await client.request('1', '2', 'public:test-app', 'msg', {})
    expect(refused[4]).toMatchObject({ status: 'error' })
  })

  test.each([
    'phx_close',
    'phx_error',
    'chan_reply_2',
    'presence_state',
    'presence_diff',
    'pusher:x',
    '',
  ])('the event %p is refused (27, trap 1, trap 2)', async (event) => {
    await using server = await start()
    await using client = await connectPhoenix(server)
    await client.join('public:test-app')
    const refused = await client.request('1', '2', 'public:test-app', event, {})
    expect(refused[4]).toMatchObject({ status: 'error' })
  })

  test('tenants are never mixed (78)', async () => {
    await using server = await start()
    server.addTenant()
    await using client = await connectPhoenix(server, { query: 'app_key=k' })
    await using member = await connectPhoenix(server)
    await member.join('public:test-app')
    await client.join('public:test-app') // a channel of its own app that is called so
    client.send('1', '2', 'public:test-app', 'client-x', {})
    expect((await client.next())[4]).toMatchObject({ status: 'error' })
    await member.expectNothing()
  })
})
