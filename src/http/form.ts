/**
 * Bodies of the seed's API: JSON, urlencoded or multipart, with nested names
 * (`app[name]=x&app[hosts][]=y` is `{ app: { name: 'x', hosts: ['y'] } }`).
 */
import { isUtf8 } from 'node:buffer'
import { RealtimeError } from '../core/errors'
import { BODY_LIMITS, isRecord, describeExcess, type JsonLimits } from '../core/json'
import { scanObject, type JsonSlice } from '../core/json-scan'
import { maxRequestBytes, type Limits } from '../core/limits'
import type { Uploads } from '../core/uploads'
import { readBytes, type BodyCodes } from './bytes'

type Nested = { [key: string]: unknown }

/** How long a body may be, and how much work to parse. */
export type BodyLimits = {
  readonly bytes: number
  /** Of an urlencoded form: escapes take 25 ns a byte to read (Bun 1.4.5). */
  readonly formBytes: number
  /** Fields of a form; more than any app, event or push has. */
  readonly fields: number
  readonly json: JsonLimits
}

/** Of admins: at most 25 ms of parsing. */
export const ADMIN_BODY: BodyLimits = {
  bytes: 1024 * 1024,
  formBytes: 512 * 1024,
  fields: 8192,
  json: { weight: 2 * BODY_LIMITS.weight, levels: Infinity },
}
/** Of an app's backend: at most 5 ms. */
export const bodyLimitsOf = (limits: Limits): BodyLimits => ({
  bytes: maxRequestBytes(limits),
  // The longest event, whose bytes are three characters each where none is a Latin letter, and its other fields.
  formBytes: Math.max(maxRequestBytes(limits) / 4, 3 * limits.maxEventDataBytes + 65_536),
  fields: 2048,
  json: BODY_LIMITS,
})
export const BODY_CODES: BodyCodes = {
  tooLarge: 'admin_body_too_large',
  brokenOff: 'admin_bad_request',
}

type Parsed = { readonly value: unknown; readonly json: string | undefined }

/** `value` is undefined where the body can't be parsed as its content type; `json` is its text where it is JSON. */
export type Body = Parsed & { readonly bytes: number }

/** The value of a key as it was written; undefined where it is absent or null, or a form was sent. */
export function sliceOf(json: string | undefined, key: string): JsonSlice | undefined {
  const [slice] = (json === undefined ? undefined : scanObject(json, [key])) ?? []
  return slice?.text === 'null' ? undefined : slice
}

/**
 * Reads the body as its content type.
 * @throws RealtimeError('admin_body_too_large' | 'admin_bad_request') for more than `limits` allow, for a
 *   body that is not UTF-8 or is broken off
 */
export async function readBody(
  uploads: Uploads,
  request: Request,
  limits = ADMIN_BODY,
): Promise<Body> {
  const bytes = await readUtf8Bytes(uploads, request, limits.bytes)
  try {
    const parsed = await parseBody(request.headers.get('content-type') ?? '', bytes, limits)
    return { ...parsed, bytes: bytes.length }
  } catch (cause) {
    if (cause instanceof RealtimeError) throw cause
    if (cause instanceof URIError) throw unreadable(NOT_UTF8)
    // SyntaxError of the JSON, a multipart body that is none, or a name nested too deep
    return { value: undefined, json: undefined, bytes: bytes.length }
  }
}

/** Reads the body as text, whatever its content type. @throws as `readBody` */
export const readText = async (uploads: Uploads, request: Request): Promise<string> =>
  Buffer.from(await readUtf8Bytes(uploads, request, ADMIN_BODY.bytes)).toString()

async function readUtf8Bytes(
  uploads: Uploads,
  request: Request,
  maxBytes: number,
): Promise<Uint8Array> {
  const bytes = await readBytes(uploads, request, maxBytes, BODY_CODES)
  if (!isUtf8(bytes)) throw unreadable(NOT_UTF8)
  return bytes
}

const NOT_UTF8 = 'The body is not UTF-8'
const unreadable = (message: string): RealtimeError =>
  new RealtimeError('admin_bad_request', message)

