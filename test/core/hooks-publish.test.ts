/** The filters clientEvent and publish: what they refuse, and what a throw means. */
import { describe, expect, test } from 'bun:test'
import { reject } from '../../src/plugin'
import { throwSecret, makePlugin, start } from '../harness'

describe('clientEvent and publish', () => {
  test('may refuse', async () => {
    const plugin = makePlugin('a', {
      clientEvent: (_, { event }) => (event === 'client-bad' ? reject('bad word') : undefined),
      publish: (_, { channel }) => (channel === 'closed' ? reject('closed for today') : undefined),
    })
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    await using other = await server.raw()
    for (const each of [client, other]) await server.signedIn(each, 'private-room')
    client.send({ event: 'client-bad', channel: 'private-room', data: 1 })
    expect(await client.next()).toContain('bad word')
    client.send({ event: 'client-good', channel: 'private-room', data: 1 })
    expect((await other.nextJson()).event).toBe('client-good')
    const refused = await server
      .sdk()
      .trigger(['private-room', 'closed'], 'e', '')
      .catch((error) => error)
    expect([refused.status, refused.body]).toEqual([403, 'closed for today\n'])
    await other.expectNothing()
  })

  test('a throw refuses, and the connection stays', async () => {
    await using server = await start({
      plugins: [makePlugin('a', { clientEvent: throwSecret, publish: throwSecret })],
    })
    await using client = await server.raw()
    await server.signedIn(client, 'private-room')
    client.send({ event: 'client-x', channel: 'private-room', data: 1 })
    expect(await client.next()).toBe(
      '{"event":"pusher:error","data":{"code":null,"message":"Internal server error"}}',
    )
    await client.expectNothing()
    const refused = await server
      .sdk()
      .trigger('private-room', 'e', '')
      .catch((error) => error)
    expect([refused.status, refused.body]).toEqual([500, 'Internal server error\n'])
  })
})
