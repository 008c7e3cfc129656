/**
 * Answers for errors. Pusher's SDKs show error bodies as they are, so they are one line of plain text; the
 * admin API answers as the seed's does. No answer reveals more than the caller may know.
 */
import { takenFields } from '../apps/changes'
import {
  InvalidCookieSignature,
  InvalidFileType,
  NotFoundError,
  ParseError,
  ValidationError,
} from 'elysia'
import type { App } from '../core/app'
import { AppConflict, AppOutdated } from '../core/apps'
import type { Core } from '../core/core'
import { RealtimeError, type ErrorCode, type Refusal } from '../core/errors'
import { noteHttpRefusal } from '../core/refusals'
import { WIRE_ERRORS } from '../protocols/errors'
import type { Addresses } from './address'
import type { FieldErrors } from '../apps/fields'
import { CONTENT_TYPES } from './headers'
import { describeMistake, invalid, type Mistake } from './mistake'
import { pathOf } from './place'

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
  readonly error: unknown
  readonly request: Request
  readonly requestId: string
  readonly addresses: Addresses
  /** The app whose API the request is to, if that is known. */
  readonly app: App | undefined
}

/** The admin API, and those of ExPusherLite and PushEx. */
const SEED_PATH = '/api/'
/** Where every refusal is the seed's JSON; the admin API has some in plain text. */
const SEED_EVENTS = /^\/api\/(?:apps\/|push)/

/** Where a page signs in, which reads JSON. */
const SESSIONS = /^\/api\/admin\/sessions?(?:\/|$)/
/** What the seed's answers do not say. */
const SESSION_WORDS: { readonly [Code in ErrorCode]?: string } = {
  admin_unauthorized: 'Nobody is signed in',
  login_failed: 'The user or the password is wrong',
}

/** The answer for a failure. Logs refusals and faults. */
export function explain(core: Core, failure: Failure): ErrorAnswer {
  const refused = explainRefusal(core, failure)
  if (refused) return refused
  const { error, request, requestId } = failure
  core.counters.faults++
  core.log.error({ err: error, requestId }, 'fault')
  return explainFault(request, requestId)
}

/** The answer for a refusal, which is logged; undefined for a fault. */
export function explainRefusal(core: Core, failure: Failure): ErrorAnswer | undefined {
  const path = pathOf(failure.request.url)
  const refused = refusalIn(failure.error, path.startsWith(SEED_PATH))
  if (!refused) return undefined
  logRefusal(core, refused, failure)
  return refusalAnswer(refused, path)
}

/** The answer for a fault: the id of the request finds it in the log. */
export function explainFault(request: Request, requestId: string): ErrorAnswer {
  return pathOf(request.url).startsWith(SEED_PATH)
    ? detailAnswer(500, 'Internal Server Error')
    : textAnswer(500, `Internal server error (${requestId})`)
}

const OUTDATED = 'was changed by somebody else at the same time; look at it and try again'

/** Ours, or one of the framework's; undefined for a fault. */
function refusalIn(error: unknown, isSeed: boolean): RealtimeError | undefined {
  if (error instanceof RealtimeError) return error
  if (error instanceof AppConflict) return new FieldError(takenFields(error.fields))
  if (error instanceof AppOutdated) return new FieldError({ app: [OUTDATED] })
  if (error instanceof NotFoundError)
    return new RealtimeError('path_not_found', isSeed ? 'Not Found' : 'Unknown route')
  if (error instanceof ParseError) return invalid('Expected the body to be readable')
  if (error instanceof InvalidCookieSignature)
    return invalid('Expected cookies as they were signed')
  if (error instanceof InvalidFileType)
    return invalid(`Expected ${error.property} to be a file of the documented type`)
  return error instanceof ValidationError && error.type !== 'response'
    ? invalid(describeMistake(error.all as readonly Mistake[]))
    : undefined
}

/** Notes a refusal; called directly for answers that are made without an error. */
export function logRefusal(
  core: Core,
  refused: Pick<Refusal, 'code' | 'message' | 'plugin' | 'wrongSignature'>,
  { request, requestId, addresses, app }: Omit<Failure, 'error'>,
): void {
  const [remoteAddress, path] = [addresses.of(request), pathOf(request.url)]
  noteHttpRefusal(core, refused, { remoteAddress, app, requestId, path })
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
  try {
    decodeURIComponent(path)
  } catch {
    throw badRequest(path, 'Expected the path to be percent-encoded UTF-8') // URIError
  }
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

function refusalAnswer(refused: RealtimeError, path: string): ErrorAnswer {
  if (refused instanceof FieldError) return jsonAnswer(refused.status, { errors: refused.errors })
  const { code, message, retryAfterSeconds } = refused
  const status = WIRE_ERRORS[code].http
  if (message === '' && SESSIONS.test(path)) return detailAnswer(status, SESSION_WORDS[code] ?? '')
  const isDetail =
    JSON_CODES[code] ||
    (code === 'engine_unavailable' && path.startsWith(SEED_PATH)) ||
    SESSIONS.test(path) ||
    (code === 'path_not_found' && path.startsWith(SEED_PATH)) ||
    (message !== '' && SEED_EVENTS.test(path))
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
