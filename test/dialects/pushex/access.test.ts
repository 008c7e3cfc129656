/**
 * Who may push by PushEx’s API, and what plugins have to say in it;
 * numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { allow, reject } from '../../../src/plugin'
import { makePlugin, start, type StartOptions } from '../../harness'
import { makeBasicAuth, PAIR } from '../../credentials'
import { FORBIDDEN, push } from './requests'

const OWN = { id: '7', key: 'k7', secret: 's7', name: 'Own app' }

describe('who may push', () => {
  const LOCAL_ONLY = {
    errors: {
      detail: expect.stringContaining('The published credentials are good on this machine'),
    },
  }
  type Row = readonly [string, Record<string, string>, number, StartOptions, refused?: object]
  const WHO: readonly Row[] = [
    ['nobody, in development', {}, 200, {}],
    ['nobody, elsewhere', {}, 403, { apps: [OWN] }],
    ['nobody, through a proxy', { 'x-forwarded-for': '8.8.8.8' }, 403, {}, LOCAL_ONLY],
    ['nobody, by a name that was pointed here', { host: 'evil.example' }, 403, {}, LOCAL_ONLY],
    ['a page of another site', { origin: 'https://evil.example' }, 403, {}],
    ['such a page, without its origin', { 'sec-fetch-site': 'cross-site' }, 403, {}],
    ['the app', makeBasicAuth('k7:s7'), 200, { apps: [OWN] }],
    ['the app by its secret alone', { authorization: 'Bearer s7' }, 200, { apps: [OWN] }],
    ['a wrong token', { authorization: 'Bearer s8' }, 403, { apps: [OWN] }],
    ['an empty token', { authorization: 'Bearer ' }, 403, { apps: [OWN] }],
    ['a wrong secret', makeBasicAuth('k7:s8'), 403, { apps: [OWN] }],
    ['a wrong secret, in development', makeBasicAuth('test-app-fake-key:x'), 403, {}],
    [
      'a page of another site with the secret',
      { ...makeBasicAuth(PAIR), origin: 'https://evil.example' },
      403,
      {},
    ],
  ]
  test.each(WHO)('%s (66)', async (_, headers, status, options, refused = FORBIDDEN) => {
    await using server = await start(options)
    const response = await push(server, { channel: 'a', data: 1, event: 'e' }, headers)
    expect(response.status).toBe(status)
    if (status === 403) expect(await response.json()).toEqual(refused)
  })

  test('is asked before what is pushed (66)', async () => {
    await using server = await start()
    const response = await push(server, '{', makeBasicAuth('nobody:x'))
    expect([response.status, await response.json()]).toEqual([403, FORBIDDEN])
  })

  test('a plugin may vouch for who has other credentials, or refuse', async () => {
    const tokens = makePlugin('tokens', {
      authenticate: async ({ headers, app }) => {
        if (headers.get('authorization') === `Bearer of ${app?.slug}`) return allow()
        return headers.has('x-bad') ? reject('no') : undefined
      },
    })
    await using server = await start({ plugins: [tokens], apps: [OWN] })
    const body = { channel: 'a', data: 1, event: 'e' }
    const statuses = [
      await push(server, body, { authorization: 'Bearer of own-app' }),
      await push(server, body, { authorization: 'Bearer of nobody' }),
      await push(server, body, { 'x-bad': '1' }),
    ].map(({ status }) => status)
    expect(statuses).toEqual([200, 403, 403])
  })

  test('plugins may refuse', async () => {
    const wall = makePlugin('wall', {
      request: ({ area, app }) => reject(`${area} of ${app?.slug}`),
    })
    await using server = await start({ plugins: [wall] })
    const response = await push(server, { channel: 'a', data: 1, event: 'e' })
    expect([response.status, await response.json()]).toEqual([
      403,
      { errors: { detail: 'trigger of test-app' } },
    ])
  })
})

describe('authorizePush', () => {
  const BODY = { channel: 'a', data: 1, event: 'e' }

  test('is asked of everybody, with what is pushed, and may refuse (66)', async () => {
    const seen: unknown[] = []
    const door = makePlugin('door', {
      authorizePush: async ({ app }, params) => {
        seen.push([app?.slug, params])
        return (params as { event?: string })?.event === 'no' ? reject('secret reason') : undefined
      },
    })
    await using server = await start({ plugins: [door] })
    expect((await push(server, BODY)).status).toBe(200)
    const refused = await push(server, { event: 'no' }, makeBasicAuth(PAIR))
    expect([refused.status, await refused.json()]).toEqual([403, FORBIDDEN])
    expect((await push(server, '{')).status).toBe(400)
    expect(seen).toEqual([
      ['test-app', BODY],
      ['test-app', { event: 'no' }],
      ['test-app', undefined],
    ])
  })

  test('may vouch for who has no credentials, and change what is pushed (66)', async () => {
    const door = makePlugin('door', {
      authorizePush: ({ headers }, params) =>
        headers.has('x-good')
          ? allow({ params: { ...(params as object), event: 'changed' } })
          : undefined,
    })
    await using server = await start({ plugins: [door], apps: [OWN] })
    expect((await push(server, BODY)).status).toBe(403)
    const vouched = await push(server, BODY, { 'x-good': '1' })
    expect(await vouched.json()).toEqual({ channel: ['a'], data: 1, event: 'changed' })
    const page = await push(server, BODY, { 'x-good': '1', origin: 'https://evil.example' })
    expect(page.status).toBe(403)
  })

  test('may say that it was too often', async () => {
    const door = makePlugin('door', {
      authorizePush: () => reject('slower', { retryAfterSeconds: 7 }),
    })
    await using server = await start({ plugins: [door] })
    const response = await push(server, BODY)
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7'])
  })
})
