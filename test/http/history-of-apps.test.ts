/** What channels keep goes with their app, and so do the keys of its requests. */
import { expect, test } from 'bun:test'
import type { AppChange } from '../../src/core/apps'
import { start, type TestServer } from '../harness'
import { post } from './event-requests'

const rule = { prefix: 'room', size: 100, ttl_seconds: 60, durable: false, rewind: 0 }

/** An app that comes and goes, and a backend that knows its secret. */
function newOther(server: TestServer) {
  const keys = [{ key: 'k', secret: 's' }]
  const names = { id: '8', name: 'other', slug: 'other' }
  const { record } = server.core.apps.byId('1')!
  const create = { type: 'create', record: { ...record, ...names, keys, history: [rule] } } as const
  const order = (change: AppChange) => server.core.engine.order({ type: 'app_changed', change })
  return {
    create: () => order(create),
    remove: () => order({ type: 'remove', id: '8' }),
    sdk: server.sdk({ appId: '8', key: 'k', secret: 's' }),
  }
}

test('an app that is deleted and made anew has no history, and no last events', async () => {
  await using server = await start()
  const { create, remove, sdk } = newOther(server)
  const ask = async (path: string, info?: string) =>
    (await sdk.get({ path, params: info === undefined ? {} : { info } })).json()
  const readAll = async () => {
    const { epoch, events } = await ask('/channels/room/history')
    const { cache } = await ask('/channels/cache-a', 'cache')
    return { epoch, offsets: events.map(({ offset }: { offset: number }) => offset), cache }
  }
  await create()
  for (const channel of ['room', 'cache-a']) await sdk.trigger(channel, 'e', 'x')
  const before = await readAll()
  expect(before).toMatchObject({ offsets: [1], cache: { data: 'x' } })
  await remove()
  await create()
  const after = await readAll()
  expect(after).toMatchObject({ offsets: [], cache: null })
  expect(after.epoch).not.toBe(before.epoch)
  await sdk.trigger('room', 'e', 'x')
  expect(await readAll()).toEqual({ ...after, offsets: [1] })
})

test('an app that is deleted and made anew has all of its keys, and is not answered as the former one', async () => {
  await using server = await start({ limits: { maxIdempotencyKeys: 2 } })
  const { create, remove, sdk } = newOther(server)
  const trigger = (key: string, data: string) =>
    post(sdk, '/events', { name: 'e', channels: ['room'], data, idempotency_key: key })
  await create()
  for (const key of ['1', '2']) expect(await trigger(key, 'former')).toEqual([200, '{}'])
  expect((await trigger('3', 'former'))[0]).toBe(503)
  await remove()
  await create()
  for (const key of ['1', '4', '1']) expect(await trigger(key, 'new')).toEqual([200, '{}'])
  expect((await trigger('1', 'former'))[0]).toBe(422)
  const { events } = await (await sdk.get({ path: '/channels/room/history' })).json()
  expect(events.map(({ data }: { data: string }) => data)).toEqual(['new', 'new'])
})
