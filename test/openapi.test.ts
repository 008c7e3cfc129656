import { Spectral, type RulesetDefinition } from '@stoplight/spectral-core'
import { oas } from '@stoplight/spectral-rulesets'
import Ajv from 'ajv'
import { describe, expect, test } from 'bun:test'
import { APP_LIMITS } from '../src/core/limits'
import { currentDocument, DOCUMENT_FILE } from '../openapi/current'
import config from '../carillon.config'
import { start, type StartOptions } from './harness'

const document = await Bun.file(DOCUMENT_FILE).json()

test('openapi/openapi.json is that of the code (bun run openapi writes it)', async () => {
  expect(document).toEqual(await currentDocument())
})

test('the server serves the same document, also once its routes have answered', async () => {
  await using server = await start(config as StartOptions)
  for (const path of ['/api/admin/apps', '/api/admin/apps/test-app', '/api/admin/plugins'])
    await server.admin(path)
  expect(await (await server.http('/swagger/json')).json()).toEqual(document)
})

/** What Spectral's `spectral:oas` finds; offline. */
function lint(linted: object) {
  const linter = new Spectral()
  linter.setRuleset({ extends: [[oas as RulesetDefinition, 'recommended']] })
  return linter.run({ ...linted })
}

test('it lints clean: no error and no warning of spectral:oas', async () => {
  const findings = await lint(document)
  expect(findings.map(({ code, path, message }) => ({ code, path, message }))).toEqual([])
})

test('the linter does find what is wrong', async () => {
  const paths = { '/up': { get: { responses: { 200: {} } } } }
  const codes = (await lint({ ...document, paths })).map(({ code }) => String(code))
  expect(codes).toContain('oas3-schema')
})

test('it has every route, in the order in which they are told', () => {
  expect(Object.keys(document.paths)).toEqual([
    '/',
    '/up',
    '/ready',
    '/accept-traffic',
    '/apps/{appId}/events',
    '/apps/{appId}/batch_events',
    '/apps/{appId}/channels/{channel}/events',
    '/apps/{appId}/channels',
    '/apps/{appId}/channels/{channel}',
    '/apps/{appId}/channels/{channel}/users',
    '/apps/{appId}/channels/{channel}/stats',
    '/apps/{appId}/connections',
    '/apps/{appId}/channels/{channel}/history',
    '/apps/{appId}/users/{userId}/terminate_connections',
    '/api/apps/{appSlug}/events',
    '/api/apps/{appSlug}/channels',
    '/api/apps/{appSlug}/channels/{name}/users',
    '/api/apps/{appSlug}/channels/{name}/history',
    '/api/apps/{appSlug}/stats',
    '/api/push',
    '/api/admin/apps',
    '/api/admin/apps/{slug}',
    '/api/admin/apps/{slug}/keys',
    '/api/admin/apps/{slug}/keys/{key}',
    '/api/admin/apps/{slug}/webhooks/deliveries',
    '/api/admin/apps/{slug}/webhooks/endpoints/{endpoint}/requests',
    '/api/admin/apps/{slug}/webhooks/endpoints/{endpoint}/test',
    '/api/admin/apps/{slug}/webhooks/endpoints/{endpoint}/pause',
    '/api/admin/apps/{slug}/webhooks/endpoints/{endpoint}/resume',
    '/api/admin/apps/{slug}/webhooks/dead',
    '/api/admin/apps/{slug}/webhooks/replay',
    '/api/admin/tokens',
    '/api/admin/tokens/{id}',
    '/api/admin/session',
    '/api/admin/sessions',
    '/api/admin/sessions/{id}',
    '/api/admin/audit',
    '/api/admin/apps/{slug}/live',
    '/api/admin/apps/{slug}/connections',
    '/api/admin/apps/{slug}/connections/{socketId}',
    '/api/admin/apps/{slug}/users',
    '/api/admin/apps/{slug}/users/{userId}',
    '/api/admin/plugins',
    '/api/admin/stats',
    '/api/admin/stats/apps',
    '/api/admin/apps/{slug}/stats',
    '/api/admin/problems',
    '/api/admin/nodes',
    '/metrics',
    '/usage',
    '/swagger',
    '/console',
    '/plugins/guardian/revocations',
    '/plugins/guardian/revocations/{id}',
    '/swagger/json',
  ])
})

