/** Published credentials where others can reach the server: it makes its own, and takes no published ones. */
import { describe, expect, test } from 'bun:test'
import { announcement } from '../../src/announce'
import { readConfig } from '../../src/config/config'
import { providedApps } from '../../src/config/credentials'
import { OWN_APP, start } from '../harness'
import { makeTemporary } from '../http/admin-requests'

const TERMINAL = { files: undefined, isTerminal: true }
const APP = {
  PUSHER_APP_ID: '1',
  PUSHER_APP_KEY: 'test-app-fake-key',
  PUSHER_APP_SECRET: 'test-app-fake-secret',
}
const ADMIN = {
  PUSHER_ADMIN_USERNAME: 'pusher_admin_username',
  PUSHER_ADMIN_PASSWORD: 'pusher_admin_password',
}
const OUTSIDE: readonly (readonly [env: Record<string, string>, why: string])[] = [
  [{ HOST: '0.0.0.0' }, 'HOST=0.0.0.0 is not loopback'],
  [{ HOST: '192.0.2.1' }, 'HOST=192.0.2.1 is not loopback'],
  [{ CARILLON_TRUSTED_PROXIES: '127.0.0.1' }, 'CARILLON_TRUSTED_PROXIES names a proxy'],
]

const mistakesOf = (env: Record<string, string>, apps?: Parameters<typeof providedApps>[1]) => {
  try {
    providedApps(readConfig(env), apps)
    return []
  } catch (refused) {
    return (refused as { mistakes: string[] }).mistakes
  }
}

describe.each(OUTSIDE)('%j', (outside, why) => {
  const own = `is the published one: expected one of your own, since ${why}`

  test('published values of the settings stop the start, each in a line', () => {
    expect(mistakesOf({ ...outside, ...APP, ...ADMIN })).toEqual([
      `PUSHER_APP_SECRET ${own}`,
      `PUSHER_ADMIN_PASSWORD ${own}`,
    ])
    expect(
      mistakesOf({
        ...outside,
        SOKETI_DEFAULT_APP_ID: 'a',
        SOKETI_DEFAULT_APP_KEY: 'b',
        SOKETI_DEFAULT_APP_SECRET: APP.PUSHER_APP_SECRET,
      }),
    ).toEqual([`PUSHER_APP_SECRET ${own}`])
  })

  test('so do those of the configuration file', () => {
    const [app] = providedApps(readConfig(APP))
    const file = [{ ...app!, providedBy: 'carillon.config.ts' }]
    expect(mistakesOf(outside, file)).toEqual([
      `carillon.config.ts: the secret of the app 1 ${own}`,
    ])
  })

  test('a published key or name with an own secret is no mistake', () => {
    const mine = { PUSHER_APP_SECRET: 'own', PUSHER_ADMIN_PASSWORD: 'own' }
    expect(mistakesOf({ ...outside, ...APP, ...ADMIN, ...mine })).toEqual([])
    expect(mistakesOf({ ...APP, ...ADMIN })).toEqual([])
  })
})

test('a server that names a proxy makes its own, keeps them, and says so', async () => {
  await using database = makeTemporary()
  const config = { databasePath: database.path, trustedProxies: ['127.0.0.1'] }
  const shown = { secret: '', password: '' }
  {
    await using server = await start({ config })
    const { app, admin } = server.server.credentials
    Object.assign(shown, { secret: app.secret, password: admin.password })
    expect([app.origin, admin.origin]).toEqual(['generated', 'generated'])
    expect(`${shown.secret} ${shown.password}`).not.toContain('fake')
    expect(announcement(server.server, server.config, TERMINAL)).not.toContain('published')
    expect(await (await server.http('/swagger/defaults')).json()).toEqual({})
    const push = await server.http('/api/push', { method: 'POST', body: '{}' })
    expect(push.status).toBe(403)
    expect(server.core.apps.byKey('test-app-fake-key')).toBeUndefined()
  }
  await using again = await start({ config })
  const { app, admin } = again.server.credentials
  expect([app.origin, admin.origin]).toEqual(['stored', 'stored'])
  const authorization = `Basic ${btoa(`${admin.username}:${shown.password}`)}`
  const headers = { authorization, 'x-forwarded-for': '203.0.113.1' }
  expect((await again.http('/api/admin/apps', { headers })).status).toBe(200)
})

test('the start says for whom the published ones are', async () => {
  await using server = await start()
  const text = announcement(server.server, server.config, TERMINAL)
  expect(text).toContain('good for requests of this machine only')
})

test('a stored app with the published secret is named where others can reach the server', async () => {
  await using database = makeTemporary()
  const config = { databasePath: database.path }
  {
    await using server = await start({ config, apps: [OWN_APP] })
    const app = { name: 'moved in', key: 'k8', secret: 'test-app-fake-secret', id: '8' }
    const created = await server.admin('/api/admin/apps', {
      method: 'POST',
      body: JSON.stringify({ app }),
    })
    expect(created.status).toBe(201)
    expect(server.log.lines.filter(({ level }) => level !== 'info')).toEqual([])
  }
  await using outside = await start({ config: { ...config, trustedProxies: ['127.0.0.1'] } })
  expect(outside.log.lines).toMatchObject([
    { level: 'warn', fields: { appIds: ['8'] }, message: expect.stringContaining('published') },
  ])
  // Through the proxy, or beside it.
  await using near = await outside.raw({ path: '/app/k8?protocol=7' })
  await near.expectNothing()
  const headers = { 'x-forwarded-for': '203.0.113.1' }
  await using far = await outside.raw({ path: '/app/k8?protocol=7', hello: false, headers })
  expect((await far.closing()).code).toBe(4009)
})
