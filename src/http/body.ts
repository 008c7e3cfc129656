/**
 * Bodies of signed requests: parsed as JSON whatever their content type and checked against a schema, after
 * the signature. The framework's own check fails for a value without a usable `toString`, and its own
 * reading of bodies costs 2 µs a request.
 */
import { isUtf8 } from 'node:buffer'
import type { Static, TObject } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { isRecord, parseJson, describeExcess } from '../core/json'
import { describeMistake, invalid } from './mistake'
import { parseParameters } from './signed-query'

/** A signed body, and the URL, which may carry parameters, too. */
export type ReceivedBody = {
  readonly raw: Uint8Array
  readonly url: string
  /** True where the query has more than the signature. */
  readonly hasParameters: boolean
}

/**
 * A function that reads what a schema describes. Parameters may be in the query, too; the body's win
 * (contract 6.1). It throws RealtimeError('request_invalid').
 */
export function jsonBody<Schema extends TObject>(schema: Schema) {
  const checker = TypeCompiler.Compile(schema)
  return (received: ReceivedBody): Static<Schema> => {
    const text = decodeBody(received.raw)
    const given = text === '' || text === 'null' ? {} : parse(text)
    const body = received.hasParameters && given ? mergeQuery(given, received.url) : given
    if (!checker.Check(body))
      throw invalid(body ? describeMistake(checker.Errors(body)) : NOT_AN_OBJECT)
    return body
  }
}

const NOT_AN_OBJECT = 'Expected the body to be a JSON object'

/**
 * Decodes a body. Decoding puts U+FFFD where bytes are not UTF-8, so they are checked only where there is one.
 * @throws RealtimeError('request_invalid')
 */
export function decodeBody(raw: Uint8Array): string {
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString()
  if (text.includes('\ufffd') && !isUtf8(raw)) throw invalid('Expected the body to be UTF-8')
  return text
}

function mergeQuery(body: Record<string, unknown>, url: string): Record<string, unknown> {
  const parameters = parseParameters(url)
  if ('channel' in body || 'channels' in body) {
    delete parameters['channel']
    delete parameters['channels']
  }
  return { ...parameters, ...body }
}

function parse(text: string): Record<string, unknown> | undefined {
  const tooMuch = describeExcess(text)
  if (tooMuch !== undefined) throw invalid(tooMuch)
  const body = parseJson(text)
  if (!isRecord(body)) return undefined
  dropNulls(body)
  const { batch } = body
  if (Array.isArray(batch)) for (const event of batch) if (isRecord(event)) dropNulls(event)
  return body
}

/** A key that is null counts as absent (contract 6.4). */
function dropNulls(record: Record<string, unknown>): void {
  for (const key in record) if (record[key] === null) delete record[key]
}
