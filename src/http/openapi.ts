/**
 * The OpenAPI document: generated from the routes' schemas and normalised, here and nowhere else, so
 * that the generator can be swapped. Its page is not used: it would load scripts from elsewhere.
 *
 * The version is 3.1, whose schemas are JSON Schema as the schema library writes it; 3.0 knows
 * neither `const` nor `type: null` nor `examples`.
 */
import { Elysia, type AnyElysia } from 'elysia'

export const DOCUMENT_PATH = '/swagger/json'
/** Inside the wrapper that the document is read from; never served. */
const GENERATED_PATH = '/generated'

const HEAD = {
  openapi: '3.1.0',
  info: {
    title: 'Carillon',
    version: '0.1.0',
    description:
      'A self-hosted realtime push server: the HTTP API of Pusher Channels, and its own. Every answer carries `x-request-id`, the caller’s own where it is of 20 to 200 characters.',
    contact: { name: 'Carillon' },
  },
  servers: [{ url: '/', description: 'This server' }],
}

const SECURITY_SCHEMES = {
  signature: {
    type: 'apiKey',
    in: 'query',
    name: 'auth_signature',
    description: `Pusher's request signature, as every Pusher server library makes it. The query carries

- \`auth_key\`: the key of the app
- \`auth_timestamp\`: seconds since 1970, at most ten minutes off
- \`auth_version\`: \`1.0\`
- \`body_md5\`: hex MD5 of the body, where there is one
- \`auth_signature\`: hex HMAC-SHA256, with the secret, over method, path and query, one a line. The query is signed without the signature itself: keys in lower case and sorted, values not percent-encoded.`,
  },
  password: {
    type: 'http',
    scheme: 'basic',
    description: 'User and password of the admin API',
  },
  keyPair: { type: 'http', scheme: 'basic', description: 'Key and secret of the app' },
  secret: {
    type: 'http',
    scheme: 'bearer',
    description: 'The secret of the only app, or of the one whose key is the parameter `app_key`',
  },
} as const

type Tag = {
  readonly name: string
  readonly description: string
  /** Any one of them. */
  readonly security?: readonly (keyof typeof SECURITY_SCHEMES)[]
}

const TAGS: readonly Tag[] = [
  {
    name: 'events',
    description: 'Trigger events; requests are signed as Pusher signs them',
    security: ['signature'],
  },
  {
    name: 'channels',
    description: 'Ask who is subscribed to what; signed likewise',
    security: ['signature'],
  },
  {
    name: 'users',
    description: 'End what users have open; signed likewise',
    security: ['signature'],
  },
  {
    name: 'ExPusherLite',
    description: 'The API of ExPusherLite; Basic authentication with key and secret of the app',
    security: ['keyPair'],
  },
  {
    name: 'PushEx',
    description:
      'The API of PushEx; Basic authentication with key and secret of an app, or Bearer with its secret',
    security: ['keyPair', 'secret'],
  },
  { name: 'admin', description: 'Apps; Basic authentication', security: ['password'] },
  { name: 'operations', description: 'Health, and what there is to read' },
]

/** Path parameters, by name, where their route says nothing else. */
const PATH_PARAMETERS: Readonly<Record<string, { description: string; example: string }>> = {
  appId: { description: 'Id of the app', example: '1' },
  channel: { description: 'Name of the channel', example: 'my-channel' },
  userId: { description: 'Id that the user signed in with', example: 'user-1' },
  appSlug: { description: 'Slug of the app', example: 'test-app' },
  slug: { description: 'Slug or id of the app', example: 'foo-app' },
  key: { description: 'Key of the pair', example: 'the-older-key' },
}

/** What a status means on every route. */
const MEANINGS: Readonly<Record<string, string>> = {
  200: 'Done',
  201: 'Created',
  202: 'Accepted; no body',
  204: 'Done; no body',
  400: 'The request is not as documented',
  401: 'Credentials are missing or wrong',
  403: 'Known, but not allowed',
  404: 'Not found',
  406: 'The answer would be JSON, which `Accept` excludes',
  413: 'Too large',
  422: 'Readable, but not valid',
  429: 'Too often',
  503: 'Not now: the server is leaving, or its database takes no writes',
}

const RETRY_AFTER = {
  'retry-after': { description: 'Seconds to wait', schema: { type: 'integer' } },
}

/** Operations whose 503 says when to come again. */
const LATER = ['push', 'createApp', 'changeApp', 'replaceApp', 'deleteApp', 'addKey', 'retireKey']

/** By status, or by operation and status. */
const HEADERS: Readonly<Record<string, object>> = {
  429: RETRY_AFTER,
  ...Object.fromEntries(LATER.map((operationId) => [`${operationId} 503`, RETRY_AFTER])),
  'createApp 201': {
    location: {
      description: 'The path of the app',
      schema: { type: 'string' },
      example: '/api/admin/apps/foo-app',
    },
  },
}

/** What a page answers, in words that schemas have not. */
export const pageAnswer = (type: string, schema: object, example: Json) => ({
  responses: { 200: { description: 'Done', content: { [type]: { schema, example } } } },
})

export const HTML = pageAnswer('text/html', { type: 'string' }, '<!doctype html>…')

/** The document of an API's routes, keys in alphabetical order. */
export async function documentOf(
  api: AnyElysia,
  plugins: readonly { readonly name: string; readonly routes: AnyElysia }[],
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
  return sorted({
    ...HEAD,
    tags: [...TAGS, ...ofPlugins].map(({ name, description }) => ({ name, description })),
    components: { securitySchemes: SECURITY_SCHEMES },
    paths: mapValues(paths, (methods) => mapValues(methods, operation)),
  }) as object
}

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
    ...(requestBody && { requestBody: { ...requestBody, content: oneType(requestBody.content) } }),
    responses: mapValues(responses, (response, status) =>
      answer(rest.operationId, status, response),
    ),
  }
}

/** The generator lifts the examples of an object out of its schema. */
function answer(operationId: string | undefined, status: string, response: Answer): object {
  const { content = {}, examples: [example] = [] } = response
  const headers = HEADERS[`${operationId} ${status}`] ?? HEADERS[status]
  const shown = example === undefined ? {} : { example }
  return {
    description: MEANINGS[status] ?? 'Another answer',
    ...(headers && { headers }),
    ...(!isEmpty(content) && {
      content: mapValues(oneType(content), (media) => ({ ...media, ...shown })),
    }),
  }
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
