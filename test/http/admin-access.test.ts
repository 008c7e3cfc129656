/** The admin API: who may use it; numbers in names are cases of contract section 6. */
import { describe, expect, test } from 'bun:test'
import { start } from '../harness'
import { requestAdmin } from './admin-requests'
import { makeBasicAuth } from '../credentials'

describe('who may ask', () => {
  test.each(['cross-site', 'same-site', 'nonsense'])(
    'a page of another site (%s) is refused',
    async (site) => {
      await using server = await start()
      const { status, body } = await requestAdmin(server, 'GET', '', {
        headers: { 'sec-fetch-site': site, origin: 'https://evil.example' },
      })
      expect([status, body]).toEqual([
        403,
        'Pages of https://evil.example may not use the admin API (CARILLON_ADMIN_ORIGINS)\n',
      ])
    },
  )

  test('pages of our own, and of the origins that the settings name, may', async () => {
    const origin = 'https://dashboard.example.org'
    await using server = await start({ config: { adminOrigins: [origin] } })
    expect(
      (await requestAdmin(server, 'GET', '', { headers: { 'sec-fetch-site': 'same-origin' } }))
        .status,
    ).toBe(200)
    const { status, headers } = await requestAdmin(server, 'GET', '', {
      headers: { 'sec-fetch-site': 'cross-site', origin },
    })
    expect([status, headers.get('access-control-allow-origin'), headers.get('vary')]).toEqual([
      200,
      origin,
      'Origin',
    ])
    const preflight = await server.http('/api/admin/apps/x', {
      method: 'OPTIONS',
      headers: { origin },
    })
    expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([
      204,
      'authorization, content-type, x-request-id',
    ])
    const stranger = await server.http('/api/admin/apps/x', {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example' },
    })
    expect(stranger.headers.get('access-control-allow-origin')).toBeNull()
  })
})

test('a password that is missing, wrong or of another kind gets 401 and nothing else (53)', async () => {
  await using server = await start()
  const strangers: Record<string, string>[] = [
    {},
    makeBasicAuth('pusher_admin_username:wrong'),
    makeBasicAuth('nobody:pusher_admin_password'),
    makeBasicAuth('pusher_admin_username'),
    { authorization: 'Basic' },
    { authorization: 'Basic %%%' },
  ]
  for (const headers of strangers) {
    const response = await server.http('/api/admin/apps', { headers })
    expect([response.status, await response.text()]).toEqual([401, ''])
  }
})
