/**
 * Errors as answers. Pusher's SDKs show error bodies as they are, so they are one line of plain
 * text; the admin API answers as the seed's does. Nothing tells more than the caller may know.
 */
import { ValidationError } from 'elysia'
import type { Core } from '../core/core'
import { RealtimeError, refusal, type ErrorCode, type Refusal } from '../core/errors'
import { wireError } from '../protocols/errors'
import type { Addresses } from './address'
import type { FieldErrors } from '../apps/fields'
import { CONTENT_TYPES } from './headers'
import { describeMistake, type Mistake } from './mistake'
import { isDecodable, pathOf } from './url'

export type ErrorAnswer = {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers: Record<string, string>
}

/** What is wrong with an app or an event, field by field. */
export class FieldError extends RealtimeError {
  constructor(
    readonly errors: FieldErrors,
    readonly status: 400 | 413 | 422 = 422,
  ) {
    super('app_invalid', 'Some fields are invalid')
  }
}

export type Failure = {
  /** The framework's name for it. */
  readonly code: unknown
  readonly error: unknown
  readonly request: Request
  readonly requestId: string
  readonly addresses: Addresses
}

/** The seed's own: the admin API, and those of ExPusherLite and PushEx. */
const SEED_PATH = '/api/'
/** Where every refusal is the seed's JSON; the admin API tells some in plain text. */
const SEED_EVENTS = /^\/api\/(?:apps\/|push)/

/** The answer; whatever refuses comes by here, and is told to the log. */
export function explain(core: Core, failure: Failure): ErrorAnswer {
  const refused = refusedBy(failure)
  if (refused) noteRefusal(core, refused, failure)
  return answerTo(core, failure)
}

const UNKNOWN_ROUTE = refusal('path_not_found', 'Unknown route')
const UNREADABLE = refusal('request_invalid', 'Not as documented')

/** Undefined for a fault of ours. An instance of our class is asked for first: the framework reads an error's `code` before its own name for it. */
function refusedBy({ code, error }: Failure): Pick<Refusal, 'code' | 'message'> | undefined {
  if (error instanceof RealtimeError) return error
  if (code === 'NOT_FOUND') return UNKNOWN_ROUTE
  const isUnreadable =
    error instanceof ValidationError ? error.type !== 'response' : code === 'PARSE'
  return isUnreadable ? UNREADABLE : undefined
}

/** For answers that say no without an error. */
export function noteRefusal(
  core: Core,
  refused: Pick<Refusal, 'code' | 'message'>,
  { request, requestId, addresses }: Pick<Failure, 'request' | 'requestId' | 'addresses'>,
): void {
  const [, id = ''] = /^\/apps\/([^/]+)/.exec(pathOf(request.url)) ?? []
  const app = core.apps.byId(id)
  core.refusalLog.note(refused, { remoteAddress: addresses.of(request), appId: app?.id, requestId })
}

function answerTo(core: Core, { code, error, request, requestId }: Failure): ErrorAnswer {
  if (error instanceof FieldError) return json(error.status, { errors: error.errors })
  const path = pathOf(request.url)
  if (error instanceof RealtimeError) return refused(error, path)
  const isSeed = path.startsWith(SEED_PATH)
  if (code === 'NOT_FOUND') return isSeed ? detail(404, 'Not Found') : text(404, 'Unknown route')
  if (error instanceof ValidationError && error.type !== 'response')
    return text(400, describeMistake(error.all as readonly Mistake[]))
  if (code === 'PARSE') return text(400, 'Expected the body to be readable')
  core.counters.faults++
  core.log.error({ err: error, requestId }, 'fault')
  if (isSeed) return detail(500, 'Internal Server Error')
  return text(500, `Internal server error (${requestId})`)
}

/**
 * Where the Host is missing or none, the URL is a bare path, of which the router would cut off the first
 * part: `/x/api/admin/apps` would be the admin API, past a proxy that keeps others from it. A path of
 * one part, as health checks have, is found.
 * @throws RealtimeError
 */
export function mustHaveHost(url: string): void {
  if (url.startsWith('/') && url.lastIndexOf('/') > 0)
    throw badRequest(url, 'Expected one Host header that is a host')
}

/** @throws RealtimeError for a path with a stray percent sign, or whose escapes are no UTF-8 */
export function mustDecode(path: string): void {
  if (!isDecodable(path)) throw badRequest(path, 'Expected the path to be percent-encoded UTF-8')
}

const badRequest = (path: string, message: string): RealtimeError =>
  new RealtimeError(path.startsWith(SEED_PATH) ? 'admin_bad_request' : 'request_invalid', message)

/** Answered as the seed's API does, and not as text. */
const DETAILS: { readonly [Code in ErrorCode]?: true } = {
  admin_bad_request: true,
  admin_body_too_large: true,
  admin_not_found: true,
  not_acceptable: true,
  store_unavailable: true,
}

function refused({ code, message, retryAfterSeconds }: RealtimeError, path: string): ErrorAnswer {
  const status = wireError(code).http
  const isDetail = DETAILS[code] || (message !== '' && SEED_EVENTS.test(path))
  const told = isDetail ? detail(status, message) : text(status, message)
  if (code === 'body_too_slow') return { ...told, headers: { connection: 'close' } }
  if (retryAfterSeconds === undefined) return told
  const seconds = Math.max(1, Math.ceil(retryAfterSeconds)) // the header takes whole seconds only
  return { ...told, headers: { 'retry-after': String(seconds) } }
}

function text(status: number, message: string): ErrorAnswer {
  const body = message === '' ? '' : `${message}\n`
  return { status, body, type: CONTENT_TYPES.text, headers: {} }
}

const detail = (status: number, message: string): ErrorAnswer =>
  json(status, { errors: { detail: message } })

function json(status: number, value: object): ErrorAnswer {
  return {
    status,
    body: JSON.stringify(value),
    type: CONTENT_TYPES.json,
    headers: {},
  }
}
