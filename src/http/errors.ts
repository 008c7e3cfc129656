/**
 * Answers for errors. Pusher's SDKs show error bodies as they are, so they are one line of plain text; the
 * admin API answers as the seed's does. No answer reveals more than the caller may know.
 */
import { ValidationError } from 'elysia'
import type { Core } from '../core/core'
import { RealtimeError, refusal, type ErrorCode, type Refusal } from '../core/errors'
import { WIRE_ERRORS } from '../protocols/errors'
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

/** Mistakes in an app or an event, by field. */
export class FieldError extends RealtimeError {
  constructor(
    readonly errors: FieldErrors,
    readonly status: 400 | 413 | 422 = 422,
  ) {
    super('app_invalid', 'Some fields are invalid')
  }
}

export type Failure = {
  /** The framework's name for the error. */
  readonly code: unknown
  readonly error: unknown
  readonly request: Request
  readonly requestId: string
  readonly addresses: Addresses
}

/** The admin API, and those of ExPusherLite and PushEx. */
const SEED_PATH = '/api/'
/** Where every refusal is the seed's JSON; the admin API has some in plain text. */
const SEED_EVENTS = /^\/api\/(?:apps\/|push)/

/** The answer for a failure. Logs refusals and faults. */
export function explain(core: Core, failure: Failure): ErrorAnswer {
  const refused = refusalIn(failure)
  if (refused) logRefusal(core, refused, failure)
  return answerFor(core, failure)
}

const UNKNOWN_ROUTE = refusal('path_not_found', 'Unknown route')
const UNREADABLE = refusal('request_invalid', 'Not as documented')

/** Undefined for a fault. The class is checked first: the framework takes our `code` for its own. */
function refusalIn({ code, error }: Failure): Pick<Refusal, 'code' | 'message'> | undefined {
  if (error instanceof RealtimeError) return error
  if (code === 'NOT_FOUND') return UNKNOWN_ROUTE
  const isUnreadable =
    error instanceof ValidationError ? error.type !== 'response' : code === 'PARSE'
  return isUnreadable ? UNREADABLE : undefined
}

/** Logs a refusal; called directly for answers that are made without an error. */
export function logRefusal(
  core: Core,
  refused: Pick<Refusal, 'code' | 'message'>,
  { request, requestId, addresses }: Pick<Failure, 'request' | 'requestId' | 'addresses'>,
): void {
  const [, id = ''] = /^\/apps\/([^/]+)/.exec(pathOf(request.url)) ?? []
  const app = core.apps.byId(id)
  core.refusalLog.note(refused, { remoteAddress: addresses.of(request), appId: app?.id, requestId })
}

function answerFor(core: Core, { code, error, request, requestId }: Failure): ErrorAnswer {
  if (error instanceof FieldError) return jsonAnswer(error.status, { errors: error.errors })
  const path = pathOf(request.url)
  if (error instanceof RealtimeError) return refusalAnswer(error, path)
  const isSeed = path.startsWith(SEED_PATH)
  if (code === 'NOT_FOUND')
    return isSeed ? detailAnswer(404, 'Not Found') : textAnswer(404, 'Unknown route')
  if (error instanceof ValidationError && error.type !== 'response')
    return textAnswer(400, describeMistake(error.all as readonly Mistake[]))
  if (code === 'PARSE') return textAnswer(400, 'Expected the body to be readable')
  core.counters.faults++
  core.log.error({ err: error, requestId }, 'fault')
  if (isSeed) return detailAnswer(500, 'Internal Server Error')
  return textAnswer(500, `Internal server error (${requestId})`)
}

/**
 * Without a valid Host the URL is a bare path, of which the router would cut off the first part:
 * `/x/api/admin/apps` would be the admin API, past a proxy that protects it. A path of one part, as health
 * checks have, is found.
 * @throws RealtimeError
 */
export function requireHost(url: string): void {
  if (url.startsWith('/') && url.lastIndexOf('/') > 0)
    throw badRequest(url, 'Expected one Host header that is a host')
}

/** @throws RealtimeError for a path that is not percent-encoded UTF-8 */
export function requireDecodable(path: string): void {
  if (!isDecodable(path)) throw badRequest(path, 'Expected the path to be percent-encoded UTF-8')
}

const badRequest = (path: string, message: string): RealtimeError =>
  new RealtimeError(path.startsWith(SEED_PATH) ? 'admin_bad_request' : 'request_invalid', message)

/** Codes that are answered in the seed's JSON on every path. */
const JSON_CODES: { readonly [Code in ErrorCode]?: true } = {
  admin_bad_request: true,
  admin_body_too_large: true,
  admin_not_found: true,
  not_acceptable: true,
  store_unavailable: true,
}

function refusalAnswer(
  { code, message, retryAfterSeconds }: RealtimeError,
  path: string,
): ErrorAnswer {
  const status = WIRE_ERRORS[code].http
  const isDetail = JSON_CODES[code] || (message !== '' && SEED_EVENTS.test(path))
  const answer = isDetail ? detailAnswer(status, message) : textAnswer(status, message)
  if (code === 'body_too_slow') return { ...answer, headers: { connection: 'close' } }
  if (retryAfterSeconds === undefined) return answer
  const seconds = Math.max(1, Math.ceil(retryAfterSeconds)) // the header takes whole seconds only
  return { ...answer, headers: { 'retry-after': String(seconds) } }
}

function textAnswer(status: number, message: string): ErrorAnswer {
  const body = message === '' ? '' : `${message}\n`
  return { status, body, type: CONTENT_TYPES.text, headers: {} }
}

const detailAnswer = (status: number, message: string): ErrorAnswer =>
  jsonAnswer(status, { errors: { detail: message } })

function jsonAnswer(status: number, value: object): ErrorAnswer {
  return { status, body: JSON.stringify(value), type: CONTENT_TYPES.json, headers: {} }
}
