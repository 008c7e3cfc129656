/** Two nodes: an order about a user or a channel is carried out on both, also by one that did not hear it. */
import { expect, test } from 'bun:test'
import { busOf } from '../../../src/cluster/names'
import type { ChannelName, UserId } from '../../../src/core/types'
import { waitUntil } from '../../harness'
import { describeWith } from '../programs'
import { makeApp, waitForSlugs } from './node'
import { startPair } from './pair'

describeWith('redis-server', 'orders over two nodes', () => {
  test('a user is signed out everywhere, and leaves a channel everywhere', async () => {
    await using pair = await startPair()
    const { one, two } = pair
    const app = one.core.apps.byId('1')!
    const clients = [await one.raw(), await two.raw()]
    for (const [index, client] of clients.entries()) {
      const server = [one, two][index]!
      server.signin(client, '{"id":"ann"}')
      expect(await client.nextJson()).toMatchObject({ event: 'pusher:signin_success' })
      await client.subscribed('room')
    }
    await one.core.engine.order({
      type: 'unsubscribe_user',
      app,
      channel: 'room' as ChannelName,
      userId: 'ann' as UserId,
      message: 'go',
    })
    for (const client of clients) expect(await client.next()).toContain('go')
    expect((await one.signed('POST', '/users/ann/terminate_connections')).status).toBe(200)
    for (const client of clients) expect((await client.closing()).code).toBe(4009)
    // Who comes back is not concerned.
    await using later = await two.raw()
    two.signin(later, '{"id":"ann"}')
    expect(await later.nextJson()).toMatchObject({ event: 'pusher:signin_success' })
    await later.expectNothing()
  })

  test('a node that was deaf carries it out later', async () => {
    await using pair = await startPair()
    const { one, two, proxy } = pair
    await using client = await two.raw()
    two.signin(client, '{"id":"ann"}')
    expect(await client.nextJson()).toMatchObject({ event: 'pusher:signin_success' })
    await proxy.cut()
    expect((await one.signed('POST', '/users/ann/terminate_connections')).status).toBe(200)
    await proxy.heal()
    expect((await client.closing()).code).toBe(4009)
    await waitUntil(
      'it has gone',
      () => !one.core.engine.isOnline(one.core.apps.byId('1')!, 'ann' as UserId),
    )
  })
  test('what somebody else writes on a bus is refused, counted and harmless', async () => {
    await using pair = await startPair()
    const { one, two, redis } = pair
    await using client = await two.raw()
    two.signin(client, '{"id":"bob"}')
    expect(await client.nextJson()).toMatchObject({ event: 'pusher:signin_success' })
    const order = '"o","id","terminate_user"'
    const lines = {
      [busOf('1/#server-to-user-bob')]: [`[1,"e",1,${order},"bob"]`, `[99,"e",1,${order},"bob"]`],
      '{apps}:bus': ['[1,"life",-5]', '[99,"life",5]', '[1,"life",99]', '[1,1,1,"shared","x"]'],
    }
    for (const [bus, texts] of Object.entries(lines))
      for (const text of ['', '[]', '\n', ...texts])
        await redis.cli('publish', `carillon:default:${bus}`, text)
    await one.trigger({ channel: '#server-to-user-bob', name: 'e', data: 'x' })
    expect((await client.nextJson()).event).toBe('e')
    await makeApp(one, 'after all')
    await waitForSlugs(two, ['after-all', 'test-app'])
  })
})
