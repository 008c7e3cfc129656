/** Every status that the document promises is produced, operation by operation, with the body of its example. */
import { afterAll, expect, test } from 'bun:test'
import { guardian } from '../../plugins/guardian'
import { rateLimit } from '../../plugins/rate-limit'
import { addConnection } from '../connections'
import { ADMIN_PAIR, makeBasicAuth, PAIR } from '../credentials'
import { start, type TestServer } from '../harness'
import {
  makeBatch,
  CALLS,
  claimOfCall,
  ENDPOINT,
  makeEvent,
  makeInvalid,
  makePush,
  REVOCATION,
  REVOCATION_ID,
  REVOCATIONS,
  makeScoped,
  UNUSUAL,
  type Call,
} from './calls'
import { describeContent, PROMISED } from './promised'
import { HELD, LOCKED, PAUSED, TESTED, type Recipe } from './recipes'
import { makeSession } from '../sessions'
import { makeTokenRecord, NOBODY } from '../tokens'

const ADMIN = makeBasicAuth(ADMIN_PAIR)
const KEY_PAIR = makeBasicAuth(PAIR)
const OWN_KEYS = [1, 2].map((n) => ({ key: `key-${n}`, secret: `secret-${n}` }))
const TOO_LARGE = 'x'.repeat(10_241)

const asIs: Recipe = {}

const withKey = (call: Call, key = 'my-key'): Call => ({
  ...call,
  headers: { ...call.headers, 'idempotency-key': key },
})
/** Refusals of keys, the same everywhere. */
const KEYED = {
  409: {
    prepare: ({ core }, call) => {
      const { key, fingerprint } = claimOfCall(call, 'my-key')
      return core.engine.repeats.claim(core.apps.byId('1')!, key, fingerprint)
    },
    alter: (call) => withKey(call),
  },
  422: {
    prepare: ({ core }) => core.engine.repeats.claim(core.apps.byId('1')!, 'my-key', 'another'),
    alter: (call) => withKey(call),
  },
  503: {
    options: { limits: { maxIdempotencyKeys: 1 } },
    prepare: (server, call) => send(server, withKey(call, 'another')),
    alter: (call) => withKey(call),
  },
} as const satisfies Readonly<Record<number, Recipe>>

/** A body with the mistake that is the first to be seen. */
function misread(path: string): string {
  if (path.endsWith('_connections')) return '[]'
  return path.endsWith('batch_events') ? '{}' : '{"name":1,"channels":["room"],"data":"x"}'
}

/** What makes a call end in a status; where one recipe serves all operations, it stands alone. */
const SIGNED: Readonly<Record<string, Recipe>> = {
  ...KEYED,
  200: asIs,
  202: asIs,
  400: {
    alter: ({ path, ...call }) => {
      if (call.method === 'POST') return { ...call, path, query: {}, body: misread(path) }
      const other = path.endsWith('/users') ? /presence-room/ : /room/
      const name = path.endsWith('/users') ? 'my-channel' : 'a%3Ab'
      return { ...call, path: path.replace(other, name), query: { info: 'nonsense' } }
    },
  },
  401: { alter: (call) => ({ ...call, headers: { unsigned: 'true' } }) },
  403: {
    prepare: ({ core, clock }) => {
      const app = core.apps.byId('1')!
      core.apps.change(app, { ...app.record, active: false }, clock.now())
    },
  },
  404: { alter: (call) => ({ ...call, path: call.path.replace('/apps/1/', '/apps/2/') }) },
  413: {
    alter: (call) => {
      if (call.path.endsWith('batch_events')) return { ...call, body: makeBatch(TOO_LARGE) }
      if (call.path.endsWith('_connections')) return { ...call, body: 'x'.repeat(512 * 1024 + 1) }
      return { ...call, body: call.query ? TOO_LARGE : makeEvent(TOO_LARGE) }
    },
  },
  429: {
    options: { plugins: [rateLimit({ triggers: { perSecond: 1 }, reads: { perSecond: 1 } })] },
    prepare: (server, call) => send(server, call),
  },
}

const OF_ROUTE: Readonly<Record<string, Recipe>> = {
  'history 503': HELD,
  'resume 503': PAUSED,
  'test 429': TESTED,
  ...UNUSUAL,
}

const ADMINISTERED: Readonly<Record<string, Recipe>> = {
  200: asIs,
  201: asIs,
  204: {
    prepare: (server, { path }) =>
      path.endsWith(REVOCATION_ID) &&
      send(server, { method: 'POST', path: REVOCATIONS, body: REVOCATION }),
  },
  400: {
    alter: (call) => ({ ...call, body: call.path === REVOCATIONS ? '[]' : '{}' }),
  },
  401: {
    counted: true,
    alter: (call) => {
      const scheme = /^\/(api|plugins)\//.test(call.path) ? 'Bearer' : 'Basic'
      return { ...call, headers: { authorization: `${scheme} nobody` } }
    },
  },
  403: { alter: (call) => ({ ...call, headers: { ...ADMIN, 'sec-fetch-site': 'cross-site' } }) },
  404: {
    alter: (call) => ({
      ...call,
      path: call.path.replace(/own|single|[^/]+$/, 'nobody'),
    }),
  },
  413: { alter: (call) => ({ ...call, body: ' '.repeat(1024 * 1024 + 1) }) },
  422: {
    alter: makeInvalid,
  },
  429: {
    prepare: async (server, call) => {
      const stranger = { ...call, headers: makeBasicAuth('nobody:x') }
      for (let n = 0; n < 10; n++) await send(server, stranger)
    },
  },
  503: LOCKED,
}

