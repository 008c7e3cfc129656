/** What channels keep goes with their app. */
import { expect, test } from 'bun:test'
import type { AppChange } from '../../src/core/apps'
import { start } from '../harness'

const rule = { prefix: 'room', size: 100, ttl_seconds: 60, durable: false, rewind: 0 }

test('an app that is deleted and made anew has no history', async () => {
  await using server = await start()
  const keys = [{ key: 'k', secret: 's' }]
  const names = { id: '8', name: 'other', slug: 'other' }
  const { record } = server.core.apps.byId('1')!
  const create = { type: 'create', record: { ...record, ...names, keys, history: [rule] } } as const
  const order = (change: AppChange) => server.core.engine.order({ type: 'app_changed', change })
  await order(create)
  const sdk = server.sdk({ appId: '8', key: 'k', secret: 's' })
  await sdk.trigger('room', 'e', 'x')
  const readOffsets = async (): Promise<number[]> => {
    const page = await (await sdk.get({ path: '/channels/room/history' })).json()
    return page.events.map(({ offset }: { offset: number }) => offset)
  }
  expect(await readOffsets()).toEqual([1])
  await order({ type: 'remove', id: '8' })
  await order(create)
  expect(await readOffsets()).toEqual([])
})
