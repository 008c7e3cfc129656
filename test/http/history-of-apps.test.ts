/** What channels keep goes with their app. */
import { expect, test } from 'bun:test'
import type { AppChange } from '../../src/core/apps'
import { start } from '../harness'

const rule = { prefix: 'room', size: 100, ttl_seconds: 60, durable: false, rewind: 0 }

test('an app that is deleted and made anew has no history, and no last events', async () => {
  await using server = await start()
  const keys = [{ key: 'k', secret: 's' }]
  const names = { id: '8', name: 'other', slug: 'other' }
  const { record } = server.core.apps.byId('1')!
  const create = { type: 'create', record: { ...record, ...names, keys, history: [rule] } } as const
  const order = (change: AppChange) => server.core.engine.order({ type: 'app_changed', change })
  const sdk = server.sdk({ appId: '8', key: 'k', secret: 's' })
  const ask = async (path: string, info?: string) =>
    (await sdk.get({ path, params: info === undefined ? {} : { info } })).json()
  const readAll = async () => {
    const { epoch, events } = await ask('/channels/room/history')
    const { cache } = await ask('/channels/cache-a', 'cache')
    return { epoch, offsets: events.map(({ offset }: { offset: number }) => offset), cache }
  }
  await order(create)
  for (const channel of ['room', 'cache-a']) await sdk.trigger(channel, 'e', 'x')
  const before = await readAll()
  expect(before).toMatchObject({ offsets: [1], cache: { data: 'x' } })
  await order({ type: 'remove', id: '8' })
  await order(create)
  const after = await readAll()
  expect(after).toMatchObject({ offsets: [], cache: null })
  expect(after.epoch).not.toBe(before.epoch)
  await sdk.trigger('room', 'e', 'x')
  expect(await readAll()).toEqual({ ...after, offsets: [1] })
})
