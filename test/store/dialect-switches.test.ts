/** Switches of dialects are kept as every other field of an app, under the names that they always had. */
import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import type { AppConfig } from '../../src/plugin'
import { start, type TestServer } from '../harness'
import { requestAdmin, change, create, makeTemporary } from '../http/admin-requests'

const ON: AppConfig = {
  id: '7',
  name: 'Shop app',
  slug: 'shop-app',
  key: 'k7',
  secret: 's7',
  epl_bridge: true,
}
const at = (databasePath: string, app = ON): Promise<TestServer> =>
  start({ config: { databasePath }, apps: [app] })
const switchesOf = async (server: TestServer, slug: string) => {
  const { epl_bridge: bridge, public_client_events: events } = (
    await requestAdmin(server, 'GET', `/${slug}`)
  ).body.data
  return { bridge, events }
}
const changes = (path: string): unknown => {
  using db = new Database(path, { readonly: true })
  const row = db.query<{ changes: string }, []>('SELECT changes FROM app_overrides').get()
  return JSON.parse(row?.changes ?? '{}')
}

test('of a provided app: what is changed lasts, and follows again once it is put back', async () => {
  await using dir = makeTemporary()
  {
    await using server = await at(dir.path)
    await change(server, '7', { epl_bridge: false, public_client_events: true })
    expect(await switchesOf(server, '7')).toEqual({ bridge: false, events: true })
  }
  expect(changes(dir.path)).toEqual({ eplBridge: false, publicClientEvents: true })
  {
    await using server = await at(dir.path)
    expect(await switchesOf(server, '7')).toEqual({ bridge: false, events: true })
    await change(server, '7', { epl_bridge: true })
  }
  expect(changes(dir.path)).toEqual({ publicClientEvents: true })
  await using server = await at(dir.path, { ...ON, epl_bridge: false })
  expect(await switchesOf(server, '7')).toEqual({ bridge: false, events: true })
})

test('of a stored app: they last, one by one', async () => {
  await using dir = makeTemporary()
  {
    await using server = await at(dir.path)
    await create(server, { name: 'stored', epl_bridge: true, public_client_events: true })
    await change(server, 'stored', { public_client_events: false })
  }
  await using server = await at(dir.path)
  expect(await switchesOf(server, 'stored')).toEqual({ bridge: true, events: false })
})

test('a line of the log names those that were changed', async () => {
  await using server = await start()
  await change(server, 'test-app', { client_events: false, epl_bridge: false })
  const fields = ['clientEvents', 'eplBridge']
  expect(server.log.lines.map((line) => line.fields)).toContainEqual(
    expect.objectContaining({ fields }),
  )
})
