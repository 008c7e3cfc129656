/**
 * The OpenAPI document, made from the routes' schemas. The generator writes paths and parameters; answers
 * are written here, since it gives each three types and takes schemas apart. Its page is not used: it
 * would load scripts from elsewhere.
 *
 * The version is 3.1, whose schemas are JSON Schema as the schema library writes it; 3.0 has neither
 * `const` nor `type: null` nor `examples`.
 */
import { Kind, type TSchema } from '@sinclair/typebox'
import type { AnyElysia, HTTPMethod } from 'elysia'
import {
  DOCUMENT_HEAD,
  HEADERS,
  MEANINGS,
  PATH_PARAMETERS,
  SECURITY_SCHEMES,
  TAGS,
  type Tag,
} from './openapi-text'
import type { RunningPlugin } from './plugins'
import { ADMIN_REFUSALS } from './refusals'

export const DOCUMENT_PATH = '/swagger/json'

/** The answer of a route that has no schema, as a page. */
export const pageAnswer = (type: string, schema: object, example: Json) => ({
  responses: { 200: { description: 'Done', content: { [type]: { schema, example } } } },
})

export const HTML_ANSWER = pageAnswer('text/html', { type: 'string' }, '<!doctype html>…')

type Hooks = AnyElysia['routes'][number]['hooks']
type RouteContext = { readonly models: Record<string, TSchema>; readonly isAdminOnly: boolean }

/** The document of an API's routes, in their order; other keys are in alphabetical order. */
export async function documentOf(
  api: AnyElysia,
  plugins: readonly RunningPlugin[],
): Promise<object> {
  const { filterPaths, registerSchemaPath } = await import('@elysiajs/swagger/utils')
  await nextTurn()
  const isClosed = ({ beforeHandle }: Hooks): boolean =>
    plugins.some(({ adminOnly }) => [beforeHandle].flat().some(isHook(adminOnly)))
  const models = api['getGlobalDefinitions']().type as Record<string, TSchema>
  const schema = {}
  for (const { hooks = {}, method, path } of api.routes) {
    if (hooks.detail?.hide) continue
    const detail = describe(hooks, { models, isAdminOnly: isClosed(hooks) })
    const body = typeof hooks.body === 'string' ? models[hooks.body] : hooks.body
    const hook = { ...hooks, body, response: undefined, detail }
    for (const each of method === 'ALL' ? METHODS : METHODS.filter((name) => name === method))
      registerSchemaPath({ schema, hook, path, method: each, models })
  }
  await nextTurn()
  const paths: Paths = filterPaths(schema, { excludeStaticFile: true, exclude: [] })
  const ofPlugins = plugins.filter(({ routes }) => routes.routes.length > 0).map(tagOf)
  const tags = [...TAGS, ...ofPlugins].map(({ name, description }) => ({ name, description }))
  const head = { ...DOCUMENT_HEAD, tags, components: { securitySchemes: SECURITY_SCHEMES } }
  const documented = mapValues(paths, (methods) =>
    mapValues(methods, (described) => sortKeys(describeOperation(described))),
  )
  return { ...(sortKeys(head) as object), paths: documented }
}

const METHODS = 'GET PUT POST DELETE OPTIONS HEAD PATCH TRACE'.split(' ') as readonly HTTPMethod[]

/** The framework may wrap a hook in an object. */
const isHook = (hook: unknown) => (kept: unknown) =>
  kept === hook || (kept as { readonly fn?: unknown } | undefined)?.fn === hook

/** Describes a route: its own answers replace those of its schemas; routes for admins get their refusals. */
function describe(
  { response = {}, detail = {} }: Hooks,
  { models, isAdminOnly }: RouteContext,
): object {
  const isOne = typeof response === 'string' || Kind in response
  const schemas: { [status: string]: TSchema | string } = isOne ? { 200: response } : response
  const own: Answers =
    detail.responses ??
    mapValues(schemas, (schema) => answerOf(typeof schema === 'string' ? models[schema] : schema))
  const responses = Object.keys(own).length > 0 ? own : { 200: {} }
  if (!isAdminOnly) return { ...detail, responses }
  const refusals = mapValues<TSchema, Answer>(ADMIN_REFUSALS, answerOf)
  return { security: [{ password: [] }], ...detail, responses: { ...refusals, ...responses } }
}

