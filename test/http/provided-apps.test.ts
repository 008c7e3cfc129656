/** Apps from outside the database: what is changed of them lasts, what is stored is never lost. */
import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { MIGRATIONS } from '../../src/store/migrations'
import type { AppConfig } from '../../src/plugin'
import { start, type TestServer } from '../harness'
import { requestAdmin, change, create, makeTemporary } from './admin-requests'

const makeProvided = (fields: Partial<AppConfig>): AppConfig => ({
  id: '7',
  name: 'Shop app',
  slug: 'shop-app',
  key: 'k7',
  secret: 's7',
  ...fields,
})
const at = (databasePath: string, ...apps: readonly AppConfig[]): Promise<TestServer> =>
  start({ config: { databasePath }, apps })
const TAKEN = ['has already been taken']
const list = async (server: TestServer): Promise<{ slug: string }[]> =>
  (await requestAdmin(server, 'GET')).body.data

describe('a stored app that a provided one hides', () => {
  const HIDING: readonly (readonly [shared: string, app: AppConfig])[] = [
    ['id', makeProvided({ id: 'mine' })],
    ['key', makeProvided({ key: 'k-mine' })],
  ]
  const MINE = { id: 'mine', key: 'k-mine', secret: 's-mine', name: 'My stored app' }

  test.each(HIDING)('by its %s is named at the start and comes back whole', async (shared, app) => {
    await using dir = makeTemporary()
    let made
    {
      await using server = await at(dir.path, makeProvided({}))
      made = (await create(server, MINE)).body.data
    }
    {
      await using server = await at(dir.path, app)
      expect((await list(server)).map(({ slug }) => slug)).toEqual(['shop-app'])
      expect(server.log.lines).toContainEqual({
        level: 'warn',
        message: 'a stored app is hidden: a provided app has its id or key',
        fields: { appId: 'mine', name: 'My stored app', field: shared, by: 'apps' },
      })
      for (const [field, value] of Object.entries({ ...MINE, slug: 'my-stored-app' })) {
        if (field === 'secret') continue
        const { status, body } = await create(server, { name: 'A new name', [field]: value })
        expect([status, body]).toEqual([422, { errors: { [field]: TAKEN } }])
      }
      expect((await create(server, { name: 'Another app' })).status).toBe(201)
    }
    await using server = await at(dir.path, makeProvided({}))
    expect((await requestAdmin(server, 'GET', '/mine')).body.data).toEqual(made)
    expect((await list(server)).map(({ slug }) => slug)).toEqual([
      'shop-app',
      'my-stored-app',
      'another-app',
    ])
  })

  test('of the same id lets the provided one have its name', async () => {
    await using dir = makeTemporary()
    {
      await using server = await at(dir.path)
      await create(server, MINE)
    }
    await using server = await at(dir.path, makeProvided({ id: 'mine' }))
    expect((await change(server, 'mine', { name: MINE.name })).status).toBe(200)
  })
})

test('a provided app keeps its keys, and is removed where it comes from', async () => {
  await using server = await start({ apps: [makeProvided({})] })
  const { data } = (await requestAdmin(server, 'GET', '/7')).body
  expect(data).toMatchObject({ id: 7, key: 'k7', provided_by: 'apps' })
  expect((await requestAdmin(server, 'POST', '/shop-app/keys')).body).toEqual({
    errors: { keys: ['come from apps and are changed there'] },
  })
  expect((await requestAdmin(server, 'DELETE', '/shop-app')).body).toEqual({
    errors: { id: ['comes from apps and is removed there'] },
  })
})

