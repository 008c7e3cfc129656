/**
 * Errors as answers. Pusher's SDKs show error bodies as they are, so they are one line of plain
 * text; the admin API answers as the seed's does. Nothing tells more than the caller may know.
 */
import { ValidationError } from 'elysia'
import type { Core } from '../core/core'
import { RealtimeError, type ErrorCode } from '../core/errors'
import { wireError } from '../protocols/errors'
import type { FieldErrors } from './app-fields'
import { mistakeIn, type Mistake } from './mistake'
import { pathOf } from './url'

export type ErrorAnswer = {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers: Record<string, string>
}

/** What is wrong with an app, field by field. */
export class FieldError extends RealtimeError {
  constructor(readonly errors: FieldErrors) {
    super('app_invalid', 'The app is invalid')
  }
}

export type Failure = {
  /** The framework's name for it. */
  readonly code: unknown
  readonly error: unknown
  readonly request: Request
  readonly requestId: string
}

const ADMIN_PATH = '/api/admin/'

/** An instance of our class is asked for first: the framework reads an error's `code` before its own name for it. */
export function explain(core: Core, { code, error, request, requestId }: Failure): ErrorAnswer {
  if (error instanceof FieldError) return json(422, { errors: error.errors })
  if (error instanceof RealtimeError) return refused(error)
  const isAdmin = pathOf(request.url).startsWith(ADMIN_PATH)
  if (code === 'NOT_FOUND') return isAdmin ? detail(404, 'Not Found') : text(404, 'Unknown route')
  if (error instanceof ValidationError && error.type !== 'response')
    return text(400, mistakeIn(error.all as readonly Mistake[]))
  if (code === 'PARSE') return text(400, 'Expected the body to be readable')
  core.counters.faults++
  core.log.error({ err: error, requestId }, 'fault')
  if (isAdmin) return detail(500, 'Internal Server Error')
  return text(500, `Internal server error (${requestId})`)
}

/** Answered as the seed's API does, and not as text. */
const DETAILS: { readonly [Code in ErrorCode]?: true } = {
  admin_bad_request: true,
  admin_body_too_large: true,
  admin_not_found: true,
}

function refused({ code, message, retryAfterSeconds }: RealtimeError): ErrorAnswer {
  const status = wireError(code).http
  if (DETAILS[code]) return detail(status, message)
  if (retryAfterSeconds === undefined) return text(status, message)
  const seconds = Math.max(1, Math.ceil(retryAfterSeconds)) // the header takes whole seconds only
  return { ...text(status, message), headers: { 'retry-after': String(seconds) } }
}

function text(status: number, message: string): ErrorAnswer {
  const body = message === '' ? '' : `${message}\n`
  return { status, body, type: 'text/plain; charset=utf-8', headers: {} }
}

const detail = (status: number, message: string): ErrorAnswer =>
  json(status, { errors: { detail: message } })

function json(status: number, value: object): ErrorAnswer {
  return { status, body: JSON.stringify(value), type: 'application/json', headers: {} }
}
