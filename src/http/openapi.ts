/**
 * The OpenAPI document: generated from the routes' schemas and normalised, here and nowhere else, so
 * that the generator can be swapped. Its page is not used: it would load scripts from elsewhere.
 *
 * The version is 3.1, whose schemas are JSON Schema as the schema library writes it; 3.0 knows
 * neither `const` nor `type: null` nor `examples`.
 */
import { Elysia, type AnyElysia } from 'elysia'
import {
  HEAD,
  HEADERS,
  MEANINGS,
  PATH_PARAMETERS,
  SECURITY_SCHEMES,
  TAGS,
  type Tag,
} from './openapi-words'
import { ADMIN_REFUSALS } from './refusals'

export const DOCUMENT_PATH = '/swagger/json'
/** Inside the wrapper that the document is read from; never served. */
const GENERATED_PATH = '/generated'

/** What a page answers, in words that schemas have not. */
export const pageAnswer = (type: string, schema: object, example: Json) => ({
  responses: { 200: { description: 'Done', content: { [type]: { schema, example } } } },
})

export const HTML = pageAnswer('text/html', { type: 'string' }, '<!doctype html>…')

type PluginRoutes = {
  readonly name: string
  readonly routes: AnyElysia
  /** What closes a route to whoever may not use the admin API. */
  readonly adminOnly: unknown
}

/** The document of an API's routes, in their order; other keys are in alphabetical order. */
export async function documentOf(
  api: AnyElysia,
  plugins: readonly PluginRoutes[],
): Promise<object> {
  const { swagger } = await import('@elysiajs/swagger') // 5 MB that few servers are asked for
  await nextTurn()
  const generator = swagger({
    path: GENERATED_PATH,
    specPath: GENERATED_PATH,
    exclude: [GENERATED_PATH],
  })
  const wrapper = new Elysia().use(generator).use(api)
  const response = await wrapper.handle(new Request(`http://localhost${GENERATED_PATH}`))
  await nextTurn()
  const { paths } = (await response.json()) as { paths: Paths }
  await nextTurn()
  const ofPlugins = plugins.filter(({ routes }) => routes.routes.length > 0).map(tagOf)
  const head = {
    ...HEAD,
    tags: [...TAGS, ...ofPlugins].map(({ name, description }) => ({ name, description })),
    components: { securitySchemes: SECURITY_SCHEMES },
  }
  const isClosed = closedIn(plugins)
  const documented = mapValues(paths, (methods, path) =>
    mapValues(methods, (described, method) =>
      sorted(operation(isClosed(method, path) ? closed(described) : described)),
    ),
  )
  return { ...(sorted(head) as object), paths: documented }
}

/** Which operations of plugins are for admins only; no plugin has to say it twice. */
function closedIn(plugins: readonly PluginRoutes[]) {
  const names = new Set(
    plugins.flatMap(({ routes, adminOnly }) =>
      routes.routes
        .filter(({ hooks }) => [hooks.beforeHandle].flat().some(isHook(adminOnly)))
        .map(
          ({ method, path }) => `${method} ${path.replace(/(?<=\/):([^/]+?)\??(?=\/|$)/g, '{$1}')}`,
        ),
    ),
  )
  return (method: string, path: string): boolean => names.has(`${method.toUpperCase()} ${path}`)
}

/** The framework keeps a function with what it knows of it. */
const isHook = (hook: unknown) => (kept: unknown) =>
  kept === hook || (kept as { readonly fn?: unknown } | undefined)?.fn === hook

const closed = ({ responses, ...rest }: Operation): Operation => ({
  security: [{ password: [] }],
  ...rest,
  responses: { ...ADMIN_ONLY, ...responses },
})

const ADMIN_ONLY = mapValues(ADMIN_REFUSALS, (schema): Answer => ({
  content: { 'text/plain': { schema } },
}))

/** Each step takes some milliseconds, and anybody may be the first to ask. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const tagOf = ({ name }: { readonly name: string }): Tag => ({
  name,
  description: `Routes of the plugin ${name}`,
})

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
type Media = { readonly schema?: { readonly [key: string]: Json }; readonly example?: Json }
type Content = { readonly [type: string]: Media }
type Answer = { readonly content?: Content; readonly examples?: readonly Json[] }
type Parameter = { readonly in: string; readonly name: string; readonly examples?: readonly Json[] }
type Operation = {
  readonly operationId?: string
  readonly tags?: readonly string[]
  readonly security?: readonly object[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: { readonly [status: string]: Answer }
}
type Paths = { readonly [path: string]: { readonly [method: string]: Operation } }

function operation({ parameters, requestBody, responses, ...rest }: Operation): object {
  const schemes = TAGS.find(({ name }) => rest.tags?.includes(name))?.security
  return {
    ...rest,
    ...(schemes && { security: schemes.map((scheme) => ({ [scheme]: [] })) }),
    ...(parameters && { parameters: parameters.map(parameter) }),
    ...(requestBody && {
      requestBody: { ...requestBody, content: mapValues(oneType(requestBody.content), shown) },
    }),
    responses: mapValues(responses, (response, status) =>
      answer(rest.operationId, status, response),
    ),
  }
}

/** The generator lifts the examples of an object out of its schema. */
function answer(operationId: string | undefined, status: string, response: Answer): object {
  const { content = {}, examples: [example] = [] } = response
  const headers = HEADERS[`${operationId} ${status}`] ?? HEADERS[status]
  return {
    description: MEANINGS[status] ?? 'Another answer',
    ...(headers && { headers }),
    ...(!isEmpty(content) && {
      content: mapValues(oneType(content), (media) =>
        shown(example ? { ...media, example } : media),
      ),
    }),
  }
}

/** A schema's list of examples becomes the one that every reader of documents looks at. */
function shown({ schema, ...media }: Media): Media {
  const { examples, ...rest } = schema ?? {}
  return Array.isArray(examples)
    ? { example: examples[0], ...media, schema: rest }
    : { ...media, schema: rest }
}

/** The generator lifts a schema's list of examples to the parameter, where only one may be. */
function parameter({ examples, ...rest }: Parameter): object {
  const words = rest.in === 'path' ? PATH_PARAMETERS[rest.name] : undefined
  return { ...words, ...rest, ...(examples && { example: examples[0] }) }
}

const GENERATED_TYPES = 'application/json multipart/form-data text/plain'

/** The generator lists three types for every body: text is text, the rest is JSON. A route's own list stays. */
function oneType(content: Content): Content {
  if (Object.keys(content).join(' ') !== GENERATED_TYPES) return content
  const body = content['application/json']!
  return { [body.schema?.['type'] === 'string' ? 'text/plain' : 'application/json']: body }
}

/** An answer without a body is the literal empty text. */
const isEmpty = (content: Content): boolean =>
  Object.values(content).every(({ schema }) => schema?.['const'] === '')

function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  change: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]))
}

const AS_WRITTEN = ['example', 'examples']

/** Keys in order, but for examples, which people read; `$id` is the schema library's own and no address. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
    .filter(([name]) => name !== '$id')
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(
    entries.map(([name, item]) => [name, AS_WRITTEN.includes(name) ? item : sorted(item)]),
  )
}
