/** Word of apps that are created, changed and deleted. */
import { expect, test } from 'bun:test'
import { definePlugin, t } from 'carillon/plugin'
import { change, create, requestAdmin } from '../http/admin-requests'
import { makePlugin, start, twoServers } from '../harness'

/** A plugin that writes down what it hears; `limit` is a setting of its own. */
const makeListener = (heard: unknown[]) =>
  definePlugin({
    name: 'listener',
    carillon: 1,
    settings: t.Object({ limit: t.Integer() }),
    setup: ({ settingsOf, apps }) => ({
      appChanged: (app, { type }) => {
        const isKnown = apps.byId(app.id) === app
        heard.push([type, app.slug, settingsOf(app)?.limit, isKnown])
      },
    }),
  })

test('comes after the change, which the app shows; of a deleted app as it was last', async () => {
  const heard: unknown[] = []
  await using server = await start({ plugins: [makeListener(heard)] })
  await create(server, { name: 'first name', plugins: { listener: { limit: 1 } } })
  await change(server, 'first-name', { name: 'other name' })
  await change(server, 'other-name', { plugins: { listener: { limit: 2 } } })
  await change(server, 'other-name', { plugins: { listener: { limit: 'x' } } })
  await requestAdmin(server, 'POST', '/other-name/keys')
  await requestAdmin(server, 'DELETE', '/other-name')
  await requestAdmin(server, 'DELETE', '/other-name')
  expect(heard).toEqual([
    ['created', 'first-name', 1, true],
    ['changed', 'other-name', 1, true],
    ['changed', 'other-name', 2, true],
    ['changed', 'other-name', 2, true],
    ['deleted', 'other-name', 2, false],
  ])
  expect(server.log.lines.filter(({ message }) => message === 'plugin failed')).toEqual([])
})

test('comes before the connections of the app are closed', async () => {
  const heard: unknown[] = []
  const plugin = makePlugin('order', {
    appChanged: (_, { type }) => void heard.push(type),
    disconnected: () => void heard.push('disconnected'),
  })
  await using server = await start({ plugins: [plugin] })
  await using client = await server.raw()
  await change(server, 'test-app', { active: false })
  expect((await client.closing()).code).toBe(4003)
  await server.waitForConnections(0)
  expect(heard).toEqual(['changed', 'disconnected'])
})

test('comes to every node', async () => {
  const heard: unknown[] = []
  twoServers.areMeant = true
  try {
    await using server = await start({ plugins: [makeListener(heard)] })
    await create(server, { name: 'my app' })
    await server.settle()
    const created = ['created', 'my-app', undefined, true]
    expect(heard).toEqual([created, created])
  } finally {
    twoServers.areMeant = false
  }
})
