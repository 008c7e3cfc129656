/**
 * The HTTP side: routes composed, every answer with its request id. The one catch on this side is
 * `onError`; `errors.ts` has the words.
 */
import type { HTMLBundle } from 'bun'
import { Elysia } from 'elysia'
import type { Core } from '../core/core'
import { admin } from './admin'
import { bundledPage } from './bundled-page'
import { channels } from './channels'
import { crossOrigin } from './cross-origin'
import { explain } from './errors'
import { events } from './events'
import { adminIdentity, type AdminAccess } from './identity'
import { documentOf, DOCUMENT_PATH } from './openapi'
import { ops } from './ops'
import { REQUEST_ID, requestId } from './request-id'
import { swaggerDefaults, type PublishedCredentials } from './swagger'

export type ApiOptions = {
  readonly pathPrefix: string
  readonly admin: AdminAccess
  readonly published: PublishedCredentials
  readonly swaggerPage: HTMLBundle
}

export function createApi(core: Core, options: ApiOptions) {
  const { pathPrefix, admin: access, published, swaggerPage } = options
  // Normalising would repair bodies before they are validated: `{}` becomes a list that holds null.
  const api = new Elysia({
    precompile: true,
    normalize: false,
    handler: { standardHostname: false },
  })
    .onRequest(({ request, set }) => {
      set.headers[REQUEST_ID] = requestId(request.headers.get(REQUEST_ID))
    })
    .onError(({ code, error, set }) => {
      const { status, body, type, headers } = explain(
        core,
        code,
        error,
        String(set.headers[REQUEST_ID]),
      )
      set.status = status
      set.headers['content-type'] = type
      Object.assign(set.headers, headers)
      return body
    })
    .use(ops(core))
    .use(events(core, pathPrefix))
    .use(channels(core, pathPrefix))
    .use(admin(core, adminIdentity(access, core.clock)))
    .use(swaggerDefaults(published))
    .use(bundledPage('/swagger', swaggerPage))
  if (access.origins.length > 0) api.use(crossOrigin(access.origins))
  let document: Promise<object> | undefined
  return api.get(DOCUMENT_PATH, () => (document ??= documentOf(api)), { detail: { hide: true } })
}

export type Api = ReturnType<typeof createApi>