const SEEDS: Readonly<Record<string, Recipe>> = {
  ...KEYED,
  200: asIs,
  400: {
    alter: (call) =>
      call.path.endsWith('/history')
        ? { ...call, path: call.path.replace('room', 'a%3Ab') }
        : { ...call, body: '{}' },
  },
  401: {
    counted: true,
    alter: (call) => ({ ...call, headers: { authorization: 'Basic nobody' } }),
  },
  403: { alter: (call) => ({ ...call, headers: { 'sec-fetch-site': 'cross-site' } }) },
  404: { alter: (call) => ({ ...call, path: call.path.replace('test-app', 'nobody') }) },
  406: { alter: (call) => ({ ...call, headers: { ...KEY_PAIR, accept: 'text/html' } }) },
  413: {
    alter: (call) => ({ ...call, body: makeScoped(JSON.stringify({ a: 'x'.repeat(10_233) })) }),
  },
  422: { alter: (call) => ({ ...call, body: makeScoped('no json') }) },
  429: {
    options: { limits: { maxBackendEventsPerSecond: 1 } },
    prepare: (server, call) => send(server, call),
  },
}

const PUSHES: Readonly<Record<string, Recipe>> = {
  ...SEEDS,
  400: { alter: (call) => ({ ...call, body: '{' }) },
  403: {
    counted: true,
    alter: (call) => ({ ...call, headers: { authorization: 'Basic nobody' } }),
  },
  413: { alter: (call) => ({ ...call, body: makePush(TOO_LARGE) }) },
  422: { alter: (call) => ({ ...call, body: '{}' }) },
  503: { prepare: ({ core }) => (core.state.draining = true) },
}

const OPERATIONAL: Readonly<Record<string, Recipe>> = {
  200: asIs,
  503: { prepare: ({ core }) => (core.state.draining = true) },
}

const FOR_ADMINS = /^\/(?:(?:api\/admin|plugins)\/|metrics$|usage$)/

async function send(
  server: TestServer,
  { method, path, query = {}, body, headers = {} }: Call,
): Promise<Response> {
  const admin = FOR_ADMINS.test(path)
  const signed = path.startsWith('/apps/') && !('unsigned' in headers)
  const parameters = signed
    ? `?${server.sdk().createSignedQueryString({ method, path, params: query, ...(body === undefined ? {} : { body }) })}`
    : ''
  return server.http(`${path}${parameters}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(admin ? ADMIN : path.startsWith('/api/') ? KEY_PAIR : {}),
      ...headers,
    },
    body: body ?? null,
  })
}

async function startFor({ options }: Recipe): Promise<TestServer> {
  const server = await start({ plugins: [guardian()], ...options })
  const { core } = server
  const base = core.apps.byId('1')!.record
  const webhooks = [{ url: ENDPOINT }]
  const own = { id: '8', name: 'own app', slug: 'own', keys: OWN_KEYS, webhooks }
  addConnection(server, core.apps.create({ ...base, ...own }, 0))
  const single = [{ key: 'key-3', secret: 'secret-3' }]
  core.apps.create({ ...base, id: '9', name: 'single', slug: 'single', keys: single }, 0)
  const deed = { by: NOBODY, action: 'token.created' } as const
  core.tokens.apply({ type: 'create', record: makeTokenRecord('spare', 'read'), deed }, 0)
  server.server.sessions.add(makeSession('spare'))
  return server
}

/** Whether it needs a server of its own: what is refused or only reads leaves nothing behind. */
const changes = (
  { options, prepare, counted }: Recipe,
  { method }: Call,
  status: string,
): boolean => Boolean(options ?? prepare ?? counted) || (method !== 'GET' && status.startsWith('2'))

const common = await startFor({})
afterAll(() => common.stop())

test.each(PROMISED)('%s: %s', async (operation, status, answer) => {
  const call = CALLS[operation]
  const recipes = operation.includes(' /apps/')
    ? SIGNED
    : FOR_ADMINS.test(operation.slice(operation.indexOf(' ') + 1))
      ? ADMINISTERED
      : operation.includes(' /api/push')
        ? PUSHES
        : operation.includes(' /api/')
          ? SEEDS
          : OPERATIONAL
  const recipe = OF_ROUTE[`${operation.split('/').at(-1)} ${status}`] ?? recipes[status]
  if (!call || !recipe) throw new Error(`${operation} promises ${status}, and no test produces it`)
  const own = changes(recipe, call, status) ? await startFor(recipe) : undefined
  const server = own ?? common
  try {
    await recipe.prepare?.(server, call)
    const response = await send(server, recipe.alter?.(call) ?? call)
    expect({ status: response.status, text: await response.text() }).toEqual({
      status: Number(status),
      text: status < '400' ? expect.any(String) : describeContent(answer),
    })
  } finally {
    await own?.stop()
  }
})