describe('what is changed of a provided app', () => {
  test('lasts, and what is not changed follows where it comes from', async () => {
    await using dir = makeTemporary()
    {
      await using server = await at(dir.path, makeProvided({ limits: { max_user_info_bytes: 9 } }))
      const changes = { client_events: false, limits: { max_presence_members: 5 } }
      expect((await change(server, '7', changes)).status).toBe(200)
    }
    {
      const edited = { subscription_counts: true, limits: { max_event_data_bytes: 3 } }
      await using server = await at(dir.path, makeProvided({ ...edited, name: 'A new name' }))
      expect((await requestAdmin(server, 'GET', '/7')).body.data).toMatchObject({
        name: 'A new name',
        client_events: false,
        subscription_counts: true,
        limits: { max_presence_members: 5, max_event_data_bytes: 3 },
      })
      await change(server, '7', { client_events: true, limits: { max_event_data_bytes: null } })
    }
    const limits = { max_event_data_bytes: 4 }
    await using server = await at(dir.path, makeProvided({ client_events: false, limits }))
    expect((await requestAdmin(server, 'GET', '/7')).body.data).toMatchObject({
      client_events: false, // it was put back to what was provided, and follows again
      limits: { max_presence_members: 5 },
    })
  })

  test('is kept for a month without the app, and not for longer', async () => {
    const DAY_MS = 86_400_000
    await using dir = makeTemporary()
    const began = Date.now()
    const on = (day: number, ...apps: readonly AppConfig[]) =>
      start({ config: { databasePath: dir.path }, apps, now: began + day * DAY_MS })
    const talks = async (server: TestServer) =>
      (await requestAdmin(server, 'GET', '/7')).body.data.client_events
    {
      await using server = await on(0, makeProvided({}))
      await change(server, '7', { client_events: false })
    }
    {
      await using other = await on(29, makeProvided({ id: '8' }))
      expect(other.core.apps.byId('7')).toBeUndefined()
    }
    {
      await using server = await on(29, makeProvided({}))
      expect(await talks(server)).toBe(false)
    }
    {
      await using other = await on(60, makeProvided({ id: '8' }))
      const message = 'changes of apps that are not provided any more were forgotten'
      expect(other.log.lines).toContainEqual({ level: 'info', message, fields: { appIds: ['7'] } })
    }
    await using server = await on(60, makeProvided({}))
    expect(await talks(server)).toBe(true)
  })

  test('stands in nobody’s way when the app is gone', async () => {
    await using dir = makeTemporary()
    {
      await using server = await at(dir.path)
      await change(server, 'test-app', { active: false, webhooks: [{ url: 'http://x.example' }] })
    }
    {
      await using server = await at(dir.path, makeProvided({}))
      const { status } = await create(server, { name: 'Test App', id: '1' })
      expect(status).toBe(201)
    }
    await using server = await at(dir.path, makeProvided({}))
    expect((await requestAdmin(server, 'GET', '/test-app')).body.data).toMatchObject({
      active: true,
      webhooks: [],
    })
  })

  test('is not prevented by a name that a stored app has too', async () => {
    await using dir = makeTemporary()
    {
      await using server = await at(dir.path)
      await create(server, { name: 'Shop app' })
    }
    await using server = await at(dir.path, makeProvided({}))
    expect(server.log.lines).toContainEqual({
      level: 'warn',
      message: 'two apps have the same name or slug',
      fields: { appIds: ['7', expect.any(String)] },
    })
    expect((await change(server, 'shop-app', { active: false })).status).toBe(200)
    const [, stored] = await list(server)
    expect(stored).toMatchObject({ name: 'Shop app', active: true })
    expect((await change(server, '7', { name: 'Other name' })).status).toBe(200)
    expect((await requestAdmin(server, 'GET', '/shop-app')).body.data).toEqual(stored)
  })
})

const CLASHES: readonly (readonly [field: string, app: Partial<AppConfig>])[] = [
  ['id 7', { key: 'k8', name: 'Eight', slug: 'eight' }],
  ['key k7', { id: '8', name: 'Eight', slug: 'eight' }],
  ['name Shop app', { id: '8', key: 'k8', slug: 'eight' }],
  ['slug shop-app', { id: '8', key: 'k8', name: 'Eight' }],
  ['id shop-app', { id: 'shop-app', key: 'k8', name: 'Eight', slug: 'eight' }],
]
test.each(CLASHES)('two provided apps with the %s stop the start', async (what, second) => {
  const both = [makeProvided({}), makeProvided(second)]
  await expect(start({ apps: both })).rejects.toThrow(
    `apps: the app ${second.id ?? '7'} has the ${what}, as the app 7 of apps has`,
  )
})

test('a database of version 3 keeps its apps, and what was changed of provided ones', async () => {
  await using dir = makeTemporary()
  const old = new Database(dir.path, { create: true })
  for (const sql of MIGRATIONS.slice(0, 3)) old.run(sql)
  old.run(`PRAGMA user_version = 3`)
  const columns =
    'id, name, slug, active, client_events, public_client_events, subscription_counts, hosts, webhooks, limits, created_at'
  old.run(`INSERT INTO apps (${columns}) VALUES
    ('5', 'Stored app', 'stored-app', 1, 1, 0, 0, '[]', '[]', '{}', 1),
    ('7', 'Renamed app', 'renamed-app', 1, 0, 1, 0, '[]', '[{"url":"http://x.example"}]', '{"maxPresenceMembers":5}', 2)`)
  old.run(`INSERT INTO app_keys (app_id, key, secret, created_at) VALUES ('5', 'k5', 's5', 1)`)
  old.close()
  await using server = await at(dir.path, makeProvided({}))
  const [renamed, stored] = await list(server)
  expect(stored).toMatchObject({ id: 5, slug: 'stored-app', key: 'k5', provided_by: null })
  expect(renamed).toMatchObject({
    id: 7,
    name: 'Renamed app',
    slug: 'renamed-app',
    key: 'k7',
    active: true,
    client_events: false,
    public_client_events: true,
    webhooks: [{ url: 'http://x.example' }],
    limits: { max_presence_members: 5 },
  })
  expect((await create(server, { name: 'Renamed app', id: '9' })).status).toBe(422)
  expect((await change(server, '7', { name: 'Shop app' })).status).toBe(200)
  expect((await create(server, { name: 'Renamed app' })).status).toBe(201)
})

test('an app that is changed keeps its place in the list', async () => {
  await using server = await start()
  for (const name of ['first app', 'second app']) await create(server, { name })
  await change(server, 'test-app', { name: 'Some other name' })
  await change(server, 'first-app', { active: false })
  const slugs = (await list(server)).map(({ slug }) => slug)
  expect(slugs).toEqual(['some-other-name', 'first-app', 'second-app'])
})
