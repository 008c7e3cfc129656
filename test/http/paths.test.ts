/** Paths whose percent signs mean nothing, and pages that other sites may not frame. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { makePlugin, start, type TestServer } from '../harness'

/** Stray, cut off, no UTF-8, too long a form of it, half a surrogate pair. */
const UNDECODABLE = [
  '%',
  '%z',
  '%zz',
  'a%',
  '%%',
  '%2',
  '%ff',
  '%80',
  '%c3',
  '%c3%28',
  '%e2%82',
  '%f0%9f%98',
  '%e0%80%80',
  '%ed%a0%80',
]

const ROUTES = [
  'POST /apps/?/events',
  'POST /apps/?/batch_events',
  'POST /apps/?/channels/room/events',
  'GET /apps/?/channels',
  'GET /apps/?/channels/room',
  'GET /apps/?/channels/room/users',
  'GET /apps/?/channels/room/stats',
  'GET /apps/?/connections',
  'POST /apps/?/users/ada/terminate_connections',
  'POST /apps/1/channels/?/events',
  'GET /apps/1/channels/?',
  'POST /apps/1/users/?/terminate_connections',
  'GET /api/apps/?/channels',
  'POST /api/apps/?/events',
  'GET /api/apps/test-app/channels/?/users',
  'GET /api/admin/apps/?',
  'PATCH /api/admin/apps/?',
  'DELETE /api/admin/apps/?',
  'POST /api/admin/apps/?/keys',
  'DELETE /api/admin/apps/test-app/keys/?',
  'GET /api/admin/apps/?/live',
  'GET /api/admin/apps/?/webhooks/deliveries',
  'POST /api/admin/apps/?/webhooks/replay',
  'GET /plugins/mine/?',
  'GET /swagger/?',
  'GET /nowhere/?',
]

let server: TestServer
let requests = 0
beforeAll(async () => {
  const mine = { ...makePlugin('mine', {}), setup: withRoute }
  server = await start({ plugins: [mine], config: { adminOrigins: ['https://dash.example'] } })
})
afterAll(() => server.stop())

function withRoute({ routes }: Parameters<ReturnType<typeof makePlugin>['setup']>[0]) {
  routes.get('/:what', () => {
    requests++
    return 'seen'
  })
  return {}
}

test.each(ROUTES)('%s is 400 where nothing can be read', async (route) => {
  const [method = '', path = ''] = route.split(' ')
  const headers = makeBasicAuth(ADMIN_PAIR)
  const answers = await Promise.all(
    UNDECODABLE.map(async (form) => {
      const answer = await server.http(path.replace('?', form), { method, headers })
      const { vary } = Object.fromEntries(answer.headers)
      return `${answer.status} ${vary} ${(await answer.text()).trim()}`
    }),
  )
  const message = 'Expected the path to be percent-encoded UTF-8'
  const body = path.startsWith('/api/') ? JSON.stringify({ errors: { detail: message } }) : message
  expect(answers).toEqual(UNDECODABLE.map(() => `400 Origin ${body}`))
  expect([server.core.counters.faults, requests]).toEqual([0, 0])
})

test('what can be read is, whatever it is called', async () => {
  expect(await (await server.http('/plugins/mine/%c3%a9%25')).text()).toBe('seen')
  expect(await (await server.http('/apps/%41%2525/channels')).text()).toBe(
    'App A%25 does not exist\n',
  )
})

test.each(['/', '/swagger', '/swagger/', '/console', '/console/'])(
  '%s may be framed by nobody',
  async (path) => {
    const { headers } = await server.http(path)
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  },
)
