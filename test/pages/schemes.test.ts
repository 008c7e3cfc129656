import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { currentDocument } from '../../openapi/current'
import { matchesFilter } from '../../src/pages/swagger/operations'
import { reasonOf, schemeOf, schemeFinder, type Document } from '../../src/pages/swagger/schemes'

const document = (await currentDocument()) as Document
const { paths } = document
const PAGE = join(import.meta.dir, '../../src/pages/swagger/index.html')
const open = { '/plugins/x/open': { get: {} } }

test.each(['', '/ws', '/api', '/a/b'])(
  'credentials are those of the document, below %p',
  (prefix) => {
    const root = new URL(`http://localhost${prefix}/`)
    const schemeOfRequest = schemeFinder({ ...document, paths: { ...paths, ...open } }, root)
    for (const [template, methods] of Object.entries(paths)) {
      const path = template.replace(/\{\w+\}/g, 'x-1')
      for (const operation of Object.values(methods))
        expect(schemeOfRequest(`http://localhost${prefix}${path}?x`)).toEqual({
          scheme: schemeOf(operation),
          path,
        })
    }
    expect(schemeOfRequest(`http://localhost${prefix}/plugins/x/open`).scheme).toBeUndefined()
  },
)

/** The paths that the bar names are those whose operations take these credentials. */
test('the bar says the truth of every operation', async () => {
  const html = await Bun.file(PAGE).text()
  const [app = '', admin = ''] = html.match(/<small[^]*?<\/small/g) ?? []
  const [signed = '', basic = ''] = app.split('Basic')
  const named = { signature: codesIn(signed), keyPair: codesIn(basic), password: codesIn(admin) }
  for (const [path, methods] of Object.entries(paths))
    for (const operation of Object.values(methods)) {
      const schemes = Object.entries(named).filter(([, starts]) =>
        starts.some((start) => path === start || path.startsWith(`${start}/`)),
      )
      expect({ path, scheme: schemes.map(([scheme]) => scheme)[0] }).toEqual({
        path,
        scheme: schemeOf(operation),
      })
    }
  expect(html).toMatch(/The secret signs and is not sent; with Basic it is/)
})

const codesIn = (html: string): string[] =>
  Array.from(html.matchAll(/<code>([^<]+)<\/code>/g), ([, code]) => code!)

const MEANT = [
  { scheme: 'password', status: 401, text: '', reason: 'user or password in the bar is wrong' },
  { scheme: 'keyPair', status: 401, text: '', reason: 'key or secret in the bar is wrong' },
  {
    scheme: 'keyPair',
    status: 403,
    text: '{"error":"Access forbidden"}',
    reason: 'key or secret in the bar is wrong, or a plugin refuses',
  },
  { scheme: 'signature', status: 401, text: 'Invalid signature', reason: undefined },
  { scheme: 'password', status: 429, text: 'Too many', reason: undefined },
  { scheme: undefined, status: 401, text: '', reason: undefined },
] as const

test.each(MEANT)('$scheme, $status means: $reason', ({ scheme, reason, ...refused }) => {
  expect(reasonOf(scheme, refused)).toBe(reason)
})

const TRIGGER = {
  tag: 'events',
  method: 'post',
  path: '/apps/{appId}/events',
  summary: 'Trigger an event on one or more channels',
  operationId: 'triggerEvent',
}
const PHRASES = [
  ['', true],
  ['trigger', true],
  ['POST events', true],
  ['/apps/{appid}', true],
  ['triggerEvent', true],
  ['one  more', true],
  ['get events', false],
  ['trigger batch', false],
] as const

test.each(PHRASES)('the filter %p finds the trigger: %p', (phrase, found) => {
  expect(matchesFilter(phrase, Object.values(TRIGGER).join(' '))).toBe(found)
})
