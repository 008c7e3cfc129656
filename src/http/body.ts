/**
 * Bodies: read once, kept as bytes for the signature, parsed as JSON whatever the content type says,
 * checked against the schema of the route. What is wrong with a body is told only after its
 * signature was found right, so it is kept until then.
 *
 * The check is here and not the framework's, whose error for a value without a usable `toString`
 * is itself an error.
 */
import { isUtf8 } from 'node:buffer'
import type { Static, TObject } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { RealtimeError } from '../core/errors'
import { isRecord } from '../core/json'
import { mistakeIn } from './mistake'
import { pairsOf, queryParameters, type Pair } from './url'

/** What a route knows of its body before the schema: the bytes, and what is wrong with them. */
export type ReceivedBody = {
  raw: Uint8Array
  mistake: RealtimeError | undefined
  /** The query, where the body's parser has read it. */
  pairs: readonly Pair[] | undefined
}
export const NO_BODY: ReceivedBody = { raw: new Uint8Array(), mistake: undefined, pairs: undefined }

/**
 * What these parsers use of the framework's context. They touch its fields and never pass it on:
 * the framework reads their source, and would parse cookies, headers and query for a stranger.
 */
type Context = ReceivedBody & { readonly request: Request }

/** Parameters may come in the query string; the body's win (contract 6.1). */
export function jsonBody<Schema extends TObject>(schema: Schema, maxBytes: number) {
  const checker = TypeCompiler.Compile(schema)
  return async (context: { readonly request: Request }): Promise<Static<Schema>> => {
    const received = context as Context
    const raw = new Uint8Array(await received.request.arrayBuffer())
    received.raw = raw
    const pairs = pairsOf(received.request.url)
    received.pairs = pairs
    const text = textOf(raw)
    received.mistake = mistakeInBytes(raw, text, maxBytes)
    const body = received.mistake ? {} : withQuery(text === '' ? {} : parse(text), pairs)
    if (!received.mistake && !checker.Check(body))
      received.mistake = invalid(body ? mistakeIn([...checker.Errors(body)]) : NOT_AN_OBJECT)
    return (body ?? {}) as Static<Schema> // nothing would make the framework look for another parser
  }
}

const NOT_AN_OBJECT = 'Expected the body to be a JSON object'

const invalid = (message: string): RealtimeError => new RealtimeError('request_invalid', message)

/** For the deprecated form whose body *is* the data. */
export function textBody(maxBytes: number) {
  return async (context: { readonly request: Request }): Promise<string> => {
    const received = context as Context
    const raw = new Uint8Array(await received.request.arrayBuffer())
    received.raw = raw
    const text = textOf(raw)
    received.mistake = mistakeInBytes(raw, text, maxBytes)
    return text
  }
}

/** Decoding puts U+FFFD where bytes are no UTF-8: the bytes are looked at only where there is one. */
function mistakeInBytes(
  raw: Uint8Array,
  text: string,
  maxBytes: number,
): RealtimeError | undefined {
  if (raw.length > maxBytes)
    return new RealtimeError(
      'data_too_large',
      `The body of ${raw.length} bytes exceeds the limit of ${maxBytes}`,
    )
  if (text.includes('\ufffd') && !isUtf8(raw)) return invalid('Expected the body to be UTF-8')
  return undefined
}

function withQuery(body: Record<string, unknown> | undefined, pairs: readonly Pair[]) {
  const query = queryParameters(pairs)
  if (!query || !body) return body
  const { channel, channels, ...rest } = query
  const named = 'channel' in body || 'channels' in body ? {} : defined({ channel, channels })
  return { ...named, ...rest, ...body }
}

const defined = (record: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text)
    return isRecord(body) ? body : undefined
  } catch {
    return undefined // SyntaxError, or RangeError for text nested too deep
  }
}
