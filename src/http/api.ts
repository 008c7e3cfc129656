/**
 * The HTTP side: routes composed, errors mapped to words. The one catch on this side is `onError`.
 * Pusher's SDKs show error bodies as they are, so they are one line of plain text.
 */
import { Elysia, ValidationError } from 'elysia'
import type { Core } from '../core/core'
import { RealtimeError } from '../core/errors'
import { wireError } from '../protocols/errors'
import { admin, type AdminIdentity } from './admin'
import { channels } from './channels'
import { events } from './events'
import { mistakeIn, type Mistake } from './mistake'
import { documentOf, DOCUMENT_PATH } from './openapi'
import { ops } from './ops'

export type ApiOptions = { readonly pathPrefix: string; readonly admin: AdminIdentity }

export function createApi(core: Core, { pathPrefix, admin: identity }: ApiOptions) {
  // Normalising would repair bodies before they are validated: `{}` becomes a list that holds null.
  const api = new Elysia({
    precompile: true,
    normalize: false,
    handler: { standardHostname: false },
  })
    .onError(({ code, error, set }) => {
      const { status, message } = explain(core, code, error)
      if (status === 401 && message === '')
        set.headers['www-authenticate'] = 'Basic realm="carillon"'
      return new Response(message === '' ? '' : `${message}\n`, {
        status,
        headers: { 'content-type': 'text/plain; charset=utf-8' },
      })
    })
    .use(ops(core))
    .use(events(core, pathPrefix))
    .use(channels(core, pathPrefix))
    .use(admin(core, identity))
  let document: Promise<object> | undefined
  return api.get(DOCUMENT_PATH, () => (document ??= documentOf(api)), { detail: { hide: true } })
}

export type Api = ReturnType<typeof createApi>

/** An instance of our class is asked for first: Elysia reads an error's `code` before its own name for it. */
function explain(core: Core, code: unknown, error: unknown): { status: number; message: string } {
  if (error instanceof RealtimeError)
    return { status: wireError(error.code).http, message: error.message }
  if (code === 'NOT_FOUND') return { status: 404, message: 'Unknown route' }
  if (error instanceof ValidationError && error.type !== 'response')
    return { status: 400, message: mistakeIn(error.all as readonly Mistake[]) }
  if (code === 'PARSE') return { status: 400, message: 'Expected the body to be readable' }
  core.counters.faults++
  core.log.error({ err: error }, 'fault')
  return { status: 500, message: 'Internal server error' }
}
