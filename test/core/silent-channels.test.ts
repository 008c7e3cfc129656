/** A channel in which nothing is published has few objects: one client may enter thousands, and the collector walks over all. */
import { heapStats } from 'bun:jsc'
import { expect, test } from 'bun:test'
import type { ChannelName } from '../../src/core/types'
import { start } from '../harness'

const CHANNELS = 5000

function countObjects(): number {
  Bun.gc(true)
  return heapStats().objectCount
}

test('its audience has no list of what waits, and its name is written once', async () => {
  await using server = await start()
  await using client = await server.raw()
  await client.subscribed('room')
  const { hub } = server.core
  const app = server.core.apps.byId('1')!
  const [conn] = hub.connections()
  const names = Array.from({ length: CHANNELS }, (_, number) => `channel-${number}` as ChannelName)
  const before = countObjects()
  for (const name of names) hub.join(conn!, app, name)
  expect((countObjects() - before) / CHANNELS).toBeLessThan(14)
  expect(hub.channel(app, names[0]!)?.audiences).toHaveLength(1)
})
