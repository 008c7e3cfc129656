import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { currentDocument } from '../../openapi/current'
import { isFound } from '../../src/pages/swagger/filter'
import { meaningOf, wayOf, waysOf, type Document } from '../../src/pages/swagger/ways'

const document = (await currentDocument()) as Document
const { paths } = document
const PAGE = join(import.meta.dir, '../../src/pages/swagger/index.html')
const open = { '/plugins/x/open': { get: {} } }

test.each(['', '/ws', '/api', '/a/b'])(
  'credentials are those of the document, below %p',
  (prefix) => {
    const root = new URL(`http://localhost${prefix}/`)
    const askedAt = waysOf({ ...document, paths: { ...paths, ...open } }, root)
    for (const [template, methods] of Object.entries(paths)) {
      const path = template.replace(/\{\w+\}/g, 'x-1')
      for (const operation of Object.values(methods))
        expect(askedAt(`http://localhost${prefix}${path}?x`)).toEqual({
          way: wayOf(operation),
          path,
        })
    }
    expect(askedAt(`http://localhost${prefix}/plugins/x/open`).way).toBeUndefined()
  },
)

/** Paths that the bar names are those whose operations take what it says. */
test('the bar says the truth of every operation', async () => {
  const html = await Bun.file(PAGE).text()
  const [app = '', admin = ''] = html.match(/<small[^]*?<\/small/g) ?? []
  const [signed = '', basic = ''] = app.split('Basic')
  const named = { signature: codesIn(signed), keyPair: codesIn(basic), password: codesIn(admin) }
  for (const [path, methods] of Object.entries(paths))
    for (const operation of Object.values(methods)) {
      const ways = Object.entries(named).filter(([, starts]) =>
        starts.some((start) => path === start || path.startsWith(`${start}/`)),
      )
      expect({ path, way: ways.map(([way]) => way)[0] }).toEqual({ path, way: wayOf(operation) })
    }
  expect(html).toMatch(/The secret signs and is not sent; with Basic it is/)
})

const codesIn = (html: string): string[] =>
  Array.from(html.matchAll(/<code>([^<]+)<\/code>/g), ([, code]) => code!)

const MEANT = [
  { way: 'password', status: 401, text: '', says: 'user or password in the bar is wrong' },
  { way: 'keyPair', status: 401, text: '', says: 'key or secret in the bar is wrong' },
  {
    way: 'keyPair',
    status: 403,
    text: '{"error":"Access forbidden"}',
    says: 'key or secret in the bar is wrong, or a plugin refuses',
  },
  { way: 'signature', status: 401, text: 'Invalid signature', says: undefined },
  { way: 'password', status: 429, text: 'Too many', says: undefined },
  { way: undefined, status: 401, text: '', says: undefined },
] as const

test.each(MEANT)('$way, $status means: $says', ({ way, says, ...refused }) => {
  expect(meaningOf(way, refused)).toBe(says)
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
  expect(isFound(phrase, TRIGGER)).toBe(found)
})
