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
import { isGuarded } from './admin-needs'
import {
  ADMIN_SECURITY,
  DOCUMENT_HEAD,
  HEADERS,
  MEANINGS,
  PATH_PARAMETERS,
  SECURITY,
  SECURITY_SCHEMES,
  TAGS,
} from './openapi-text'
import type { RunningPlugin } from './plugins'
import { ADMIN_REFUSALS, NoBody } from './refusals'

export const DOCUMENT_PATH = '/swagger/json'

/** The answer of a route that has no schema, as a page. */
export const pageAnswer = (type: string, schema: object, example: unknown) => ({
  responses: { 200: { description: 'Done', content: { [type]: { schema, example } } } },
})

export const HTML_ANSWER = pageAnswer('text/html', { type: 'string' }, '<!doctype html>…')

type Hooks = AnyElysia['routes'][number]['hooks']
type Models = Readonly<Record<string, TSchema>>

/** Routes that are documented, the schemas that they name, and where they are, unless beside the document. */
export type DocumentedRoutes = {
  readonly routes: AnyElysia['routes']
  readonly models: Models
  readonly servers?: readonly object[] | undefined
}

/** The schemas of an app that have names. */
export const modelsOf = (app: AnyElysia): Models => app['getGlobalDefinitions']().type as Models

/**
 * The document of routes, in their order; other keys are in alphabetical order. `adminOnly` is the hook that
 * makes a route one for admins only.
 */
export async function documentOf(
  parts: readonly DocumentedRoutes[],
  plugins: readonly RunningPlugin[],
  adminOnly: unknown,
): Promise<object> {
  const paths: Record<string, object> = {}
  for (const part of parts)
    for (const [path, methods] of Object.entries(await pathsOf(part, adminOnly)))
      paths[path] = { ...paths[path], ...methods }
  const ofPlugins = plugins
    .filter(({ routes }) => routes.reachable.length > 0)
    .map(({ name }) => ({ name, description: `Routes of the plugin ${name}` }))
  const head = {
    ...DOCUMENT_HEAD,
    tags: [...TAGS, ...ofPlugins],
    components: { securitySchemes: SECURITY_SCHEMES },
  }
  return { ...(sortKeys(head) as object), paths }
}

async function pathsOf(
  { routes, models, servers }: DocumentedRoutes,
  adminOnly: unknown,
): Promise<Record<string, object>> {
  const { filterPaths, registerSchemaPath } = await import('@elysiajs/swagger/utils')
  await nextTurn()
  const schema = {}
  for (const { hooks = {}, method, path } of routes) {
    if (hooks.detail?.hide) continue
    const isAdminOnly = isGuarded(hooks, adminOnly)
    const own = { ...schemasOf(hooks), ...hooks.detail?.responses }
    const detail = {
      ...(isAdminOnly && { security: ADMIN_SECURITY }),
      ...(servers && { servers }),
      ...hooks.detail,
      responses: isAdminOnly ? { ...ADMIN_REFUSALS, ...own } : own,
    }
    const body = resolve(hooks.body, models)
    const parse = readsOwnTypes(hooks) ? hooks.parse : typeOf(body)
    const hook = { ...hooks, body, parse, response: undefined, detail }
    for (const each of method === 'ALL' ? METHODS : METHODS.filter((name) => name === method))
      registerSchemaPath({ schema, hook, path, method: each, models })
  }
  await nextTurn()
  const paths: Paths = filterPaths(schema, { excludeStaticFile: true, exclude: [] })
  return mapValues(paths, (methods) =>
    mapValues(methods, (operation) => sortKeys(describe(operation, models))),
  )
}

const METHODS = 'GET PUT POST DELETE OPTIONS HEAD PATCH TRACE'.split(' ') as readonly HTTPMethod[]

/** True for a route that names the types of its body; where none are named, the generator adds three. */
const readsOwnTypes = ({ parse = [] }: Hooks): boolean =>
  parse.some(({ fn }: { readonly fn: unknown }) => typeof fn === 'string')

/** The schemas of a route's answers, by status. */
const schemasOf = ({ response = NoBody }: Hooks): Operation['responses'] =>
  typeof response === 'string' || Kind in response ? { 200: response } : response

const resolve = (schema: TSchema | string, models: Models): TSchema | undefined =>
  typeof schema === 'string' ? models[schema] : schema

/** Between steps, since each takes some milliseconds and any client may send the first request. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A parameter, or a body of one type. */
type Shape = {
  readonly schema?: { readonly [key: string]: unknown }
  readonly examples?: unknown
  readonly example?: unknown
}
type Answer = { readonly content?: Readonly<Record<string, Shape>> }
type Operation = {
  readonly operationId: string
  readonly tags?: readonly string[]
  readonly parameters?: readonly (Shape & { readonly in: string; readonly name: string })[]
  readonly requestBody?: Required<Answer>
  readonly responses: Readonly<Record<string, Answer | TSchema | string>>
}
type Paths = { readonly [path: string]: { readonly [method: string]: Operation } }

function describe({ parameters, requestBody, ...rest }: Operation, models: Models): object {
  const { operationId, tags: [tag = ''] = [] } = rest
  return {
    ...rest,
    ...(tag in SECURITY && { security: SECURITY[tag] }),
    ...(parameters && {
      parameters: parameters.map(({ in: place, name, ...parameter }) => ({
        ...(place === 'path' &&
          (PATH_PARAMETERS[`${operationId} ${name}`] ?? PATH_PARAMETERS[name])),
        in: place,
        name,
        ...withOneExample(parameter),
      })),
    }),
    ...(requestBody && {
      requestBody: { ...requestBody, content: mapValues(requestBody.content, withOneExample) },
    }),
    responses: mapValues(rest.responses, (answer, status) => {
      const headers = HEADERS[`${operationId} ${status}`] ?? HEADERS[status]
      const isSchema = typeof answer === 'string' || Kind in answer
      const { content } = isSchema ? answerOf(resolve(answer, models)) : answer
      return {
        description: MEANINGS[status] ?? 'Another answer',
        ...(headers && { headers }),
        ...(content && { content: mapValues(content, withOneExample) }),
      }
    }),
  }
}

/** The literal '' has no body. Undoes that the framework closes the schema of a route that has answered. */
function answerOf({ additionalProperties, ...schema }: TSchema = {} as TSchema): Answer {
  const open = additionalProperties === false ? {} : { additionalProperties }
  if (schema['const'] === '') return {}
  return { content: { [typeOf(schema)]: { schema: { ...schema, ...open } } } }
}

const typeOf = (schema: Shape['schema']): string =>
  schema?.['type'] === 'string' ? 'text/plain' : 'application/json'

/** Makes the first of `examples` the `example`, which every reader of documents shows. */
function withOneExample({
  schema: { examples: inner, ...schema } = {},
  examples = inner,
  ...rest
}: Shape): Shape {
  return { ...(Array.isArray(examples) && { example: examples[0] }), ...rest, schema }
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
