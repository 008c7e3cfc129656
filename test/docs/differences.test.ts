/** Differences from other servers that the pages list and no other test is about. */
import { describe, expect, test } from 'bun:test'
import { startCommon, start } from '../harness'
import { requestAdmin, create, FORM } from '../http/admin-requests'

test('a connection that has not shown who it is counts towards the limit of its app', async () => {
  await using server = await start()
  const limits = { max_connections_per_app: 1, authorize_within_seconds: 30 }
  const change = { body: JSON.stringify({ app: { limits } }) }
  expect((await requestAdmin(server, 'PATCH', '/test-app', change)).status).toBe(200)
  await using stranger = await server.raw()
  await using newcomer = await server.raw({ hello: false })
  expect((await newcomer.closing()).code).toBe(4004)
  expect(stranger.socketId).not.toBe('')
})

describe('of ExPusherLite', () => {
  const server = startCommon()

  test('_method in a form is not read: nothing is deleted', async () => {
    expect((await create(server(), { name: 'foo-app' })).status).toBe(201)
    for (const path of ['/foo-app', '']) {
      const form = { headers: FORM, body: '_method=delete&app[name]=another-app' }
      expect((await requestAdmin(server(), 'POST', path, form)).status).not.toBe(204)
      expect((await requestAdmin(server(), 'GET', '/foo-app')).status).toBe(200)
    }
  })

  test('the admin API answers with JSON whatever a caller accepts', async () => {
    const { status, headers } = await requestAdmin(server(), 'GET', '', {
      headers: { accept: 'text/html' },
    })
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json;charset=utf-8'])
  })

  test('the routes of 0.1, which name no app, are not there', async () => {
    const response = await server().http('/events', { method: 'POST', body: 'scope=public' })
    expect(response.status).toBe(404)
  })
})
