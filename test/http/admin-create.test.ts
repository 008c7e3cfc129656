/**
 * The admin API: apps that are created, and bodies that are not taken. Phoenix contract 2.1 to 2.3;
 * numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { startCommon, start } from '../harness'
import { requestAdmin, create, FORM } from './admin-requests'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

describe('creating', () => {
  test('as the seed’s article does it, with a form (48)', async () => {
    await using server = await start()
    const form = { body: 'app[name]=foo-app', headers: FORM }
    const { status, body, headers } = await requestAdmin(server, 'POST', '', form)
    expect(status).toBe(201)
    expect(headers.get('location')).toBe('/api/admin/apps/foo-app')
    expect(body.data).toEqual({
      id: expect.any(Number),
      name: 'foo-app',
      slug: 'foo-app',
      key: expect.stringMatching(UUID),
      secret: expect.stringMatching(UUID),
      active: true,
      client_events: true,
      public_client_events: false,
      epl_bridge: false,
      tls_only: false,
      subscription_counts: false,
      hosts: [],
      webhooks: [],
      history: [],
      limits: {},
      plugins: {},
      keys: [{ key: body.data.key, secret: body.data.secret }],
      provided_by: null,
      created_at: server.clock.now(),
    })
  })

  test('with multipart, nested names and switches as text (48, trap 21)', async () => {
    await using server = await start()
    const form = new FormData()
    form.set('app[name]', 'form app')
    form.set('app[active]', 'false')
    form.set('app[limits][max_presence_members]', '5')
    const { status, body } = await requestAdmin(server, 'POST', '', { body: form })
    expect([status, body.data.slug, body.data.active, body.data.limits]).toEqual([
      201,
      'form-app',
      false,
      { max_presence_members: 5 },
    ])
  })

  test('with everything that a moving user brings (48)', async () => {
    await using server = await start()
    const moved = {
      name: 'My app',
      id: 'app-id',
      key: 'app-key',
      secret: 'app-secret',
      slug: 'mine',
    }
    const { status, body } = await create(server, moved)
    expect([status, body.data]).toEqual([201, expect.objectContaining(moved)])
    await using client = await server.raw({ path: '/app/app-key' })
    const sdk = server.sdk({ appId: 'app-id', key: 'app-key', secret: 'app-secret' })
    await client.subscribed('room')
    await sdk.trigger('room', 'e', 'x')
    expect((await client.nextJson()).event).toBe('e')
  })

  const SLUGS: readonly (readonly [name: string, slug: string])[] = [
    ['123 hello $%^ world!', '123-hello-dollar-world'],
    ['a&b & c', 'aandb-and-c'],
    ["Don't stop", 'don-t-stop'],
    ['Größe Übung', 'groesse-uebung'],
    ['Ærø Ålborg', 'aeroe-aalborg'],
  ]
  const server = startCommon()
  test.each(SLUGS)('%s is %s (50)', async (name, slug) => {
    expect((await create(server(), { name })).body.data.slug).toBe(slug)
  })

  const REFUSED: readonly (readonly [app: object, errors: object])[] = [
    [{ slug: 'x' }, { name: ["can't be blank"] }],
    [{ name: '   ' }, { name: ["can't be blank"] }],
    [{ name: 'four' }, { name: ['should be at least 5 character(s)'] }],
    [{ name: 'x'.repeat(256) }, { name: ['should be at most 255 character(s)'] }],
    [{ name: 7 }, { name: ['is invalid: 7; expected text'] }],
    [{ name: 'Test App' }, { name: ['has already been taken'] }],
    [{ name: 'Another app', slug: '1' }, { slug: ['has already been taken'] }],
    [{ name: 'Another app', id: 'test-app' }, { id: ['has already been taken'] }],
    [{ name: 'Test  App' }, { slug: ['has already been taken'] }],
    [{ name: '日本語の名前' }, { slug: ['is invalid'] }],
    [
      { name: 'valid name', slug: 'Not A Slug' },
      { slug: ['is invalid: "Not A Slug"; expected a-z, 0-9 and single dashes'] },
    ],
    [{ name: 'valid name', id: '1' }, { id: ['has already been taken'] }],
    [{ name: 'valid name', key: 'test-app-fake-key' }, { key: ['has already been taken'] }],
    [
      { name: 'valid name', key: 'a:b' },
      { key: ['is invalid: "a:b"; expected letters, digits and _.~-, no dots alone'] },
    ],
    [
      { name: 'valid name', active: 'perhaps' },
      { active: ['is invalid: "perhaps"; expected true or false'] },
    ],
    [
      { name: 'valid name', hosts: ['//example.org'] },
      { hosts: ['are enforced by no plugin; expected an empty list'] },
    ],
    [
      { name: 'valid name', colour: 'red' },
      { colour: [expect.stringMatching(/^is unknown; known are name, slug, /)] },
    ],
    [
      { name: 'valid name', limits: { max_presence_members: 0 } },
      { limits: ['has max_presence_members 0; expected an integer from 1 to 1000000'] },
    ],
    [
      { name: 'valid name', limits: { speed: 1 } },
      {
        limits: [expect.stringMatching(/^has the unknown key "speed"; known are max_\w+(, \w+)+$/)],
      },
    ],
    [
      { name: 'valid name', webhooks: [{ url: 'ftp://x' }] },
      { webhooks: ['has the url "ftp://x"; expected one of http or https'] },
    ],
    [
      { name: 'four', active: 'x', colour: 1 },
      { name: [expect.any(String)], active: [expect.any(String)], colour: [expect.any(String)] },
    ],
  ]
  test.each(REFUSED)('%j is told what is wrong (49)', async (app, errors) => {
    const apps = (await requestAdmin(server(), 'GET')).body
    const answer = await create(server(), app)
    expect([answer.status, answer.body]).toEqual([422, { errors }])
    expect((await requestAdmin(server(), 'GET')).body).toEqual(apps)
  })

  test.each(['', '{}', '{"app":{}}', '{"app":[]}', '[]', 'null', '{"app":', '{"app":"x"}'])(
    'a body of %p is a bad request (49)',
    async (body) => {
      await using server = await start()
      const answer = await requestAdmin(server, 'POST', '', { body })
      expect([answer.status, answer.body]).toEqual([400, { errors: { detail: 'Bad Request' } }])
    },
  )
})

test('fields named like an object’s own are unknown like any other (trap 20)', async () => {
  await using server = await start()
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const json = await requestAdmin(server, 'POST', '', {
      body: `{"app":{"name":"odd app","${name}":{"active":false}}}`,
    })
    expect([json.status, Object.keys(json.body.errors)]).toEqual([422, [name]])
    const form = await requestAdmin(server, 'POST', '', {
      body: `app[name]=odd+app&app[${name}][active]=1`,
      headers: FORM,
    })
    expect([form.status, Object.keys(form.body.errors)]).toEqual([422, [name]])
  }
})

test('a body nested deeper than can be written out is refused, and not a fault', async () => {
  await using server = await start()
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  for (const field of ['name', 'hosts', 'webhooks', 'limits', 'colour']) {
    const answer = await requestAdmin(server, 'POST', '', {
      body: `{"app":{"name":"deep app","${field}":${deep}}}`,
    })
    expect(answer.status).toBe(422)
  }
  expect(server.core.counters.faults).toBe(0)
})

test('forms of many values or many levels cost little', async () => {
  await using server = await start()
  const many = await requestAdmin(server, 'POST', '', {
    headers: FORM,
    body: `app[name]=many+hosts${'&app[hosts][]=x'.repeat(8000)}`,
  })
  expect([many.status, Object.keys(many.body.errors)]).toEqual([422, ['hosts']])
  const deep = await requestAdmin(server, 'POST', '', {
    headers: FORM,
    body: `app[name]=deep+names&app${'[a]'.repeat(150_000)}=x`,
  })
  expect(deep.status).toBe(400)
})