test('bodies have the content types that their routes read and write', () => {
  const { post: trigger } = document.paths['/apps/{appId}/events']
  expect(Object.keys(trigger.requestBody.content)).toEqual(['application/json'])
  expect(Object.keys(trigger.responses['401'].content)).toEqual(['text/plain'])
  const { post: create } = document.paths['/api/admin/apps']
  expect(Object.keys(create.requestBody.content)).toEqual([
    'application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
  ])
  expect(Object.keys(create.responses['401'].content)).toEqual(['text/plain'])
})

describe('each operation', () => {
  type Operation = {
    readonly operationId: string
    readonly security?: object
    readonly parameters?: readonly { in: string; description?: string; example?: unknown }[]
  }
  const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  const SECURITY: readonly (readonly [path: RegExp, security: object | undefined])[] = [
    [/^\/apps\//, [{ signature: [] }, { token: [] }, { session: [] }]],
    [
      /^\/(?:(?:api\/admin|plugins)\/|metrics$|usage$)/,
      [{ password: [] }, { token: [] }, { session: [] }],
    ],
    [/^\/api\/apps\//, [{ keyPair: [] }]],
    [/^\/api\/push/, [{ keyPair: [] }, { secret: [] }]],
    [/^/, undefined],
  ]

  test.each(operations)('$method $path says what it takes', ({ path, operation }) => {
    expect(operation.security).toEqual(SECURITY.find(([pattern]) => pattern.test(path))![1])
    for (const parameter of operation.parameters ?? []) {
      expect(parameter.description).toBeString()
      if (parameter.in === 'path') expect(parameter.example).toBeString()
    }
  })

  type Media = { readonly schema: Schema; readonly example?: unknown }
  type Schema = { readonly type?: string }
  type Responses = Record<string, { readonly content?: Record<string, Media> }>
  const ajv = new Ajv({ strict: false })

  test.each(operations)('$method $path shows what it answers', ({ operation }) => {
    const responses = Object.entries((operation as unknown as { responses: Responses }).responses)
    for (const [status, { content = {} }] of responses)
      for (const { schema, example } of Object.values(content)) {
        expect({ status, example }).toEqual({ status, example: expect.anything() })
        expect({ example, fits: ajv.validate(schema, example) }).toEqual({ example, fits: true })
      }
  })

  test('has an example of each parameter that a caller must or may write', () => {
    const bare = operations.flatMap(({ operation: { operationId, parameters = [] } }) =>
      parameters.filter(({ example }) => example === undefined).map(() => operationId),
    )
    expect(bare).toEqual([])
  })

  test('has a name of its own', () => {
    const names = operations.map(({ operation }) => operation.operationId)
    expect(new Set(names).size).toBe(names.length)
  })
})

test('a created app says where it is', () => {
  const { headers } = document.paths['/api/admin/apps'].post.responses['201']
  expect(Object.keys(headers)).toEqual(['location'])
})

test('limits say from where to where they go', () => {
  const { content } = document.paths['/api/admin/apps'].post.requestBody
  const { limits } = content['application/json'].schema.properties.app.properties
  expect(limits.properties.max_presence_members.anyOf[0]).toMatchObject({
    minimum: 1,
    maximum: 1_000_000,
  })
  expect(Object.keys(limits.properties)).toHaveLength(APP_LIMITS.length)
})

test('the fields of an app are those that the admin API knows', async () => {
  await using server = await start()
  const { username, password } = server.server.credentials.admin
  const response = await server.http('/api/admin/apps', {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${username}:${password}`)}` },
    body: '{"app":{"stranger":1}}',
  })
  const { errors } = await response.json()
  const known = errors.stranger[0].replace('is unknown; known are ', '').split(', ')
  const { content } = document.paths['/api/admin/apps'].post.requestBody
  const fields = content['application/json'].schema.properties.app.properties
  expect(Object.keys(fields)).toEqual(known.sort())
})
