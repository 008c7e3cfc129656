import { describe, expect, test } from 'bun:test'
import { authorized } from '../../src/pages/swagger/sign'
import type { Way } from '../../src/pages/swagger/ways'
import { REQUESTS } from '../vectors/requests'

const HOST = 'http://localhost'
const NOBODY = { appId: '', key: '', secret: '', username: '', password: '' }

describe('the page signs as the SDKs do', () => {
  // One vector is an SDK's that hashes even no body, one has lists, which no route of the document takes.
  const vectors = REQUESTS.filter(
    ({ query, body, md5 }) => !query?.includes('[]') && (body !== undefined || md5 === undefined),
  )

  test.each(vectors)('$id', ({ app, method, path, query, timestamp, body, md5, signature }) => {
    const url = `${HOST}${path}${query === undefined ? '' : `?${query}`}`
    const credentials = { ...NOBODY, key: app.appKey, secret: app.appSecret }
    const request = authorized(
      { url, method, headers: {}, body },
      { way: 'signature', path },
      credentials,
      timestamp * 1000,
    )
    const { searchParams } = new URL(request.url)
    expect(searchParams.get('auth_signature')).toBe(signature)
    expect(searchParams.get('body_md5')).toBe(md5 ?? null)
  })
})

const FULL = { appId: '1', key: 'k', secret: 's-secret', username: 'u', password: 'p-word' }
const askedBy = (way: Way | undefined) => ({ way, path: '/any' })
const GET = { url: `${HOST}/any`, method: 'GET', headers: {} }

test('what needs no credentials gets none', () => {
  expect(authorized(GET, askedBy(undefined), FULL, 0)).toBe(GET)
})

test('a signed request carries no secret; Basic carries what the bar says it does', () => {
  const signed = JSON.stringify(authorized(GET, askedBy('signature'), FULL, 0))
  expect(signed).toContain('auth_signature=')
  expect(signed).not.toMatch(/s-secret|p-word|authorization/)
  const app = authorized(GET, askedBy('keyPair'), FULL, 0)
  expect(app).toEqual({ ...GET, headers: { authorization: `Basic ${btoa('k:s-secret')}` } })
  const admin = authorized(GET, askedBy('password'), FULL, 0)
  expect(admin).toEqual({ ...GET, headers: { authorization: `Basic ${btoa('u:p-word')}` } })
})

const EMPTY = [
  {
    way: 'signature',
    bar: { secret: '' },
    says: 'Not signed and not sent: the bar has no secret.',
  },
  {
    way: 'signature',
    bar: NOBODY,
    says: 'Not signed and not sent: the bar has no key and no secret.',
  },
  { way: 'keyPair', bar: { secret: '' }, says: 'Not sent: the bar has no secret.' },
  { way: 'password', bar: { password: '' }, says: 'Not sent: the bar has no password.' },
  { way: 'password', bar: NOBODY, says: 'Not sent: the bar has no user and no password.' },
] as const

test.each(EMPTY)('what is empty does not sign: $way, $says', async ({ way, bar, says }) => {
  const { userFetch, ...request } = authorized(GET, askedBy(way), { ...FULL, ...bar }, 0)
  expect(request).toEqual(GET)
  expect(userFetch).toThrow(new Error(says))
})
