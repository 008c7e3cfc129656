/**
 * From the document: requests for every documented operation, right and wrong ones. Never a 5xx,
 * never a status that is not documented, never a body that breaks its schema. Seeded.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import Ajv, { type ValidateFunction } from 'ajv'
import fc from 'fast-check'
import { DOCUMENT_FILE } from '../../openapi/current'
import { guardian } from '../../plugins/guardian'
import { start } from '../harness'

type Schema = { readonly [key: string]: unknown }
type Body = { readonly content?: { readonly [type: string]: { readonly schema?: Schema } } }
type Parameter = { readonly name: string; readonly in: string; readonly schema?: Schema }
type Operation = {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: Body
  readonly responses: { readonly [status: string]: Body }
}
type Document = {
  readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } }
}

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)

const document: Document = await Bun.file(DOCUMENT_FILE).json()
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    path,
    method: method.toUpperCase(),
    operation,
  })),
)
const ajv = new Ajv({ strict: false })
const server = await start({
  plugins: [guardian()],
  limits: { maxEventDataBytes: 64 },
  config: { maxFailedLoginsPerMinute: 1e6 },
})
afterAll(() => server[Symbol.asyncDispose]())
for (const user of ['1', '2'])
  await server.signedIn(await server.raw(), 'presence-room', { user_id: user })

const word = fc.constantFrom(
  'room',
  'presence-room',
  'private-room',
  'user_count',
  'subscription_count',
  'test-app',
  'nobody',
  '1',
  '1.1',
  '__proto__',
  'a b',
  '%',
  '+',
  '/',
  '?',
  'zoë',
  '',
  'x'.repeat(300),
  'pusher:x',
  'my-event',
)
const anything = fc.oneof(word, fc.jsonValue({ maxDepth: 2 }))

/** Values that fit a schema. */
function makeFitting(schema: Schema = {}): fc.Arbitrary<unknown> {
  if (Array.isArray(schema['anyOf']))
    return fc.oneof(...(schema['anyOf'] as Schema[]).map(makeFitting))
  switch (schema['type']) {
    case 'string':
      return word
    case 'integer':
      return fc.integer({ min: 0, max: 1000 })
    case 'boolean':
      return fc.boolean()
    case 'array':
      return fc.array(makeFitting(schema['items'] as Schema), { maxLength: 4 })
    case 'object': {
      const properties = Object.entries((schema['properties'] as { [name: string]: Schema }) ?? {})
      const fields = Object.fromEntries(
        properties.map(([name, field]) => [name, makeFitting(field)]),
      )
      return fc.record(fields, { requiredKeys: (schema['required'] as string[]) ?? [] })
    }
    default:
      return anything
  }
}

/** Mostly what is documented, sometimes something else. */
const around = (schema: Schema | undefined): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 4, arbitrary: makeFitting(schema) }, { weight: 1, arbitrary: anything })

const parametersIn = (operation: Operation, place: string) =>
  fc.record(
    Object.fromEntries(
      (operation.parameters ?? [])
        .filter((each) => each.in === place)
        .map(({ name, schema }) => [name, makeFitting(schema)]),
    ),
    {
      requiredKeys:
        place === 'path'
          ? (operation.parameters ?? [])
              .filter((each) => each.in === 'path')
              .map(({ name }) => name)
          : [],
    },
  ) as fc.Arbitrary<Record<string, unknown>>

type Request = {
  path: Record<string, unknown>
  query: Record<string, unknown>
  body: unknown
  signed: boolean
  /** The path on an app that was made for the call, where it needs one. */
  own: boolean
}

function requestsFor(operation: Operation): fc.Arbitrary<Request> {
  const [schema] = Object.values(operation.requestBody?.content ?? {}).map(
    (content) => content.schema,
  )
  return fc.record({
    path: parametersIn(operation, 'path'),
    query: parametersIn(operation, 'query'),
    body: operation.requestBody ? around(schema) : fc.constant(undefined),
    own: fc.boolean(),
    signed: fc.oneof(
      { weight: 9, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) },
    ),
  })
}

const AUTH_PARAMETERS = /^(auth_|body_md5$)/

async function send(path: string, method: string, request: Request): Promise<Response> {
  const values: Record<string, unknown> = {
    ...request.path,
    ...('appId' in request.path ? { appId: '1' } : {}),
  }
  const target = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(values[name]) || 'nobody'),
  )
  const body = request.body === undefined ? '' : (JSON.stringify(request.body) ?? '')
  const params = Object.fromEntries(
    Object.entries(request.query).filter(([name]) => !AUTH_PARAMETERS.test(name)),
  )
  const admin = /^\/(api\/admin|plugins)\//.test(path)
  const query =
    !admin && request.signed
      ? `?${server.sdk().createSignedQueryString({ method, path: target, params: params as never, ...(body === '' ? {} : { body }) })}`
      : ''
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (admin && request.signed)
    headers['authorization'] = `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`
  return server.http(`${target}${query}`, {
    method,
    headers,
    body: method === 'GET' || body === '' ? null : body,
  })
}

const validators = new Map<Schema, ValidateFunction>()
function validator(schema: Schema): ValidateFunction {
  const known = validators.get(schema) ?? ajv.compile(schema)
  validators.set(schema, known)
  return known
}

async function check(operation: Operation, response: Response): Promise<void> {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream')
  if (isStream) await response.body!.cancel() // without its limit it has no end
  const text = isStream ? '' : await response.text()
  const documented = operation.responses[String(response.status)]
  expect({
    status: response.status,
    documented: documented !== undefined,
    text: documented ? '' : text,
  }).toEqual({
    status: response.status,
    documented: true,
    text: '',
  })
  const schema = documented?.content?.['application/json']?.schema
  if (!schema || !response.headers.get('content-type')?.startsWith('application/json')) return
  const validate = validator(schema)
  expect({ valid: validate(JSON.parse(text)), errors: validate.errors, text }).toMatchObject({
    valid: true,
  })
}

describe('every operation', () => {
  // Deactivating or deleting the app under test would make the other operations moot.
  const tested = operations.filter(
    ({ path, method }) => !(path.includes('{slug}') && method !== 'GET'),
  )

  test.each(tested.map((each) => [`${each.method} ${each.path}`, each] as const))(
    '%s',
    async (_, { path, method, operation }) => {
      const property = fc.asyncProperty(requestsFor(operation), async (request) => {
        await check(operation, await send(path, method, request))
      })
      await fc.assert(property, { seed, numRuns: 150 })
      expect(server.core.counters.faults).toBe(0)
    },
  )

  const changing = operations.filter(
    ({ path, method }) => path.includes('{slug}') && method !== 'GET',
  )
  test.each(changing.map((each) => [`${each.method} ${each.path}`, each] as const))(
    '%s, on apps of its own',
    async (_, { path, method, operation }) => {
      const property = fc.asyncProperty(requestsFor(operation), async (request) => {
        const app = JSON.stringify({ app: { name: `victim ${crypto.randomUUID()}` } })
        const made = await send('/api/admin/apps', 'POST', {
          path: {},
          query: {},
          body: JSON.parse(app),
          signed: true,
          own: false,
        })
        const { data } = (await made.json()) as { data: { slug: string; key: string } }
        const own = request.own ? { slug: data.slug, key: data.key } : {}
        await check(
          operation,
          await send(path, method, { ...request, path: { ...request.path, ...own } }),
        )
      })
      await fc.assert(property, { seed, numRuns: 100 })
      expect(server.core.counters.faults).toBe(0)
    },
  )
})
