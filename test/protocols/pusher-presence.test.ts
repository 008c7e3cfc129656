/** Contract 3: presence channels: who is there, who comes and goes, and how many may. */
import { describe, expect, test } from 'bun:test'
import { start } from '../harness'
import { makeMemberAdded, makeRefusal, makeMemberRemoved, makeSuccess } from '../frames'

describe('presence', () => {
  test('newcomers get the roster, the others the news, nobody their own', async () => {
    await using server = await start()
    await using ann = await server.raw()
    await using bob = await server.raw()
    expect(
      await server.signedIn(ann, 'presence-room', { user_id: '10', user_info: { name: 'Ann' } }),
    ).toBe(
      makeSuccess(
        'presence-room',
        '{"presence":{"ids":["10"],"hash":{"10":{"name":"Ann"}},"count":1}}',
      ),
    )
    expect(await server.signedIn(bob, 'presence-room', { user_id: 11 })).toBe(
      makeSuccess(
        'presence-room',
        '{"presence":{"ids":["10",11],"hash":{"10":{"name":"Ann"},"11":{}},"count":2}}',
      ),
    )
    expect(await ann.next()).toBe(makeMemberAdded('presence-room', '{"user_id":11,"user_info":{}}'))
    await bob.expectNothing()

    bob.send({ event: 'pusher:unsubscribe', data: { channel: 'presence-room' } })
    expect(await ann.next()).toBe(makeMemberRemoved('presence-room', '{"user_id":11}'))
    await bob.expectNothing()
  })

  test('three tabs of one user are one member', async () => {
    await using server = await start()
    await using watcher = await server.raw()
    await server.signedIn(watcher, 'presence-room', { user_id: 'watcher' })
    const tabs = [await server.raw(), await server.raw(), await server.raw()]
    for (const [index, tab] of tabs.entries()) {
      const frame = await server.signedIn(tab, 'presence-room', {
        user_id: 'ann',
        user_info: { tab: index },
      })
      expect(frame).toContain('\\"count\\":2')
      expect(frame).toContain('\\"ann\\":{\\"tab\\":0}') // the first description stays
    }
    expect(await watcher.next()).toBe(
      makeMemberAdded('presence-room', '{"user_id":"ann","user_info":{"tab":0}}'),
    )
    const counts = await server.sdk().get({
      path: '/channels/presence-room',
      params: { info: 'user_count,subscription_count' },
    })
    expect(await counts.json()).toEqual({ occupied: true, user_count: 2, subscription_count: 4 })

    for (const tab of tabs.slice(0, 2)) await tab[Symbol.asyncDispose]()
    await watcher.expectNothing()
    await tabs[2]![Symbol.asyncDispose]()
    expect(await watcher.next()).toBe(makeMemberRemoved('presence-room', '{"user_id":"ann"}'))
    await server.settle()
    expect(server.listFactNames().filter((name) => name.startsWith('member'))).toEqual([
      'member_added presence-room',
      'member_added presence-room',
      'member_removed presence-room',
    ])
  })

  test.each(['__proto__', 'constructor', 'a"b\\', 'zoë 😀'])(
    'a user may be called %p',
    async (id) => {
      await using server = await start()
      await using client = await server.raw()
      const frame = await server.signedIn(client, 'presence-room', {
        user_id: id,
        user_info: { ['__proto__']: 1 },
      })
      const { presence } = JSON.parse(JSON.parse(frame).data)
      expect(presence.ids).toEqual([id])
      expect(Object.keys(presence.hash)).toEqual([id])
      expect(presence.count).toBe(1)
    },
  )

  test('a full room refuses newcomers and takes the tabs of its members', async () => {
    await using server = await start({ limits: { maxPresenceMembers: 1 } })
    await using ann = await server.raw()
    await using tab = await server.raw()
    await using bob = await server.raw()
    await server.signedIn(ann, 'presence-room', { user_id: 'ann' })
    await server.signedIn(tab, 'presence-room', { user_id: 'ann' })
    bob.subscribe(
      'presence-room',
      server.sign(bob, 'presence-room', '{"user_id":"bob"}'),
      '{"user_id":"bob"}',
    )
    expect(await bob.frames.take(2)).toEqual(
      makeRefusal(
        'presence-room',
        'LimitReached',
        403,
        'presence-room is over its limit of 1 members (maxPresenceMembers)',
      ),
    )
    await ann.expectNothing()
  })

  test('a wrong signature learns nothing of a full room', async () => {
    await using server = await start({ limits: { maxPresenceMembers: 1 } })
    await using ann = await server.raw()
    await using eve = await server.raw()
    await server.signedIn(ann, 'presence-room', { user_id: 'ann' })
    eve.subscribe('presence-room', `${server.app.key}:00`, '{"user_id":"eve"}')
    expect(await eve.next()).toContain('Invalid signature')
  })

  test('pusher-js sees who is here, who comes and who goes', async () => {
    await using server = await start()
    await using ann = server.pusher({ user: { user_id: 'ann', user_info: { name: 'Ann' } } })
    const room = (await ann.subscribe('presence-room')) as import('pusher-js').PresenceChannel
    expect(room.members.me).toEqual({ id: 'ann', info: { name: 'Ann' } })
    {
      await using bob = server.pusher({ user: { user_id: 'bob' } })
      await bob.subscribe('presence-room')
      expect(await ann.nextEvent()).toMatchObject({
        event: 'pusher:member_added',
        data: { id: 'bob', info: {} },
      })
      expect(room.members.count).toBe(2)
    }
    expect(await ann.nextEvent()).toMatchObject({
      event: 'pusher:member_removed',
      data: { id: 'bob' },
    })
    expect(room.members.count).toBe(1)
  })
})
