/** Groups: what dialects bring costs nothing where nobody is in one, and is closed where it is not there. */
import { expect, spyOn, test } from 'bun:test'
import { channelKind } from '../../src/core/channel'
import { SCOPES } from '../../src/dialects/expusherlite/scopes'
import { start } from '../harness'
import { phoenixRaw } from '../phoenix'
import { publish } from '../publish'

test('a group of no dialect lets nobody in and is in no list', () => {
  expect(channelKind('#scope-public:test-app')).toMatchObject({ auth: 'plugin', counted: false })
})

test('who hears a channel is asked only while somebody is in a group', async () => {
  await using server = await start()
  const app = server.core.apps.byId('1')!
  const publishOne = () =>
    publish(server.core, app, [{ name: 'e', data: '{}', channels: ['room'], socketId: undefined }])
  await using client = await phoenixRaw(server)
  const hearing = spyOn(SCOPES, 'relayOf')
  try {
    publishOne()
    expect(hearing).toHaveBeenCalledTimes(0)
    await client.join('public:test-app')
    publishOne()
    expect(hearing).toHaveBeenCalledTimes(1)
    expect(await client.next()).toEqual([null, null, 'public:test-app', 'room:e', {}])
    client.say('1', '2', 'public:test-app', 'phx_leave', {})
    expect(await client.take(2)).toHaveLength(2)
    publishOne()
    expect(hearing).toHaveBeenCalledTimes(1)
  } finally {
    hearing.mockRestore()
  }
})