async function parseBody(type: string, bytes: Uint8Array, limits: BodyLimits): Promise<Parsed> {
  const media = type.split(';')[0]!.trim().toLowerCase()
  if (media === 'multipart/form-data') {
    const headers = { 'content-type': type }
    requireFewParts(type, bytes, limits)
    const form = await new Response(new Blob([Buffer.from(bytes)]), { headers }).formData()
    const entries = Array.from(form.entries(), ([name, value]): [string, string] => [
      name,
      typeof value === 'string' ? value : '',
    ])
    return { value: nest(entries, limits), json: undefined }
  }
  const text = new TextDecoder().decode(bytes)
  if (media === 'application/x-www-form-urlencoded') {
    requireShortForm(bytes, limits)
    requireFewFields(text.split('&', limits.fields + 1), limits)
    const pairs = [...new URLSearchParams(text)]
    requireUtf8(text, pairs)
    return { value: nest(pairs, limits), json: undefined }
  }
  const tooMuch = describeExcess(text, limits.json)
  if (tooMuch !== undefined) throw unreadable(tooMuch)
  return { value: text === '' ? {} : JSON.parse(text), json: text }
}

/**
 * `URLSearchParams` repairs what is no UTF-8 with U+FFFD, `decodeURIComponent` throws. Where there is
 * none nothing was repaired, and decoding twice is saved.
 */
function requireUtf8(text: string, pairs: readonly [string, string][]): void {
  if (pairs.some((pair) => pair.some((part) => part.includes('\ufffd'))))
    decodeURIComponent(text.replaceAll(STRAY_PERCENT, ''))
}
const STRAY_PERCENT = /%(?![\da-f]{2})/gi

function requireShortForm({ length }: Uint8Array, { formBytes: most }: BodyLimits): void {
  if (length > most)
    throw new RealtimeError('admin_body_too_large', `The form has more than ${most} bytes`)
}

function requireFewFields(
  { length }: Pick<readonly unknown[], 'length'>,
  { fields }: BodyLimits,
): void {
  if (length > fields) throw unreadable(`The form has more than ${fields} fields`)
}

/** Counted before they are parsed, which takes 0.5 µs each. */
function requireFewParts(type: string, bytes: Uint8Array, limits: BodyLimits): void {
  const [, quoted, plain] = BOUNDARY.exec(type) ?? []
  const end = `\r\n--${quoted ?? plain ?? ''}`
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  let length = 0
  for (let at = body.indexOf(end); at !== -1; at = body.indexOf(end, at + end.length))
    requireFewFields({ length: ++length }, limits)
}
const BOUNDARY = /;\s*boundary=(?:"([^"]*)"|([^\s;]*))/i

/** `app[limits][max_presence_members]` has three. */
const MAX_PARTS = 8
const MAX_NAME_CHARS = 1024

/** @throws RealtimeError for too many fields, RangeError for a name that is too long, or of too many parts */
function nest(entries: readonly [string, string][], limits: BodyLimits): Nested {
  requireFewFields(entries, limits)
  const root: Nested = Object.create(null)
  for (const [name, value] of entries) {
    if (name.length > MAX_NAME_CHARS) throw new RangeError(`a name of ${name.length} characters`)
    const parts = partsOf(name)
    if (parts.length > MAX_PARTS) throw new RangeError(`${parts.length} parts in one name`)
    put(root, parts, 0, value)
  }
  return root
}

/** `app[hosts][]` is `['app', 'hosts', '']`; any other form is one part. */
function partsOf(name: string): readonly string[] {
  const open = name.indexOf('[')
  if (open < 1 || !name.endsWith(']')) return [name]
  const parts = [name.slice(0, open), ...name.slice(open + 1, -1).split('][')]
  return parts.some((part) => part.includes('[') || part.includes(']')) ? [name] : parts
}

/** Puts a value at the place that the parts from `at` on name. The empty part of `name[]` stands for a list. */
function put(target: Nested, parts: readonly string[], at: number, value: string): void {
  const key = parts[at]!
  if (at === parts.length - 1) {
    target[key] = value
  } else if (parts[at + 1] === '') {
    if (!Array.isArray(target[key])) target[key] = []
    append(target[key] as unknown[], parts, at + 2, value)
  } else {
    if (!isRecord(target[key])) target[key] = Object.create(null)
    put(target[key] as Nested, parts, at + 1, value)
  }
}

/** `hooks[][url]=a&hooks[][kind]=b` is one entry; a name that the last entry has already begins the next. */
function append(list: unknown[], parts: readonly string[], at: number, value: string): void {
  if (at === parts.length) return void list.push(value)
  const last = list.at(-1)
  const entry: Nested = isRecord(last) && !has(last, parts, at) ? last : Object.create(null)
  if (entry !== last) list.push(entry)
  put(entry, parts, at, value)
}

function has(record: Nested, parts: readonly string[], at: number): boolean {
  const inner = record[parts[at]!]
  if (at === parts.length - 1) return inner !== undefined
  return isRecord(inner) && has(inner, parts, at + 1)
}
