import { describe, expect, test } from 'bun:test'
import { RawClient, start, type StartOptions } from '../harness'

const APP = { appId: '77', appKey: 'a-key', appSecret: 'a-secret' }
const ADMIN = { adminUsername: 'somebody', adminPassword: 'a-password' }
const PUBLISHED_APP = { appId: '1', key: 'test-app-fake-key', secret: 'test-app-fake-secret' }
const PUBLISHED_ADMIN = { username: 'pusher_admin_username', password: 'pusher_admin_password' }

type Row = {
  readonly name: string
  readonly config: NonNullable<StartOptions['config']>
  readonly given: object
}
const ROWS: readonly Row[] = [
  { name: 'nothing is set', config: {}, given: { ...PUBLISHED_APP, ...PUBLISHED_ADMIN } },
  { name: 'the settings bring an app', config: APP, given: PUBLISHED_ADMIN },
  { name: 'the settings bring the admin', config: ADMIN, given: PUBLISHED_APP },
  { name: 'the settings bring both', config: { ...APP, ...ADMIN }, given: {} },
  { name: 'others can reach it and all is generated', config: { host: '0.0.0.0' }, given: {} },
  { name: 'others can reach it', config: { host: '0.0.0.0', ...APP, ...ADMIN }, given: {} },
]

test.each(ROWS)('only published credentials are given out: $name', async ({ config, given }) => {
  await using server = await start({ config })
  for (const page of ['swagger', 'console'])
    expect(await (await server.http(`/${page}/defaults`)).json()).toEqual(given)
})

describe('the page beside the API', () => {
  test.each(['/swagger', '/swagger/'])('is at %s', async (path) => {
    await using server = await start()
    const response = await server.http(path)
    expect(response.headers.get('content-type')).toStartWith('text/html')
    const [, script = ''] = /<script[^>]* src="([^"]+)"/.exec(await response.text()) ?? []
    const asset = await fetch(new URL(script, response.url))
    expect(asset.headers.get('content-type')).toContain('javascript')
    for (const { headers } of [response, asset])
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('takes nothing from the routes around it', async () => {
    await using server = await start()
    expect(await (await server.http('/swagger/json')).json()).toHaveProperty('openapi')
    expect((await server.http('/swagger', { method: 'POST' })).status).toBe(404)
    expect((await server.http('/swagger/other')).status).toBe(404)
  })

  test('leaves upgrades to the protocols', async () => {
    await using server = await start()
    await using client = new RawClient(`ws://127.0.0.1:${server.port}/swagger`)
    expect((await client.nextJson()).event).toBe('pusher:error')
    expect((await client.closing()).code).toBe(4005)
  })
})
