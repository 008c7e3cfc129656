/**
 * The admin API: apps that are shown, changed, switched off and deleted. Phoenix contract 2.1 to 2.3;
 * numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { start, waitFor } from '../harness'
import { ADMIN, requestAdmin, change, create } from './admin-requests'

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
  expect((await requestAdmin(server, 'DELETE', '/my-app')).status).toBe(204)
  socket.write(body.slice(5))
  expect(await waitFor('the answer', answer.promise)).toStartWith('HTTP/1.1 404')
  expect(server.core.apps.store.all()).toEqual([])
  socket.end()
})

describe('showing and changing', () => {
  test('by slug or by id; inactive apps too (51)', async () => {
    await using server = await start()
    const { body } = await create(server, { name: 'my app', active: false })
    for (const name of ['my-app', body.data.id])
      expect((await requestAdmin(server, 'GET', `/${name}`)).body).toEqual(body)
    expect((await requestAdmin(server, 'GET', '/nobody')).status).toBe(404)
    expect((await requestAdmin(server, 'GET', '/nobody')).body).toEqual({
      errors: { detail: 'Not Found' },
    })
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
    expect((await requestAdmin(server, 'GET', '/first-name')).status).toBe(404)
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
    const deleted = await requestAdmin(server, 'DELETE', '/my-app')
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
