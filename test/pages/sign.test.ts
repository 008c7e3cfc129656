import { describe, expect, test } from 'bun:test'
import { authorize } from '../../src/pages/swagger/sign'
import type { Scheme } from '../../src/pages/swagger/schemes'
import { REQUESTS } from '../vectors/requests'

const HOST = 'http://localhost'
const NOBODY = { appId: '', key: '', secret: '', username: '', password: '', token: '' }

describe('the page signs as the SDKs do', () => {
  // One vector is an SDK's that hashes even no body, one has lists, which no route of the document takes.
  const vectors = REQUESTS.filter(
    ({ query, body, md5 }) => !query?.includes('[]') && (body !== undefined || md5 === undefined),
  )

  test.each(vectors)('$id', ({ app, method, path, query, timestamp, body, md5, signature }) => {
    const url = `${HOST}${path}${query === undefined ? '' : `?${query}`}`
    const credentials = { ...NOBODY, key: app.appKey, secret: app.appSecret }
    const request = authorize(
      { url, method, headers: {}, body },
      { scheme: 'signature', path },
      credentials,
      timestamp * 1000,
    )
    const { searchParams } = new URL(request.url)
    expect(searchParams.get('auth_signature')).toBe(signature)
    expect(searchParams.get('body_md5')).toBe(md5 ?? null)
  })
})

const FULL = {
  appId: '1',
  key: 'k',
  secret: 's-secret',
  username: 'u',
  password: 'p-word',
  token: '',
}
const requestFor = (scheme: Scheme | undefined) => ({ scheme, path: '/any' })
const GET = { url: `${HOST}/any`, method: 'GET', headers: {} }

test('what needs no credentials gets none', () => {
  expect(authorize(GET, requestFor(undefined), FULL, 0)).toBe(GET)
})

test('a signed request carries no secret; Basic carries what the bar says it does', () => {
  const signed = JSON.stringify(authorize(GET, requestFor('signature'), FULL, 0))
  expect(signed).toContain('auth_signature=')
  expect(signed).not.toMatch(/s-secret|p-word|authorization/)
  const app = authorize(GET, requestFor('keyPair'), FULL, 0)
  expect(app).toEqual({ ...GET, headers: { authorization: `Basic ${btoa('k:s-secret')}` } })
  const admin = authorize(GET, requestFor('password'), FULL, 0)
  expect(admin).toEqual({ ...GET, headers: { authorization: `Basic ${btoa('u:p-word')}` } })
})

test('a token goes in the place of user and password, and nowhere else', () => {
  const bar = { ...FULL, token: 'carillon_x' }
  const admin = authorize(GET, requestFor('password'), bar, 0)
  expect(admin).toEqual({ ...GET, headers: { authorization: 'Bearer carillon_x' } })
  const without = { ...NOBODY, token: 'carillon_x' }
  expect(authorize(GET, requestFor('password'), without, 0)).toEqual(admin)
  for (const scheme of ['signature', 'keyPair'] as const)
    expect(JSON.stringify(authorize(GET, requestFor(scheme), bar, 0))).not.toContain('carillon_x')
})

const EMPTY = [
  {
    scheme: 'signature',
    bar: { secret: '' },
    reason: 'Not signed and not sent: the bar has no secret.',
  },
  {
    scheme: 'signature',
    bar: NOBODY,
    reason: 'Not signed and not sent: the bar has no key and no secret.',
  },
  { scheme: 'keyPair', bar: { secret: '' }, reason: 'Not sent: the bar has no secret.' },
  { scheme: 'password', bar: { password: '' }, reason: 'Not sent: the bar has no password.' },
  { scheme: 'password', bar: NOBODY, reason: 'Not sent: the bar has no user and no password.' },
] as const

test.each(EMPTY)(
  'what is empty does not sign: $scheme, $reason',
  async ({ scheme, bar, reason }) => {
    const { userFetch, ...request } = authorize(GET, requestFor(scheme), { ...FULL, ...bar }, 0)
    expect(request).toEqual(GET)
    expect(userFetch).toThrow(new Error(reason))
  },
)
