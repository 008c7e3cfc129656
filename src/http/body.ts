/**
 * Bodies of signed requests: parsed as JSON whatever their content type and checked against a schema, after
 * the signature. The framework's own check fails for a value without a usable `toString`, and its own
 * reading of bodies costs 2 µs a request.
 */
import { isUtf8 } from 'node:buffer'
import { KindGuard, type Static, type TArray, type TObject, type TSchema } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { BODY_LIMITS, describeExcess, isRecord, parseJson } from '../core/json'
import { countEntries, scanArray, scanObject } from '../core/json-scan'
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
 * (contract 6.1). All data of a body may have so many bytes, and what is longer need not be read: `data` of hundreds of
 * kilobytes that is no text takes 8 ms. It throws RealtimeError('request_invalid').
 */
export function jsonBody<Schema extends TObject>(schema: Schema) {
  const checker = TypeCompiler.Compile(schema)
  return (received: ReceivedBody, dataBytes = Infinity): Static<Schema> => {
    const text = decodeBody(received.raw)
    const given = text === '' || text === 'null' ? {} : parse(text, schema, dataBytes)
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

function parse(
  text: string,
  schema: TObject,
  dataBytes: number,
): Record<string, unknown> | undefined {
  const body = hasManyKeys(text) ? readObject(text, schema) : parseBounded(text, dataBytes)
  if (!isRecord(body)) return undefined
  dropNulls(body)
  const { batch } = body
  if (Array.isArray(batch)) for (const event of batch) if (isRecord(event)) dropNulls(event)
  return body
}

/**
 * With more keys only what its schema has is read of a body: to parse 32 000 keys takes 5 ms, to pass over them 1.
 * Lists without keys are parsed in half the time that passing over them takes, and that is done several times
 * (Bun 1.4.5).
 */
const MANY_KEYS = 2000

/** Of a body without its data: names are texts, so this is for spaces and what nobody reads. */
const REST_CHARS = 65_536

/** @throws RealtimeError('request_invalid') for more than can be parsed in a turn */
function parseBounded(text: string, dataBytes: number): unknown {
  const tooMuch = describeExcess(text, { ...BODY_LIMITS, chars: dataBytes + REST_CHARS })
  if (tooMuch !== undefined) throw invalid(tooMuch)
  return parseJson(text)
}

/** Counts colons, also those in texts: there are no more keys than these. */
function hasManyKeys(text: string): boolean {
  if (text.length < MANY_KEYS) return false
  let colons = 0
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1))
    if (++colons > MANY_KEYS) return true
  return false
}

/** Undefined for any other text. Objects and lists are empty where the schema has no keys or entries: `data` is sent as it was written. */
function readObject(text: string, { properties }: TObject): unknown {
  const keys = Object.keys(properties)
  const slices = scanObject(text, keys)
  if (!slices) return undefined
  const read: Record<string, unknown> = {}
  slices.forEach((slice, index) => {
    const key = keys[index]!
    if (slice) read[key] = readValue(slice.text, properties[key]!)
  })
  return read
}

function readValue(text: string, schema: TSchema): unknown {
  if (text.startsWith('{')) return KindGuard.IsObject(schema) ? readObject(text, schema) : {}
  if (!text.startsWith('[')) return parseJson(text)
  return KindGuard.IsArray(schema) ? readList(text, schema) : []
}

/** As long as the list is, but of one that is too long no entries. */
function readList(text: string, { items, maxItems = Infinity }: TArray): unknown[] {
  const entries = scanArray(text, maxItems + 1) ?? []
  if (entries.length > maxItems) return Array<unknown>(countEntries(text))
  return entries.map((entry) => readValue(entry.text, items))
}

/** A key that is null counts as absent (contract 6.4). */
function dropNulls(record: Record<string, unknown>): void {
  for (const key in record) if (record[key] === null) delete record[key]
}
