/**
 * The HTTP API: composes the routes and puts a request id on every answer. The one catch on this side is
 * `onError`; `errors.ts` has the answers.
 */
import { Elysia, type AnyElysia } from 'elysia'
import type { Core } from '../core/core'
import { once } from '../core/faults'
import { isGuarded, requireDeclared } from './admin-needs'
import { crossOrigin } from './admin-origins'
import type { AppRequests } from './app-requests'
import { AppSecrets } from './app-secrets'
import { explain, requireDecodable, requireHost } from './errors'
import { REQUEST_ID, requestIdFrom } from './headers'
import type { Logins } from './logins'
import { documentOf, DOCUMENT_PATH, modelsOf, pageAnswer, type DocumentedRoutes } from './openapi'
import { publicServerAt, serverAt } from './openapi-text'
import { PUBLIC_FOLDERS } from './pages'
import { missingPrefix, pathOf } from './place'
import { pluginRoutes } from './plugin-routes'
import { ROUTES, type RouteOptions } from './routes'

export type ApiOptions = Omit<RouteOptions, 'secrets' | 'side'> & {
  readonly appRequests: AppRequests
  readonly logins: Logins
}

type SideOptions = RouteOptions & Pick<ApiOptions, 'appRequests'>

/** The app for an address: of one side, or for all. */
export type HttpApi = AnyElysia

/** One app for all routes, or one for each side. */
export type Apis = { readonly api: HttpApi; readonly adminApi: HttpApi | undefined }

export function createApis(core: Core, options: ApiOptions, isSplit: boolean): Apis {
  const { locality, logins, hooks } = options
  const secrets = new AppSecrets(hooks.addresses, logins, locality)
  if (!isSplit)
    return { api: createApi(core, { ...options, secrets, side: undefined }), adminApi: undefined }
  const api = createApi(core, { ...options, secrets, side: 'public', ...NO_PAGES })
  return { api, adminApi: createApi(core, { ...options, secrets, side: 'admin' }, api) }
}

/** Pages are on the admins' side. */
const NO_PAGES = { reference: undefined, console: undefined }

function createApi(core: Core, options: SideOptions, publicApi?: HttpApi): HttpApi {
  const { changes, hooks, plugins, side } = options
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
    .use(pluginRoutes(hooks, plugins, side)) // before the hook below, which it runs itself
  if (core.hooks.response.length > 0)
    api.onAfterHandle(({ request, set }) => {
      hooks.addHeaders(request, Number(set.status ?? 200), set.headers)
    })
  for (const row of ROUTES)
    if (side === undefined || row.side === 'both' || row.side === side)
      for (const routes of [row.routes(core, options)].flat()) api.use(routes)
  const { origins } = changes.access
  if (origins.length > 0 && side !== 'public') api.use(crossOrigin(origins))
  // For every route, those of plugins too: the router fails at some parameters and leaves others undecoded.
  api.onRequest(({ request }) => {
    requireHost(request.url)
    if (request.url.includes('%')) requireDecodable(pathOf(request.url))
  })
  requireDeclared(api.routes, changes.authorize)
  return options.reference ? addDocument(api, options, publicApi) : api
}

/** The document is about the routes of the public API, too; they are tried at another address than its own. */
function addDocument(api: HttpApi, options: SideOptions, publicApi: HttpApi | undefined): HttpApi {
  const { pathPrefix, plugins, changes } = options
  const own = [...api.routes]
  const elsewhere = publicApi && [publicServerAt(`..${PUBLIC_FOLDERS.swagger}${pathPrefix}`)]
  const document = once(async () => {
    const models = modelsOf(api)
    const ofPlugins = plugins.flatMap(({ routes: { reachable, app } }) =>
      [false, true].map((isForAdmins) => ({
        routes: reachable.filter(
          ({ hooks }) => isGuarded(hooks, changes.authorize) === isForAdmins,
        ),
        models: modelsOf(app),
        servers: isForAdmins ? undefined : elsewhere,
      })),
    )
    const parts: DocumentedRoutes[] = [{ routes: own, models }, ...ofPlugins]
    if (publicApi)
      parts.unshift({ routes: publicApi.routes, models: modelsOf(publicApi), servers: elsewhere })
    parts.push({ routes: api.routes.slice(own.length), models })
    return documentOf(parts, plugins, changes.authorize)
  })
  const showDocument = async ({ request }: { readonly request: Request }) => {
    return { ...(await document()), servers: [serverAt(`..${missingPrefix(request, pathPrefix)}`)] }
  }
  const routes = new Elysia().get(DOCUMENT_PATH, showDocument, {
    tags: ['operations'],
    detail: {
      operationId: 'showDocument',
      summary: 'This document',
      description: 'OpenAPI 3.1, generated from the routes.',
      ...pageAnswer('application/json', DOCUMENT_SCHEMA, DOCUMENT_EXAMPLE),
    },
  })
  return api.use(routes)
}

const DOCUMENT_SCHEMA = { type: 'object', required: ['openapi', 'info', 'paths'] }
const DOCUMENT_EXAMPLE = { openapi: '3.1.0', info: {}, paths: {} }
