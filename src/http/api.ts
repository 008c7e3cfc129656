/**
 * The HTTP side: routes composed, errors mapped to words. The one catch on this side is `onError`.
 * Pusher's SDKs show error bodies as they are, so they are one line of plain text.
 */
import { Elysia } from 'elysia'
import type { Core } from '../core/core'
import { RealtimeError } from '../core/errors'
import { wireError } from '../protocols/errors'
import { admin, type AdminIdentity } from './admin'
import { channels } from './channels'
import { events } from './events'
import { openapi } from './openapi'
import { ops } from './ops'

export type ApiOptions = { readonly pathPrefix: string; readonly admin: AdminIdentity }

export function createApi(core: Core, { pathPrefix, admin: identity }: ApiOptions) {
  // Normalising would repair bodies before they are validated: `{}` becomes a list that holds null.
  return new Elysia({ precompile: true, normalize: false, handler: { standardHostname: false } })
    .onError(({ code, error, set }) => {
      const { status, message } = explain(core, code, error)
      if (status === 401 && message === '')
        set.headers['www-authenticate'] = 'Basic realm="carillon"'
      return new Response(message === '' ? '' : `${message}\n`, {
        status,
        headers: { 'content-type': 'text/plain; charset=utf-8' },
      })
    })
    .use(openapi())
    .use(ops(core))
    .use(events(core, pathPrefix))
    .use(channels(core, pathPrefix))
    .use(admin(core, identity))
}

export type Api = ReturnType<typeof createApi>

/** An instance of our class is asked for first: Elysia reads an error's `code` before its own name for it. */
function explain(core: Core, code: unknown, error: unknown): { status: number; message: string } {
  if (error instanceof RealtimeError)
    return { status: wireError(error.code).http, message: error.message }
  if (code === 'NOT_FOUND') return { status: 404, message: 'Unknown route' }
  if (code === 'VALIDATION') return { status: 400, message: firstMistake(error) }
  if (code === 'PARSE') return { status: 400, message: 'Expected the body to be readable' }
  core.counters.faults++
  core.log.error({ err: error }, 'fault')
  return { status: 500, message: 'Internal server error' }
}

type Mistake = { readonly path?: string; readonly message?: string }

/** `Expected name parameter to be a string`, as SDK users know it. */
function firstMistake(error: unknown): string {
  const { all = [] } = error as { all?: readonly Mistake[] }
  const path = all[0]?.path ?? ''
  const types = all.map((mistake) =>
    mistake.path === path ? TYPE.exec(mistake.message ?? '')?.[1] : undefined,
  )
  const type = types.find((found) => found !== undefined)
  const shape = type
    ? `${/^[aoi]/.test(type) ? 'an' : 'a'} ${type}`
    : 'present and of the documented type'
  const name = path.slice(1).replaceAll('/', '.')
  return name === ''
    ? `Expected the request to be ${shape}`
    : `Expected ${name} parameter to be ${shape}`
}

const TYPE = /^Expected (string|array|object|integer|boolean)$/
