/**
 * Idempotency keys over HTTP: `idempotency_key` of an event, for libraries that pass on what a program adds to a
 * body, and the header `Idempotency-Key` of a request. Refusals are the same on every API.
 */
import { Type } from '@sinclair/typebox'
import type { App } from '../core/app'
import { isRecord } from '../core/json'
import { checkKey } from '../core/repeats'
import type { Body } from './form'
import { invalid } from './mistake'
import { errorDetail, errorText } from './refusals'

const HEADER = 'Idempotency-Key'

/** `idempotency_key`, as bodies have it. */
export const IdempotencyKey = Type.String({
  description:
    'A repeat within ten minutes is answered as the first was, and publishes nothing more',
  examples: ['order-17-paid'],
})

/** The header for the document: a schema of the route would copy all headers of each request. */
export const KEY_PARAMETER = {
  in: 'header',
  name: HEADER,
  description:
    'A repeat within ten minutes is answered as the first was. As `idempotency_key` it may be in the body',
  example: 'order-17-paid',
  required: false,
  schema: { type: 'string' as const },
}

/** Texts of the refusals, for the document. */
export const KEY_MESSAGES = {
  409: "The first request with idempotency key 'my-key' is under way; try again",
  422: "Idempotency key 'my-key' belongs to another request",
  503: 'The app has its 1 idempotency keys of the last ten minutes (maxIdempotencyKeys); try again later',
} as const

export const KEY_REFUSALS = {
  409: errorText(KEY_MESSAGES[409]),
  422: errorText(KEY_MESSAGES[422]),
  503: errorText(KEY_MESSAGES[503]),
}

/** The same for APIs whose refusals are JSON. */
export const KEY_REFUSALS_AS_DETAIL = {
  409: errorDetail(KEY_MESSAGES[409]),
  503: errorDetail(KEY_MESSAGES[503]),
}

/** `idempotency_key` of a body that was read as JSON or a form, whose empty fields count as absent. */
export function keyIn({ value, json }: Body): unknown {
  if (!isRecord(value) || !Object.hasOwn(value, 'idempotency_key')) return undefined
  const key = value['idempotency_key']
  return key === '' && json === undefined ? undefined : key
}

/** The key in the header, without the quotes that a structured field has. @throws RealtimeError('request_invalid') */
export function keyOfHeader(app: App, { headers }: Request): string | undefined {
  const text = headers.get(HEADER)
  if (text === null) return undefined
  const isQuoted = text.length > 1 && text.startsWith('"') && text.endsWith('"')
  const key = isQuoted ? text.slice(1, -1).replace(/\\(["\\])/g, '$1') : text
  checkKey(app, key)
  return key
}

/** A key in a body, whatever it is there; undefined where it is absent or null. @throws RealtimeError('request_invalid') */
export function keyOfBody(app: App, key: unknown): string | undefined {
  if (key === undefined || key === null) return undefined
  if (typeof key !== 'string') throw invalid('Expected idempotency_key parameter to be a string')
  checkKey(app, key)
  return key
}

/** The key of a request with one event. @throws RealtimeError('request_invalid'), also where header and body differ */
export function keyOf(app: App, request: Request, inBody: unknown): string | undefined {
  const given = keyOfHeader(app, request)
  if (inBody === undefined) return given
  const own = keyOfBody(app, inBody)
  if (given !== undefined && own !== undefined && given !== own)
    throw invalid(`Expected the header ${HEADER} and idempotency_key to be the same`)
  return given ?? own
}
