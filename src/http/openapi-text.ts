/** Texts of the OpenAPI document that no schema has. */
import { EXAMPLE_ENDPOINT } from './schemas'

/** `url` is relative to the document, since a proxy may have put a prefix in front of both. */
export const serverAt = (url: string) => ({ url, description: 'This server' })

/** The same for routes that are not at the address of the document. */
export const publicServerAt = (url: string) => ({
  url,
  description: 'To try it out from here; programs call the address of clients',
})

export const DOCUMENT_HEAD = {
  openapi: '3.1.0',
  info: {
    title: 'Carillon',
    version: '0.1.0',
    description:
      'A self-hosted realtime push server: the HTTP API of Pusher Channels, and its own. Every answer carries `x-request-id`, the caller’s own where it is of 20 to 200 characters.',
    contact: { name: 'Carillon' },
  },
  servers: [serverAt('..')],
}

export const SECURITY_SCHEMES = {
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
  password: { type: 'http', scheme: 'basic', description: 'User and password of the admin API' },
  token: {
    type: 'http',
    scheme: 'bearer',
    description: 'A token for the admin API, which may have a narrower scope',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: 'carillon_session',
    description:
      'The cookie of `POST /api/admin/sessions`; a suffix of its name tells servers of one host apart. Changes need `x-csrf-token` with `csrf` of the session besides',
  },
  keyPair: { type: 'http', scheme: 'basic', description: 'Key and secret of the app' },
  secret: {
    type: 'http',
    scheme: 'bearer',
    description: 'The secret of the only app, or of the one whose key is the parameter `app_key`',
  },
}

export const TAGS = [
  { name: 'events', description: 'Trigger events; requests are signed as Pusher signs them' },
  { name: 'channels', description: 'Ask who is subscribed to what; signed likewise' },
  { name: 'users', description: 'End what users have open; signed likewise' },
  {
    name: 'ExPusherLite',
    description: 'The API of ExPusherLite; Basic authentication with key and secret of the app',
  },
  {
    name: 'PushEx',
    description:
      'The API of PushEx; Basic authentication with key and secret of an app, or Bearer with its secret',
  },
  {
    name: 'admin',
    description: 'Apps, tokens, audit; Basic authentication, or Bearer with a token',
  },
  { name: 'operations', description: 'Health, and what there is to read' },
]

/** What routes for admins take, those of plugins too. */
export const ADMIN_SECURITY = [{ password: [] }, { token: [] }, { session: [] }]

const SIGNED = [{ signature: [] }, { token: [] }, { session: [] }]

/** What the routes of a tag take, any one of them. */
export const SECURITY: Readonly<Record<string, readonly object[]>> = {
  events: SIGNED,
  channels: SIGNED,
  users: SIGNED,
  ExPusherLite: [{ keyPair: [] }],
  PushEx: [{ keyPair: [] }, { secret: [] }],
}

/** Path parameters, by name, or by operation and name. */
export const PATH_PARAMETERS: Readonly<Record<string, { description: string; example: string }>> = {
  appId: { description: 'Id of the app', example: '1' },
  channel: { description: 'Name of the channel', example: 'my-channel' },
  /** Users are known of presence channels only. */
  'listUsers channel': {
    description: 'Name of a presence channel',
    example: 'presence-my-channel',
  },
  name: { description: 'Name of the channel', example: 'presence-my-channel' },
  socketId: { description: 'Socket id of the connection', example: '123.456' },
  userId: { description: 'Id that the user signed in with', example: 'user-1' },
  appSlug: { description: 'Slug of the app', example: 'test-app' },
  endpoint: { description: 'Id of an endpoint, or its url', example: EXAMPLE_ENDPOINT },
  slug: { description: 'Slug or id of the app', example: 'foo-app' },
  key: { description: 'Key of the pair', example: 'foo-app-key' },
  'endSession id': { description: 'Id of the session', example: 'spare' },
  'revokeToken id': { description: 'Id of the token, or its name', example: 'ci' },
}

/** Meanings of statuses on every route. */
export const MEANINGS: Readonly<Record<string, string>> = {
  200: 'Done',
  201: 'Created',
  202: 'Accepted; no body',
  204: 'Done; no body',
  400: 'The request is not as documented',
  401: 'Credentials are missing or wrong',
  403: 'Known, but not allowed',
  404: 'Not found',
  406: 'The answer would be JSON, which `Accept` excludes',
  409: 'Not yet: the first request is under way',
  413: 'Too large',
  422: 'Readable, but not valid',
  429: 'Too often',
  503: 'Not now: leaving, cannot write, or full',
}

const RETRY_AFTER = {
  'retry-after': { description: 'Seconds to wait', schema: { type: 'integer' } },
}

/** Operations whose 503 has a `retry-after`. */
const RETRIED = [
  'push',
  'triggerEvent',
  'triggerBatch',
  'triggerChannelEvent',
  'publishToScope',
  'forgetHistory',
  'forgetHistoryOfChannel',
  'createApp',
  'changeApp',
  'replaceApp',
  'deleteApp',
  'addKey',
  'retireKey',
  'replayWebhooks',
  'createToken',
  'revokeToken',
  'endSession',
]

/** By status, or by operation and status. */
export const HEADERS: Readonly<Record<string, object>> = {
  409: RETRY_AFTER,
  429: RETRY_AFTER,
  ...Object.fromEntries(RETRIED.map((operationId) => [`${operationId} 503`, RETRY_AFTER])),
  'createApp 201': {
    location: {
      description: 'The path of the app',
      schema: { type: 'string' },
      example: '/api/admin/apps/foo-app',
    },
  },
  'signIn 201': {
    'set-cookie': {
      description: 'The session',
      schema: { type: 'string' },
      example: 'carillon_session_1a2b3c4d=…; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict',
    },
  },
}
