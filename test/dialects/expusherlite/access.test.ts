/**
 * Who may use ExPusherLite’s API, and what it answers to everybody else;
 * numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { start } from '../../harness'
import { makeBasicAuth, PAIR } from '../../credentials'
import { EVENT, post, readAnswer } from './requests'

test('pages of other sites are refused, whatever they carry (53)', async () => {
  await using server = await start()
  const response = await post(server, new URLSearchParams(EVENT), {
    ...makeBasicAuth(PAIR),
    origin: 'https://evil.example',
  })
  expect(response.status).toBe(403)
})

describe('who may', () => {
  const STRANGERS: readonly (readonly [string, Record<string, string>])[] = [
    ['nobody', {}],
    ['a wrong secret', makeBasicAuth('test-app-fake-key:nonsense')],
    ['a wrong key', makeBasicAuth('nonsense:test-app-fake-secret')],
    ['another scheme', { authorization: 'Bearer test-app-fake-secret' }],
    ['another app', makeBasicAuth('k:s')],
    ['the admin', makeBasicAuth('pusher_admin_username:pusher_admin_password')],
  ]
  test.each(STRANGERS)('%s is 401 with an empty body (53, 54)', async (_, headers) => {
    await using server = await start()
    server.addTenant()
    const response = await post(server, JSON.stringify(EVENT), headers)
    expect(await readAnswer(response)).toEqual([401, ''])
    expect(response.headers.get('www-authenticate')).toBeNull()
  })

  test.each([{ origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }])(
    'pages of other sites are refused, whatever their browser knows: %p',
    async (page) => {
      await using server = await start()
      const [status, body] = await readAnswer(
        await post(server, new URLSearchParams(EVENT), { ...makeBasicAuth(PAIR), ...page }),
      )
      expect([status, body]).toEqual([
        403,
        { errors: { detail: 'Pages of other sites may not use this API' } },
      ])
    },
  )

  test('the scheme is read in any case, credentials in the URL are sent so', async () => {
    await using server = await start()
    const headers = { authorization: `bAsIc ${btoa(PAIR)}` }
    expect((await post(server, new URLSearchParams(EVENT), headers)).status).toBe(200)
  })

  test.each(['nobody', '1', '__proto__'])('the app %s is not found (52, trap 7)', async (slug) => {
    await using server = await start()
    const response = await post(server, JSON.stringify(EVENT), makeBasicAuth(PAIR), slug)
    expect(await readAnswer(response)).toEqual([404, { errors: { detail: 'Not Found' } }])
  })

  const ACCEPTED: readonly (readonly [string, number])[] = [
    ['text/html', 406],
    ['*/*', 200],
    ['text/html, application/json;q=0.9', 200],
  ]
  test.each(ACCEPTED)('Accept: %s is %d (57)', async (accept, status) => {
    await using server = await start()
    const headers = { ...makeBasicAuth(PAIR), accept }
    expect((await post(server, new URLSearchParams(EVENT), headers)).status).toBe(status)
  })
})
