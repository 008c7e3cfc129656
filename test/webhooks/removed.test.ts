/** Endpoints and apps that go: what was kept for them goes too. */
import { expect, test } from 'bun:test'
import {
  readDeliveries,
  occupy,
  passTime,
  Receiver,
  waitUntilSettled,
  startWithWebhooks,
  waitUntil,
} from './receiver'

const MINUTE_MS = 60_000
const APP = '/api/admin/apps/test-app'

test('an endpoint that is removed takes its events along, and the log says so', async () => {
  await using receiver = new Receiver()
  receiver.answer = () => 500
  await using server = await startWithWebhooks([{ url: receiver.url }])
  occupy(server, 'room')
  await waitUntilSettled(server)
  const { core } = server
  const app = core.apps.byId('1')!
  core.apps.change(app, { ...app.record, webhooks: [] }, 0)
  await passTime(server, 3000)
  expect(server.totals.webhookEventsDropped).toBe(1)
  expect(await readDeliveries(server)).toMatchObject({ pending: 0, endpoints: [] })
  expect(server.log.lines.map(({ message }) => message)).toContain(
    'webhook events are dropped with their endpoint',
  )
})

test('an endpoint that is removed is out of the report at once, with its dead letters', async () => {
  await using receiver = new Receiver()
  receiver.answer = () => 500
  await using server = await startWithWebhooks([{ url: receiver.url }])
  occupy(server, 'room')
  await waitUntilSettled(server)
  await passTime(server, 7 * MINUTE_MS, 2000)
  expect(await readDeliveries(server)).toMatchObject({ pending: 0, dead: 1 })
  const body = JSON.stringify({ app: { webhooks: [] } })
  expect((await server.admin(APP, { method: 'PATCH', body })).status).toBe(200)
  expect(await readDeliveries(server)).toMatchObject({ dead: 0, endpoints: [], dead_letters: [] })
  const again = JSON.stringify({ app: { webhooks: [{ url: receiver.url }] } })
  await server.admin(APP, { method: 'PATCH', body: again })
  expect((await readDeliveries(server)).endpoints).toMatchObject([{ state: 'ok', attempts: [] }])
})

test('one that is removed while it thinks is done with when it has answered', async () => {
  await using receiver = new Receiver()
  const late = Promise.withResolvers<number>()
  receiver.answer = () => late.promise
  await using server = await startWithWebhooks([{ url: receiver.url }])
  occupy(server, 'a', 'b')
  await receiver.next(server.sdk())
  await server.admin(APP, { method: 'PATCH', body: JSON.stringify({ app: { webhooks: [] } }) })
  expect(await readDeliveries(server)).toMatchObject({
    endpoints: [{ state: 'removed', pending: 2 }],
  })
  late.resolve(200)
  await waitUntil('the rest is dropped', () => server.totals.webhookEventsDropped === 1)
  expect(await readDeliveries(server)).toMatchObject({ endpoints: [] })
  expect(server.totals.webhookEventsDelivered).toBe(1)
})

test('an app that is deleted leaves nothing behind', async () => {
  await using receiver = new Receiver()
  receiver.answer = () => 500
  await using server = await startWithWebhooks([])
  const app = { name: 'short lived', id: '77', webhooks: [{ url: receiver.url }] }
  await server.admin('/api/admin/apps', { method: 'POST', body: JSON.stringify({ app }) })
  const { core } = server
  core.facts.emit({ type: 'channel_occupied', app: core.apps.byId('77')!, channel: 'a' as never })
  await waitUntilSettled(server)
  expect(server.totals.webhookRequestsFailed).toBe(1)
  await server.admin('/api/admin/apps/77', { method: 'DELETE' })
  expect(server.totals.webhookEventsDropped).toBe(1)
  await server.admin('/api/admin/apps', { method: 'POST', body: JSON.stringify({ app }) })
  const { data } = await (await server.admin('/api/admin/apps/77/webhooks/deliveries')).json()
  expect(data).toMatchObject({ pending: 0, endpoints: [{ state: 'ok', attempts: [] }] })
})

test('thousands that are dropped are one line of the log', async () => {
  await using receiver = new Receiver()
  receiver.answer = () => 500
  await using server = await startWithWebhooks([{ url: receiver.url }])
  occupy(server, ...Array.from({ length: 1200 }, (_, n) => `c${n}`))
  await waitUntilSettled(server)
  await server.admin(APP, { method: 'PATCH', body: JSON.stringify({ app: { webhooks: [] } }) })
  server.advance(0)
  const lines = server.log.lines.filter(({ message }) => message.includes('dropped'))
  expect(lines).toMatchObject([{ fields: { appId: '1', events: 1200 } }])
})

test('what waits to be written when its endpoint goes is not kept either', async () => {
  await using receiver = new Receiver()
  const config = { webhookFlushMs: 50 }
  await using server = await startWithWebhooks([{ url: receiver.url }], { config })
  occupy(server, ...Array.from({ length: 700 }, (_, n) => `c${n}`))
  await server.admin(APP, { method: 'PATCH', body: JSON.stringify({ app: { webhooks: [] } }) })
  server.advance(51)
  expect(server.totals.webhookEventsDropped).toBe(700)
  expect(await readDeliveries(server)).toMatchObject({ pending: 0, endpoints: [] })
  expect(receiver.requests.unread).toEqual([])
})
