/**
 * Bodies of signed requests: read once, as bytes, for the signature; parsed as JSON whatever the
 * content type says; checked against a schema, all only after the signature was found right.
 *
 * The check is here and not the framework's, whose error for a value without a usable `toString`
 * is itself an error; and its own reading of bodies costs 2 µs a request.
 */
import { isUtf8 } from 'node:buffer'
import type { Static, TObject, TSchema } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { RealtimeError } from '../core/errors'
import { isRecord } from '../core/json'
import { mistakeIn } from './mistake'
import { queryParameters } from './signed-query'

/** A body and what else may bring parameters. */
export type ReceivedBody = {
  readonly raw: Uint8Array
  readonly url: string
  /** True where the query brings more than the signature. */
  readonly hasParameters: boolean
}

/** @throws RealtimeError('request_invalid') where the body does not come whole */
export async function bytesOf(request: Request): Promise<Uint8Array> {
  try {
    return new Uint8Array(await request.arrayBuffer())
  } catch (cause) {
    throw new RealtimeError('request_invalid', 'Expected the body to be readable', { cause })
  }
}

/**
 * Reads what a schema describes. Parameters may come in the query string; the body's win (contract 6.1).
 * The function that is returned throws RealtimeError('data_too_large' | 'request_invalid').
 */
export function jsonBody<Schema extends TObject>(schema: Schema, maxBytes: number) {
  const checker = TypeCompiler.Compile(schema)
  return (received: ReceivedBody): Static<Schema> => {
    const text = textBody(received.raw, maxBytes)
    const given = text === '' ? {} : parse(text)
    const body = received.hasParameters && given ? withQuery(given, received.url) : given
    if (!checker.Check(body))
      throw invalid(body ? mistakeIn([...checker.Errors(body)]) : NOT_AN_OBJECT)
    return body
  }
}

const NOT_AN_OBJECT = 'Expected the body to be a JSON object'

const invalid = (message: string): RealtimeError => new RealtimeError('request_invalid', message)

/**
 * A body as text; decoding puts U+FFFD where bytes are no UTF-8: they are looked at only where there is one.
 * @throws RealtimeError('data_too_large' | 'request_invalid')
 */
export function textBody(raw: Uint8Array, maxBytes: number): string {
  if (raw.length > maxBytes)
    throw new RealtimeError(
      'data_too_large',
      `The body of ${raw.length} bytes exceeds the limit of ${maxBytes}`,
    )
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString()
  if (text.includes('\ufffd') && !isUtf8(raw)) throw invalid('Expected the body to be UTF-8')
  return text
}

/** The document's words for a body that the framework does not read. */
export const documented = (schema: TSchema, type = 'application/json') => ({
  requestBody: { content: { [type]: { schema } }, required: true },
})

function withQuery(body: Record<string, unknown>, url: string): Record<string, unknown> {
  const { channel, channels, ...rest } = queryParameters(url)
  const named = 'channel' in body || 'channels' in body ? {} : defined({ channel, channels })
  return { ...named, ...rest, ...body }
}

const defined = (record: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text)
    return isRecord(body) ? body : undefined
  } catch {
    return undefined // SyntaxError, or RangeError for text nested too deep
  }
}
