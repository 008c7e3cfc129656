/**
 * The HTTP API: composes the routes and puts a request id on every answer. The one catch on this side is
 * `onError`; `errors.ts` has the answers.
 */
import { Elysia, type AnyElysia } from 'elysia'
import type { Core } from '../core/core'
import type { Deliveries } from '../core/deliveries'
import { once } from '../core/faults'
import { admin, type AdminOptions } from './admin'
import { requireDeclared } from './admin-needs'
import type { SignedAccess } from './auth'
import { channels } from './channels'
import { crossOrigin } from './admin-origins'
import { deliveries } from './deliveries'
import { explain, requireDecodable, requireHost } from './errors'
import { events } from './events'
import type { AppRequests } from './app-requests'
import { AppSecrets } from './app-secrets'
import { REQUEST_ID, requestIdFrom } from './headers'
import type { ApiHooks } from './hooks'
import type { Logins } from './logins'
import { documentOf, DOCUMENT_PATH, modelsOf, pageAnswer } from './openapi'
import { serverAt } from './openapi-text'
import { operations } from './health'
import { history } from './history'
import { metrics, type MetricsOptions } from './metrics'
import { missingPrefix, pathOf } from './place'
import { pluginRoutes } from './plugin-routes'
import { pluginReports, type RunningPlugin } from './plugins'
import { users } from './users'
import { reference, type Reference } from './pages'

/** What the routes of a dialect authenticate with. */
export type DialectAccess = {
  readonly hooks: ApiHooks
  readonly secrets: AppSecrets
  /** The app that needs no credentials, if there is one. */
  readonly openAppId: string | undefined
}

/** The routes of another server's API. */
export type DialectRoutes = (core: Core, access: DialectAccess) => AnyElysia

export type ApiOptions = SignedAccess &
  AdminOptions &
  Reference & {
    readonly dialects: readonly DialectRoutes[]
    readonly appRequests: AppRequests
    readonly logins: Logins
    readonly deliveries: Deliveries
    readonly metrics: MetricsOptions
    readonly plugins: readonly RunningPlugin[]
  }

export function createApi(core: Core, options: ApiOptions) {
  const { pathPrefix, changes, hooks, published, plugins } = options
  const secrets = new AppSecrets(hooks.addresses, options.logins, options.locality)
  // Normalising would repair bodies before they are validated: `{}` becomes a list that holds null.
  const api = new Elysia({ normalize: false, handler: { standardHostname: false } })
    .onRequest(({ request, set }) => {
      // The framework's own record has no prototype, which the runtime reads in 0.6 µs more.
      set.headers = { [REQUEST_ID]: requestIdFrom(request.headers.get(REQUEST_ID)) }
    })
    .onError(({ error, request, set }) => {
      const id = String(set.headers[REQUEST_ID])
      const app = options.appRequests.find(request)?.app
      const failure = { error, request, requestId: id, addresses: hooks.addresses, app }
      const { status, body, type, headers } = explain(core, failure)
      set.status = status
      set.headers['content-type'] = type
      Object.assign(set.headers, headers)
      hooks.addHeaders(request, status, set.headers)
      hooks.addresses.limitUnreadBody(request)
      return body
    })
    .use(pluginRoutes(hooks, plugins)) // before the hook below, which it runs itself
  if (core.hooks.response.length > 0)
    api.onAfterHandle(({ request, set }) => {
      hooks.addHeaders(request, Number(set.status ?? 200), set.headers)
    })
  api
    .use(operations(core))
    .use(events(core, options))
    .use(channels(core, options))
    .use(history(core, options))
    .use(users(core, options))
  const dialectAccess = { hooks, secrets, openAppId: published.appId }
  for (const routes of options.dialects) api.use(routes(core, dialectAccess))
  api
    .use(admin(core, options))
    .use(deliveries(core, options.deliveries, changes))
    .use(pluginReports(core.hooks, plugins, changes))
    .use(metrics(core, options.metrics))
    .use(reference(options))
  const { origins } = changes.access
  if (origins.length > 0) api.use(crossOrigin(origins))
  // For every route, those of plugins too: the router fails at some parameters and leaves others undecoded.
  api.onRequest(({ request }) => {
    requireHost(request.url)
    if (request.url.includes('%')) requireDecodable(pathOf(request.url))
  })
  const own = [...api.routes]
  requireDeclared(own, changes.authorize)
  const document = once(async () => {
    const models = modelsOf(api)
    const ofPlugins = plugins.map(({ routes: { reachable, app } }) => ({
      routes: reachable,
      models: modelsOf(app),
    }))
    const parts = [{ routes: own, models }, ...ofPlugins]
    parts.push({ routes: api.routes.slice(own.length), models })
    return documentOf(parts, plugins, changes.authorize)
  })
  const showDocument = async ({ request }: { readonly request: Request }) => {
    return { ...(await document()), servers: [serverAt(`..${missingPrefix(request, pathPrefix)}`)] }
  }
  return api.get(DOCUMENT_PATH, showDocument, {
    tags: ['operations'],
    detail: {
      operationId: 'showDocument',
      summary: 'This document',
      description: 'OpenAPI 3.1, generated from the routes.',
      ...pageAnswer('application/json', DOCUMENT_SCHEMA, DOCUMENT_EXAMPLE),
    },
  })
}

const DOCUMENT_SCHEMA = { type: 'object', required: ['openapi', 'info', 'paths'] }
const DOCUMENT_EXAMPLE = { openapi: '3.1.0', info: {}, paths: {} }

export type HttpApi = ReturnType<typeof createApi>
