/** Groups: channels of a dialect that is not mounted are closed, and only the dialect decides who joins. */
import { expect, spyOn, test } from 'bun:test'
import { channelKind } from '../../src/core/channel'
import { start } from '../harness'
import { connectPhoenix } from '../phoenix'
import { publish } from '../publish'

test('a group of no dialect lets nobody in and is in no list', () => {
  expect(channelKind('#scope-public:test-app')).toMatchObject({ auth: 'plugin', counted: false })
})

test.each([
  [
    'with the bridge, whether anybody is in the group or not',
    true,
    ['room', '#scope-public:test-app'],
  ],
  ['without the bridge never', false, ['room']],
])('the engine gets the copy of a group %s', async (_, eplBridge, wanted) => {
  await using server = await start()
  const { apps, engine } = server.core
  const { record } = apps.byId('1')!
  apps.change(apps.byId('1')!, { ...record, dialects: { ...record.dialects, eplBridge } }, 0)
  const publishSpy = spyOn(engine, 'publish')
  const publishOne = (): string[] => {
    publishSpy.mockClear()
    const request = { name: 'e', data: '{}', channels: ['room'], socketId: undefined }
    publish(server.core, apps.byId('1')!, [request])
    return publishSpy.mock.calls.map(([{ channel }]) => channel)
  }
  expect(publishOne()).toEqual(wanted)
  await using client = await connectPhoenix(server)
  await client.join('public:test-app')
  expect(publishOne()).toEqual(wanted)
  if (eplBridge) expect(await client.next()).toEqual([null, null, 'public:test-app', 'room:e', {}])
  client.send('1', '2', 'public:test-app', 'phx_leave', {})
  expect(await client.take(2)).toHaveLength(2)
})
