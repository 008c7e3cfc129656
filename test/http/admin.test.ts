/**
 * The admin API on a live server. Phoenix contract 2.1 to 2.3; numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { start, within } from '../harness'
import { ADMIN, ask, change, create, FORM } from './ask-admin'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

describe('creating', () => {
  test('as the seed’s article does it, with a form (48)', async () => {
    await using server = await start()
    const form = { body: 'app[name]=foo-app', headers: FORM }
    const { status, body, headers } = await ask(server, 'POST', '', form)
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
      subscription_counts: false,
      hosts: [],
      webhooks: [],
      limits: {},
      keys: [{ key: body.data.key, secret: body.data.secret }],
      provided_by: null,
    })
  })

  test('with multipart, nested names and switches as text (48, trap 21)', async () => {
    await using server = await start()
    const form = new FormData()
    form.set('app[name]', 'form app')
    form.set('app[active]', 'false')
    form.set('app[limits][max_presence_members]', '5')
    const { status, body } = await ask(server, 'POST', '', { body: form })
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
  test.each(SLUGS)('%s is %s (50)', async (name, slug) => {
    await using server = await start()
    expect((await create(server, { name })).body.data.slug).toBe(slug)
  })

  const LIMITS =
    'max_connections_per_app, max_backend_events_per_second, max_event_data_bytes, max_presence_members, max_user_info_bytes, max_client_events_per_second, max_watched_users, max_cached_channels, authorize_within_seconds'
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
      { limits: [`has the unknown key "speed"; known are ${LIMITS}`] },
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
    await using server = await start()
    const answer = await create(server, app)
    expect([answer.status, answer.body]).toEqual([422, { errors }])
    expect((await ask(server, 'GET')).body.data).toHaveLength(1)
  })

  test.each(['', '{}', '{"app":{}}', '{"app":[]}', '[]', 'null', '{"app":', '{"app":"x"}'])(
    'a body of %p is a bad request (49)',
    async (body) => {
      await using server = await start()
      const answer = await ask(server, 'POST', '', { body })
      expect([answer.status, answer.body]).toEqual([400, { errors: { detail: 'Bad Request' } }])
    },
  )
})

test('fields named like an object’s own are unknown like any other (trap 20)', async () => {
  await using server = await start()
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const json = await ask(server, 'POST', '', {
      body: `{"app":{"name":"odd app","${name}":{"active":false}}}`,
    })
    expect([json.status, Object.keys(json.body.errors)]).toEqual([422, [name]])
    const form = await ask(server, 'POST', '', {
      body: `app[name]=odd+app&app[${name}][active]=1`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect([form.status, Object.keys(form.body.errors)]).toEqual([422, [name]])
  }
})

test('a body nested deeper than can be written out is refused, and not a fault', async () => {
  await using server = await start()
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  for (const field of ['name', 'hosts', 'webhooks', 'limits', 'colour']) {
    const answer = await ask(server, 'POST', '', {
      body: `{"app":{"name":"deep app","${field}":${deep}}}`,
    })
    expect(answer.status).toBe(422)
  }
  expect(server.core.counters.faults).toBe(0)
})

test('forms of many values or many levels cost little', async () => {
  await using server = await start()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const many = await ask(server, 'POST', '', {
    headers,
    body: `app[name]=many+hosts${'&app[hosts][]=x'.repeat(60_000)}`,
  })
  expect([many.status, Object.keys(many.body.errors)]).toEqual([422, ['hosts']])
  const deep = await ask(server, 'POST', '', {
    headers,
    body: `app[name]=deep+names&app${'[a]'.repeat(200_000)}=x`,
  })
  expect(deep.status).toBe(400)
})

test('a change whose body arrives after the app was deleted brings nothing back', async () => {
  await using server = await start()
  await create(server, { name: 'my app' })
  const body = JSON.stringify({ app: { active: true } })
  const answer = Promise.withResolvers<string>()
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: server.port,
    socket: { data: (_, bytes) => answer.resolve(bytes.toString()) },
  })
  const head = [
    'PATCH /api/admin/apps/my-app HTTP/1.1',
    'Host: localhost',
    `Authorization: ${ADMIN}`,
    `Content-Length: ${body.length}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${body.slice(0, 5)}`)
  expect((await ask(server, 'DELETE', '/my-app')).status).toBe(204)
  socket.write(body.slice(5))
  expect(await within('the answer', answer.promise)).toStartWith('HTTP/1.1 404')
  expect(server.core.apps.store.all()).toEqual([])
  socket.end()
})

describe('showing and changing', () => {
  test('by slug or by id; inactive apps too (51)', async () => {
    await using server = await start()
    const { body } = await create(server, { name: 'my app', active: false })
    for (const name of ['my-app', body.data.id])
      expect((await ask(server, 'GET', `/${name}`)).body).toEqual(body)
    expect((await ask(server, 'GET', '/nobody')).status).toBe(404)
    expect((await ask(server, 'GET', '/nobody')).body).toEqual({ errors: { detail: 'Not Found' } })
  })

  test('a new name makes a new slug, unless one is given; the rest stays (50, 52)', async () => {
    await using server = await start()
    const { body: made } = await create(server, {
      name: 'first name',
      limits: { max_presence_members: 5, max_event_data_bytes: 9 },
    })
    const { body: renamed } = await change(server, 'first-name', {
      name: 'second name',
      limits: { max_event_data_bytes: null },
    })
    expect(renamed.data).toEqual({
      ...made.data,
      name: 'second name',
      slug: 'second-name',
      limits: { max_presence_members: 5 },
    })
    expect((await ask(server, 'GET', '/first-name')).status).toBe(404)
    const { body: kept } = await change(server, 'second-name', {
      name: 'third name',
      slug: 'second-name',
    })
    expect(kept.data.slug).toBe('second-name')
    const { body: same } = await change(server, 'second-name', { name: 'third name' })
    expect(same.data.slug).toBe('second-name')
  })

  test('id, key and secret are set at creation', async () => {
    await using server = await start()
    await create(server, { name: 'my app' })
    const { status, body } = await change(server, 'my-app', { id: '5', key: 'k' })
    expect([status, body.errors]).toEqual([
      422,
      {
        id: ['is set at creation and cannot be changed'],
        key: ['is set at creation and cannot be changed'],
      },
    ])
  })

  test('limits hold from the next action on', async () => {
    await using server = await start()
    const { body } = await create(server, { name: 'my app' })
    const { id, key, secret } = body.data
    const sdk = server.sdk({ appId: String(id), key, secret })
    await sdk.trigger('room', 'e', 'four')
    await change(server, 'my-app', { limits: { max_event_data_bytes: 3 } })
    expect((await sdk.trigger('room', 'e', 'four').catch((error) => error)).status).toBe(413)
    await change(server, 'my-app', {
      limits: { max_event_data_bytes: null, max_backend_events_per_second: 2 },
    })
    await sdk.trigger(['a', 'b'], 'e', 'x')
    const limited = await sdk.trigger('room', 'e', 'x').catch((error) => error)
    expect([limited.status, limited.body]).toEqual([
      429,
      '1 events exceed what is left of the limit of 2 per second (maxBackendEventsPerSecond)\n',
    ])
    server.advance(500)
    expect((await sdk.trigger('room', 'e', 'x')).status).toBe(200)
  })

  test('client events can be switched off and on under open connections', async () => {
    await using server = await start()
    await using one = await server.raw()
    await using two = await server.raw()
    for (const client of [one, two]) await server.signedIn(client, 'private-room')
    await change(server, 'test-app', { client_events: false })
    one.send({ event: 'client-x', channel: 'private-room', data: 1 })
    expect(await one.next()).toContain('you must enable this feature')
    await change(server, 'test-app', { client_events: true })
    one.send({ event: 'client-x', channel: 'private-room', data: 2 })
    expect((await two.nextJson()).data).toBe(2)
  })
})

describe('the end of an app', () => {
  test('deactivated: connections get 4003, signatures and newcomers are refused; reactivated: all is well', async () => {
    await using server = await start()
    await using client = await server.raw()
    await change(server, 'test-app', { active: false })
    expect((await client.closing()).code).toBe(4003)
    await using newcomer = await server.raw({ hello: false })
    expect((await newcomer.closing()).code).toBe(4003)
    expect(
      (
        await server
          .sdk()
          .trigger('room', 'e', '')
          .catch((error) => error)
      ).status,
    ).toBe(403)
    await change(server, 'test-app', { active: true })
    await using again = await server.raw()
    await again.expectNothing()
    expect((await server.sdk().trigger('room', 'e', '')).status).toBe(200)
  })

  test('deleted: connections get 4001, its id is unknown, its name is free (52)', async () => {
    await using server = await start()
    const { body } = await create(server, { name: 'my app' })
    await using client = await server.raw({ path: `/app/${body.data.key}` })
    await using other = await server.raw()
    const deleted = await ask(server, 'DELETE', '/my-app')
    expect([deleted.status, deleted.body]).toEqual([204, ''])
    expect((await client.closing()).code).toBe(4001)
    await other.expectNothing()
    const { id, key, secret } = body.data
    const refused = await server
      .sdk({ appId: String(id), key, secret })
      .trigger('room', 'e', '')
      .catch((error) => error)
    expect(refused.status).toBe(404)
    expect((await create(server, { name: 'my app' })).status).toBe(201)
  })

  test('pusher-js takes both as final', async () => {
    await using server = await start()
    await using client = server.pusher()
    await client.state('connected')
    await change(server, 'test-app', { active: false })
    await client.state('disconnected')
  })
})

describe('keys', () => {
  test('rotate under load: no request fails, no subscription is refused', async () => {
    await using server = await start()
    const { body: made } = await create(server, { name: 'my app' })
    const id = String(made.data.id)
    const sdkFor = (pair: { key: string; secret: string }) => server.sdk({ appId: id, ...pair })
    const old = made.data.keys[0]
    await using veteran = await server.raw({ path: `/app/${old.key}` })
    let [running, failed, done] = [true, 0, 0]
    let current = old
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (running) {
          await sdkFor(current)
            .trigger('load', 'e', 'x')
            .catch(() => failed++)
          done++
        }
      }),
    )

    const rotated = await ask(server, 'POST', '/my-app/keys')
    expect([rotated.status, rotated.body.data.keys.length]).toEqual([201, 2])
    const fresh = rotated.body.data.keys[1]
    expect(rotated.body.data).toMatchObject(fresh)
    await using newcomer = await server.raw({ path: `/app/${fresh.key}` })
    for (const [client, signer] of [
      [veteran, fresh],
      [newcomer, old],
    ] as const) {
      const { auth } = sdkFor(signer).authorizeChannel(client.socketId, 'private-room')
      expect(await client.subscribed('private-room', auth)).toContain('subscription_succeeded')
    }
    const before = done
    current = fresh
    while (done < before + 20) await server.http('/up')
    const retired = await ask(server, 'DELETE', `/my-app/keys/${old.key}`)
    expect([retired.status, retired.body.data.keys]).toEqual([200, [fresh]])
    await veteran.expectNothing()
    const { auth } = sdkFor(fresh).authorizeChannel(veteran.socketId, 'private-two')
    expect(await veteran.subscribed('private-two', auth)).toContain('subscription_succeeded')
    running = false
    await load
    expect(failed).toBe(0)
    expect(
      (
        await sdkFor(old)
          .trigger('room', 'e', '')
          .catch((error) => error)
      ).status,
    ).toBe(401)
    await using late = await server.raw({ path: `/app/${old.key}`, hello: false })
    expect((await late.closing()).code).toBe(4001)
  })

  test('there are one or two of them', async () => {
    await using server = await start()
    const { body } = await create(server, { name: 'my app' })
    expect((await ask(server, 'DELETE', `/my-app/keys/${body.data.key}`)).body).toEqual({
      errors: { keys: ['must not be empty; add a pair before the last one is retired'] },
    })
    await ask(server, 'POST', '/my-app/keys')
    expect((await ask(server, 'POST', '/my-app/keys')).body).toEqual({
      errors: { keys: ['are 2 already; retire the older one first'] },
    })
    expect((await ask(server, 'DELETE', '/my-app/keys/nobody')).status).toBe(404)
  })
})

describe('who may ask', () => {
  test.each(['cross-site', 'same-site', 'nonsense'])(
    'a page of another site (%s) is refused',
    async (site) => {
      await using server = await start()
      const { status, body } = await ask(server, 'GET', '', {
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
      (await ask(server, 'GET', '', { headers: { 'sec-fetch-site': 'same-origin' } })).status,
    ).toBe(200)
    const { status, headers } = await ask(server, 'GET', '', {
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
  const basic = (text: string) => ({ authorization: `Basic ${btoa(text)}` })
  const strangers: Record<string, string>[] = [
    {},
    basic('pusher_admin_username:wrong'),
    basic('nobody:pusher_admin_password'),
    basic('pusher_admin_username'),
    { authorization: 'Basic' },
    { authorization: 'Bearer x' },
    { authorization: 'Basic %%%' },
  ]
  for (const headers of strangers) {
    const response = await server.http('/api/admin/apps', { headers })
    expect([response.status, await response.text()]).toEqual([401, ''])
  }
})

describe('request ids', () => {
  test('are on every answer; the caller’s own is kept where it is fit', async () => {
    await using server = await start()
    for (const path of [
      '/',
      '/up',
      '/nonsense',
      '/apps/1/channels',
      '/api/admin/apps',
      '/swagger/json',
      '/swagger',
      '/swagger/nonsense',
    ])
      expect((await server.http(path)).headers.get('x-request-id')).toMatch(UUID)
    const upgrade = { upgrade: 'websocket' } // and nothing else of a handshake
    const refused = await server.http('/app/test-app-fake-key', { headers: upgrade })
    expect([refused.status, await refused.text()]).toEqual([
      400,
      'Expected a WebSocket handshake\n',
    ])
    expect(refused.headers.get('x-request-id')).toMatch(UUID)
    const mine = 'my-request-id-of-20-ch'
    expect(
      (await server.http('/up', { headers: { 'x-request-id': mine } })).headers.get('x-request-id'),
    ).toBe(mine)
    for (const unfit of ['short', 'x'.repeat(201)])
      expect(
        (await server.http('/up', { headers: { 'x-request-id': unfit } })).headers.get(
          'x-request-id',
        ),
      ).toMatch(UUID)
  })
})