/** The literal '' has no body. Undoes that the framework closes the schema of a route that has answered. */
function answerOf({ additionalProperties, ...schema }: TSchema = {} as TSchema): Answer {
  const open = additionalProperties === false ? {} : { additionalProperties }
  if (schema['const'] === '') return {}
  return { content: { [typeOf(schema)]: { schema: { ...schema, ...open } } } }
}

const typeOf = (schema: Shape['schema']): string =>
  schema?.['type'] === 'string' ? 'text/plain' : 'application/json'

/** Between steps, since each takes some milliseconds and any client may send the first request. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const tagOf = ({ name }: { readonly name: string }): Tag => ({
  name,
  description: `Routes of the plugin ${name}`,
})

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
/** A parameter, or a body of one type. */
type Shape = {
  readonly schema?: { readonly [key: string]: unknown }
  readonly examples?: unknown
  readonly example?: unknown
}
type Content = { readonly [type: string]: Shape }
type Answer = { readonly content?: Content }
type Answers = { readonly [status: string]: Answer }
type Parameter = Shape & { readonly in: string; readonly name: string }
type Operation = {
  readonly operationId?: string
  readonly tags?: readonly string[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Answers
}
type Paths = { readonly [path: string]: { readonly [method: string]: Operation } }

function describeOperation({ parameters, requestBody, responses, ...rest }: Operation): object {
  const schemes = TAGS.find(({ name }) => rest.tags?.includes(name))?.security
  return {
    ...rest,
    ...(schemes && { security: schemes.map((scheme) => ({ [scheme]: [] })) }),
    ...(parameters && { parameters: parameters.map(describeParameter(rest.operationId)) }),
    ...(requestBody && {
      requestBody: {
        ...requestBody,
        content: mapValues(withOneType(requestBody.content), withOneExample),
      },
    }),
    responses: mapValues(responses, ({ content }, status) => {
      const headers = HEADERS[`${rest.operationId} ${status}`] ?? HEADERS[status]
      return {
        description: MEANINGS[status] ?? 'Another answer',
        ...(headers && { headers }),
        ...(content && { content: mapValues(content, withOneExample) }),
      }
    }),
  }
}

const describeParameter =
  (operationId = '') =>
  ({ in: place, name, ...rest }: Parameter): object => ({
    ...(place === 'path' && (PATH_PARAMETERS[`${operationId} ${name}`] ?? PATH_PARAMETERS[name])),
    in: place,
    name,
    ...withOneExample(rest),
  })

/** Makes the first of `examples` the `example`, which every reader of documents shows. */
function withOneExample({
  schema: { examples: inner, ...schema } = {},
  examples = inner,
  ...rest
}: Shape): Shape {
  return { ...(Array.isArray(examples) && { example: examples[0] }), ...rest, schema }
}

const GENERATED_TYPES = 'application/json multipart/form-data text/plain'

/** Leaves one of the three types that the generator gives a body. A route's own types stay. */
function withOneType(content: Content): Content {
  if (Object.keys(content).join(' ') !== GENERATED_TYPES) return content
  const body = content['application/json']!
  return { [typeOf(body.schema)]: body }
}

function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  change: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]))
}

const AS_WRITTEN = ['example', 'examples']

/** Sorts keys, except in examples, which people read. Drops `$id`, which the schema library uses for itself. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
    .filter(([name]) => name !== '$id')
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(
    entries.map(([name, item]) => [name, AS_WRITTEN.includes(name) ? item : sortKeys(item)]),
  )
}
