/** Admins have an address of their own: what is served there is not served to clients, and the other way round. */
import { describe, expect, test } from 'bun:test'
import { definePlugin } from '../../src/plugin'
import { guardian } from '../../plugins/guardian'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { makePlugin, startCommon } from '../harness'
import { CALLS } from './calls'

const MIXED = definePlugin({
  name: 'mixed',
  carillon: 1,
  setup({ routes, adminOnly }) {
    routes
      .get('/open', () => 'open')
      .get('/closed/:id', () => 'closed', { beforeHandle: adminOnly })
      .post('/both', () => 'open')
      .get('/both', () => 'closed', { beforeHandle: [() => undefined, adminOnly] })
      .guard({ beforeHandle: adminOnly }, (inside) => inside.all('/guarded', () => 'closed'))
      .get('/hidden', ({ request }) => {
        adminOnly({ request })
        return 'closed'
      })
    return {}
  },
})

const serverOf = startCommon({
  plugins: [guardian(), MIXED, makePlugin('marks', { response: () => ({ 'x-mark': 'seen' }) })],
  config: {
    adminListen: { host: '127.0.0.1', port: 0 },
    adminOrigins: ['https://dash.example'],
    pathPrefix: '/realtime',
  },
})

/** What the server must put on each side, said here by paths. */
const ADMINS =
  /^\/(?:api\/admin|swagger|console|metrics|usage|plugins\/guardian|plugins\/mixed\/guarded)(?:\/|$)/
const BOTH = ['/', '/up', '/ready', '/accept-traffic']
const CLOSED = ['GET /plugins/mixed/closed/{id}', 'GET /plugins/mixed/both']

type Side = 'public' | 'admin'
const SIDES: readonly Side[] = ['public', 'admin']

function sidesOf(operation: string): readonly Side[] {
  const path = operation.split(' ')[1]!
  if (BOTH.includes(path)) return SIDES
  return ADMINS.test(path) || CLOSED.includes(operation) ? ['admin'] : ['public']
}

type Operation = { readonly servers?: readonly { readonly url: string }[] }
type Document = { readonly paths: Readonly<Record<string, Record<string, Operation>>> }

async function listOperations() {
  const { paths } = (await (await serverOf().adminHttp('/swagger/json')).json()) as Document
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { servers }]) => ({
      operation: `${method.toUpperCase()} ${path}`,
      servers: servers?.map(({ url }) => url),
    })),
  )
}

/** The answer to a request, but for what differs from one to the next. */
async function ask(side: Side, path: string, init: RequestInit) {
  const isSigned = side === 'public' && path.startsWith('/apps')
  const place = isSigned ? `/realtime${path}` : path
  const server = serverOf()
  const response = await (side === 'admin'
    ? server.adminHttp(place, init)
    : server.http(place, init))
  const headers = new Headers(response.headers)
  for (const name of ['x-request-id', 'date']) headers.delete(name)
  return { status: response.status, body: await response.text(), headers: [...headers] }
}

const asked = new Map<string, ReturnType<typeof ask>>()

/** The answer for a path that nobody has, beside another. */
const askUnknown = (side: Side, path: string, init: RequestInit) =>
  asked.getOrInsertComputed(JSON.stringify([side, unknownLike(path), init]), () =>
    ask(side, unknownLike(path), init),
  )

/** A path beside another that nobody has. */
function unknownLike(path: string): string {
  if (path.startsWith('/plugins/')) return path.replace(/^(\/plugins\/\w+).*$/, '$1/nobody/has/it')
  return path.startsWith('/api/') ? '/api/nobody' : '/nobody'
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const PREFLIGHT = {
  origin: 'https://dash.example',
  'access-control-request-method': 'GET',
  'access-control-request-headers': 'authorization',
}
const CALLERS = [{}, PREFLIGHT, makeBasicAuth(ADMIN_PAIR)]

/** Of a path that has operations on both sides, only the operation itself is unknown on one. */
const methodsOf = (method: string, path: string): readonly string[] =>
  path === '/plugins/mixed/both' ? [method] : METHODS

describe('every operation of the document', () => {
  test('is there, with the place where the page tries it', async () => {
    const operations = await listOperations()
    const ofMixed = ['GET /open', 'GET /closed/{id}', 'POST /both', 'GET /both', 'GET /hidden']
    for (const method of [...METHODS, 'TRACE']) ofMixed.push(`${method} /guarded`)
    const expected = ofMixed.map((operation) => operation.replace('/', '/plugins/mixed/'))
    expect(operations.map(({ operation }) => operation).toSorted()).toEqual(
      [...Object.keys(CALLS), ...expected].toSorted(),
    )
    for (const { operation, servers } of operations) {
      const tried = sidesOf(operation)[0] === 'admin' || sidesOf(operation).length === 2
      expect([operation, servers]).toEqual([
        operation,
        tried ? undefined : ['../swagger/public/realtime'],
      ])
    }
  })

  test('is on its side, and is as unknown as any other on the other one', async () => {
    for (const { operation } of await listOperations()) {
      const [method = '', template = ''] = operation.split(' ')
      const path = CALLS[operation]?.path ?? template.replaceAll(/\{\w+\}/g, 'x')
      for (const side of SIDES) {
        if (sidesOf(operation).includes(side)) {
          const [answer, unknown] = [path, unknownLike(path)].map((each) =>
            ask(side, each, { method }),
          )
          const isHidden = path === '/plugins/mixed/hidden'
          expect([operation, Bun.deepEquals(await answer, await unknown)]).toEqual([
            operation,
            isHidden,
          ])
          continue
        }
        for (const each of methodsOf(method, template))
          for (const headers of CALLERS) {
            const init = { method: each, headers }
            const answer = await ask(side, path, init)
            expect([operation, side, init, answer]).toEqual([
              operation,
              side,
              init,
              await askUnknown(side, path, init),
            ])
            expect(answer.status).toBe(404)
          }
      }
    }
  })
})

test('a route that calls adminOnly itself is closed to clients all the same', async () => {
  const headers = makeBasicAuth(ADMIN_PAIR)
  const path = '/plugins/mixed/hidden'
  expect((await serverOf().http(path, { headers })).status).toBe(404)
  const tried = await serverOf().adminHttp(`/swagger/public${path}`, { headers })
  expect([tried.status, await tried.text()]).toEqual([200, 'closed'])
})

test('dashboards of other origins are let in at the admins’ address, and are strangers at the other', async () => {
  const server = serverOf()
  const init = { method: 'OPTIONS', headers: PREFLIGHT }
  const preflights = [
    await server.adminHttp('/api/admin/apps', init),
    await server.http('/api/admin/apps', init),
    await server.http('/', init),
  ]
  const namesOf = ({ headers }: Response) =>
    [...headers.keys()].filter((name) => /^vary$|^access-control-allow/.test(name)).toSorted()
  const allowed = ['headers', 'methods', 'origin'].map((name) => `access-control-allow-${name}`)
  expect(preflights.map(namesOf)).toEqual([[...allowed, 'vary'], [], []])
  expect(preflights.map(({ status }) => status)).toEqual([204, 404, 204])
})
