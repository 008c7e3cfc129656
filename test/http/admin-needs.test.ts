/** Every route for admins says what it needs of who asks; one that does not stops the start. */
import { expect, test } from 'bun:test'
import { Elysia } from 'elysia'
import { NEEDS, requireDeclared } from '../../src/http/admin-needs'
import { startCommon } from '../harness'

const serverOf = startCommon()
const authorize = ({ request }: { readonly request: Request }): void => void request

test('a route that only admins may use, and that has no row, stops the start', () => {
  const guarded = new Elysia({ prefix: '/metrics' })
    .onBeforeHandle(authorize)
    .get('/secrets', () => 'secrets')
  expect(() => requireDeclared(new Elysia().use(guarded).routes, authorize)).toThrow(
    'GET /metrics/secrets has no row in NEEDS',
  )
})

test('so does a route of the admin API that anybody may use', () => {
  const open = new Elysia().get('/api/admin/apps', () => 'apps')
  expect(() => requireDeclared(open.routes, authorize)).toThrow(
    'GET /api/admin/apps is open to all: it lacks onBeforeHandle(changes.authorize)',
  )
})

test('routes for everybody need no row, nor do preflights', () => {
  const routes = new Elysia().get('/up', () => 'up').options('/api/admin/*', () => '').routes
  expect(() => requireDeclared(routes, authorize)).not.toThrow()
})

test('every row is one of a route', () => {
  const routes = serverOf().server.api.routes.map(({ method, path }) => `${method} ${path}`)
  expect(Object.keys(NEEDS).filter((name) => !routes.includes(name))).toEqual([])
})
