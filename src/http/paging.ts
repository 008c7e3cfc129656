/** Paging: what lists that are read a page at a time take, and how their answers end. */
import { Type } from '@sinclair/typebox'
import type { FieldErrors } from '../apps/fields'
import { quote } from '../core/errors'
import { FieldError } from './errors'
import type { Envelope } from './lists'
import { invalid } from './mistake'
import { textSchema } from './schemas'

/** An object of somebody else's, or nothing. */
export const infoOrNull = (description: string) =>
  Type.Union([Type.Object({}, { additionalProperties: true }), Type.Null()], { description })

export type PageLimit = { readonly usual: number; readonly most: number }

/** Fields of a query; `cursor` is an example. */
export const pageFields = ({ usual, most }: PageLimit, cursor: string) => ({
  limit: Type.Optional(textSchema(`So many at most, 1 to ${most}; else ${usual}`, '100')),
  cursor: Type.Optional(textSchema('`next` of the page before', cursor)),
})

/** Of an answer. */
export const Next = Type.Union([Type.String(), Type.Null()], {
  description: '`cursor` of the next page; null at the end',
})

/** Reads a limit; a mistake is added to the errors. */
export function readLimit(
  errors: FieldErrors,
  raw: string | undefined,
  { usual, most }: PageLimit,
): number {
  if (raw === undefined) return usual
  const limit = /^\d{1,9}$/.test(raw) ? Number(raw) : 0
  if (limit < 1 || limit > most) errors['limit'] = [limitMistake(raw, most)]
  return limit
}

/** The same for the signed API. @throws RealtimeError('request_invalid') */
export function requireLimit(raw: string | undefined, { usual, most }: PageLimit): number {
  const errors: FieldErrors = {}
  const limit = readLimit(errors, raw, { usual, most })
  if (errors['limit'])
    throw invalid(`limit '${quote(raw ?? '')}'; expected a number from 1 to ${most}`)
  return limit
}

export const limitMistake = (raw: string, most: number): string =>
  `is ${quote(raw)}; expected a number from 1 to ${most}`

/** @throws FieldError where there are any */
export function raiseMistakes(errors: FieldErrors): void {
  if (Object.keys(errors).length > 0) throw new FieldError(errors)
}

/** Before and after the entries of a page, in these brackets; `next` is undefined at the end. */
export const pageEnvelope = (
  next: string | undefined,
  [before, after]: Envelope = ['{"data":[', ']'],
): Envelope => [before, `${after},"next":${JSON.stringify(next ?? null)}}`]
