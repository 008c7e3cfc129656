/** What the fields of an app may be, whatever the body's kind. Phoenix contract 2.3. */
import { describe, expect, test } from 'bun:test'
import { startCommon, start } from '../harness'
import { requestAdmin, change, create, FORM, makeTemporary } from '../http/admin-requests'

const TEXT = ['must be text without control characters and broken surrogates']

describe('text', () => {
  const REFUSED: readonly (readonly [field: string, json: string])[] = [
    ['name', String.raw`"\ud800aaaa"`],
    ['name', String.raw`"aaaa\udc00"`],
    ['name', String.raw`"nul \u0000 nul"`],
    ['name', String.raw`"two\nlines"`],
    ['secret', String.raw`"se\ud800cret"`],
    ['secret', String.raw`"se\u0007cret"`],
    ['slug', String.raw`"slug\u0000"`],
  ]
  const server = startCommon()
  test.each(REFUSED)('a %s of %s is refused', async (field, json) => {
    const name = field === 'name' ? '' : '"name":"valid name",'
    const body = `{"app":{${name}"${field}":${json}}}`
    const answer = await requestAdmin(server(), 'POST', '', { body })
    expect([answer.status, answer.body]).toEqual([422, { errors: { [field]: TEXT } }])
  })

  test('in webhooks is held to the same', async () => {
    await using server = await start()
    for (const text of ['a\nb', '\ud800']) {
      const webhooks = [{ url: 'http://x.example', headers: { 'x-a': text } }]
      expect((await create(server, { name: 'valid name', webhooks })).status).toBe(422)
    }
  })

  const UTF8 = { errors: { detail: 'The body is not UTF-8' } }
  const bytes = (text: string): Uint8Array<ArrayBuffer> =>
    new Uint8Array(Buffer.from(text, 'latin1'))
  const BODIES: readonly (readonly [kind: string, type: string, body: Uint8Array<ArrayBuffer>])[] =
    [
      ['JSON', 'application/json', bytes('{"app":{"name":"broken \xff name"}}')],
      ['a form', FORM['content-type'], bytes('app[name]=broken+\xff+name')],
      ['an escaped form', FORM['content-type'], bytes('app[name]=broken+%ff+name')],
      [
        'multipart',
        'multipart/form-data; boundary=b',
        bytes(
          '--b\r\ncontent-disposition: form-data; name="app[name]"\r\n\r\nbroken \xff name\r\n--b--\r\n',
        ),
      ],
    ]
  test.each(BODIES)('that is no UTF-8 in %s is refused, not repaired', async (_, type, body) => {
    const answer = await requestAdmin(server(), 'POST', '', {
      body,
      headers: { 'content-type': type },
    })
    expect([answer.status, answer.body]).toEqual([400, UTF8])
  })

  test('in any script is kept as it is, a stray percent sign too', async () => {
    await using server = await start()
    const name = 'Grüße 🎈 100%'
    expect((await create(server, { name, slug: 'one' })).body.data.name).toBe(name)
    await requestAdmin(server, 'DELETE', '/one')
    const body = 'app[name]=Gr%C3%BC%C3%9Fe+🎈+100%&app[slug]=two'
    const form = await requestAdmin(server, 'POST', '', { body, headers: FORM })
    expect(form.body.data.name).toBe(name)
  })
})

test('a secret is the same after a restart', async () => {
  await using dir = makeTemporary()
  const config = { databasePath: dir.path }
  const secret = 'sécret-🎈'
  {
    await using server = await start({ config })
    expect((await create(server, { name: 'my app', secret })).status).toBe(201)
  }
  await using server = await start({ config })
  expect((await requestAdmin(server, 'GET', '/my-app')).body.data.secret).toBe(secret)
})

describe('ids and keys', () => {
  test('an id is a number only where it reads back as the same text', async () => {
    await using server = await start()
    const shown: readonly (readonly [id: string, shown: unknown])[] = [
      ['007', '007'],
      ['7', 7],
      ['0', 0],
      ['00', '00'],
      ['1e3', '1e3'],
      ['9007199254740993', '9007199254740993'],
    ]
    for (const [id, wanted] of shown) {
      const { body } = await create(server, { name: `app of ${id}`, id })
      expect(body.data.id).toBe(wanted)
      expect((await requestAdmin(server, 'GET', `/${body.data.id}`)).body.data.id).toBe(wanted)
    }
  })

  test.each([
    ['id', '.'],
    ['id', '..'],
    ['key', '.'],
    ['key', '..'],
  ])('an %s of %s could not be addressed and is refused', async (field, value) => {
    await using server = await start()
    const { status, body } = await create(server, { name: 'valid name', [field]: value })
    expect([status, Object.keys(body.errors)]).toEqual([422, [field]])
  })
})

describe('limits', () => {
  test.each([[[7]], ['0x10'], ['1e2'], ['0b11'], [' 7'], ['-7'], ['7.0'], [7.5], [true], [{}]])(
    '%j is no number of anything',
    async (given) => {
      await using server = await start()
      const limits = { max_presence_members: given }
      const { status, body } = await create(server, { name: 'valid name', limits })
      expect([status, Object.keys(body.errors)]).toEqual([422, ['limits']])
    },
  )

  test('digits in a form are', async () => {
    await using server = await start()
    const body = 'app[name]=valid+name&app[limits][max_presence_members]=7'
    const answer = await requestAdmin(server, 'POST', '', { body, headers: FORM })
    expect(answer.body.data.limits).toEqual({ max_presence_members: 7 })
    const back = { body: 'app[limits][max_presence_members]=', headers: FORM }
    expect((await requestAdmin(server, 'PATCH', '/valid-name', back)).body.data.limits).toEqual({})
  })
})

test('webhooks can be set by form', async () => {
  await using server = await start()
  const fields = [
    'app[name]=valid+name',
    'app[webhooks][][url]=http://one.example',
    'app[webhooks][][event_types][]=member_added',
    'app[webhooks][][event_types][]=member_removed',
    'app[webhooks][][headers][x-a]=1',
    'app[webhooks][][headers][x-b]=2',
    'app[webhooks][][url]=http://two.example',
  ]
  const answer = await requestAdmin(server, 'POST', '', { body: fields.join('&'), headers: FORM })
  expect([answer.status, answer.body.data?.webhooks]).toEqual([
    201,
    [
      {
        url: 'http://one.example',
        event_types: ['member_added', 'member_removed'],
        headers: { 'x-a': '1', 'x-b': '2' },
      },
      { url: 'http://two.example' },
    ],
  ])
})

describe('many mistakes', () => {
  test('are told up to twenty', async () => {
    await using server = await start()
    const strangers = Array.from({ length: 20_000 }, (_, n) => [`x${n}`, 1])
    const app = { name: 'valid name', ...Object.fromEntries(strangers) }
    const { status, body } = await create(server, app)
    expect([status, Object.keys(body.errors).length]).toEqual([422, 20])
  })

  test('more than fifty webhooks are refused', async () => {
    await using server = await start()
    const webhooks = (count: number) => Array(count).fill({ url: 'http://x.example' })
    const { body } = await create(server, { name: 'valid name', webhooks: webhooks(51) })
    expect(body.errors).toEqual({ webhooks: ['has 51 entries; the limit is 50'] })
    await create(server, { name: 'valid name' })
    expect((await change(server, 'valid-name', { webhooks: webhooks(50) })).status).toBe(200)
  })
})
