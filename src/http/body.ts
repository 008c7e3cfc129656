/**
 * Bodies: read once, kept as bytes for the signature, parsed as JSON whatever the content type says,
 * checked against the schema of the route. What is wrong with a body is told only after its
 * signature was found right, so it is kept until then.
 *
 * The check is here and not the framework's, whose error for a value without a usable `toString`
 * is itself an error.
 */
import type { Static, TObject } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { isRecord } from '../core/json'
import { mistakeIn } from './mistake'
import { pairsOf, queryParameters } from './url'

/** What a route knows of its body before the schema: the bytes, and what is wrong with them. */
export type ReceivedBody = { raw: Uint8Array; mistake: string | undefined }
export const NO_BODY: ReceivedBody = { raw: new Uint8Array(), mistake: undefined }

type Context = { readonly request: Request }

/** Parameters may come in the query string; the body's win (contract 6.1). */
export function jsonBody<Schema extends TObject>(schema: Schema) {
  const checker = TypeCompiler.Compile(schema)
  return async (context: Context): Promise<Static<Schema>> => {
    const raw = await readBytes(context)
    const query = queryParameters(pairsOf(context.request.url))
    const parsed = raw.length === 0 ? {} : parse(raw)
    const body: unknown = parsed && { ...query, ...parsed }
    if (!checker.Check(body)) {
      const mistake = parsed
        ? mistakeIn([...checker.Errors(body)])
        : 'Expected the body to be a JSON object'
      received(context).mistake = mistake
    }
    return (body ?? {}) as Static<Schema> // nothing would make the framework look for another parser
  }
}

/** For the deprecated form whose body *is* the data. */
export async function textBody(context: Context): Promise<string> {
  return textOf(await readBytes(context))
}

/** The framework makes one such record per request, with the defaults of `NO_BODY`. */
const received = (context: Context): ReceivedBody => context as unknown as ReceivedBody

async function readBytes(context: Context): Promise<Uint8Array> {
  const raw = new Uint8Array(await context.request.arrayBuffer())
  received(context).raw = raw
  return raw
}

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()

function parse(raw: Uint8Array): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(textOf(raw))
    return isRecord(body) ? body : undefined
  } catch {
    return undefined // SyntaxError, or RangeError for text nested too deep
  }
}
