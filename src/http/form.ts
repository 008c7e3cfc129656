/**
 * Bodies of the seed's API: JSON, urlencoded or multipart, with nested names
 * (`app[name]=x&app[hosts][]=y` is `{ app: { name: 'x', hosts: ['y'] } }`).
 */
import { isUtf8 } from 'node:buffer'
import { RealtimeError } from '../core/errors'
import { isRecord } from '../core/json'
import { bytesOf, type BodyCodes } from './bytes'

type Nested = { [key: string]: unknown }

/** More than any app needs. */
const MAX_BYTES = 1024 * 1024
const BODY_CODES: BodyCodes = { tooLarge: 'admin_body_too_large', brokenOff: 'admin_bad_request' }

/**
 * The body as a record; undefined where it is none, or can't be read as what it says it is.
 * @throws as `readBody`
 */
export async function readNested(request: Request): Promise<Nested | undefined> {
  const body = await readBody(request)
  return isRecord(body) ? body : undefined
}

/**
 * The body; undefined where it can't be read as what it says it is.
 * @throws RealtimeError('admin_body_too_large' | 'admin_bad_request') for more than a megabyte, and for what is
 *   no UTF-8 or does not come whole
 */
export async function readBody(request: Request): Promise<unknown> {
  const bytes = await readBytes(request)
  try {
    return await parsed(request.headers.get('content-type') ?? '', bytes)
  } catch (cause) {
    if (cause instanceof URIError) throw notUtf8()
    return undefined // SyntaxError of the JSON, a multipart body that is none, or a name nested too deep
  }
}

/** The body as text, whatever it says it is. @throws as `readBody` */
export const readText = async (request: Request): Promise<string> =>
  Buffer.from(await readBytes(request)).toString()

async function readBytes(request: Request): Promise<Uint8Array> {
  const bytes = await bytesOf(request, MAX_BYTES, BODY_CODES)
  if (!isUtf8(bytes)) throw notUtf8()
  return bytes
}

const notUtf8 = (): RealtimeError => new RealtimeError('admin_bad_request', 'The body is not UTF-8')

async function parsed(type: string, bytes: Uint8Array): Promise<unknown> {
  const media = type.split(';')[0]!.trim().toLowerCase()
  if (media === 'multipart/form-data') {
    const headers = { 'content-type': type }
    const form = await new Response(new Blob([Buffer.from(bytes)]), { headers }).formData()
    return nest(textEntries(form as unknown as Form))
  }
  const text = new TextDecoder().decode(bytes)
  if (media === 'application/x-www-form-urlencoded') {
    for (const [escapes] of text.matchAll(ESCAPES)) decodeURIComponent(escapes)
    return nest([...new URLSearchParams(text)])
  }
  return text === '' ? {} : JSON.parse(text)
}

/** `URLSearchParams` repairs those that are no UTF-8; `decodeURIComponent` throws. */
const ESCAPES = /(?:%[\da-f]{2})+/gi

/** A form, whichever library's types say so. */
type Form = Iterable<readonly [name: string, value: unknown]>

function textEntries(form: Form): [string, string][] {
  return Array.from(form, ([name, value]) => [name, typeof value === 'string' ? value : ''])
}

const PARTS = /^([^[\]]+)((?:\[[^[\]]*\])*)$/
/** `app[limits][max_presence_members]` has three. */
const MAX_PARTS = 8

/** @throws RangeError for a name of too many parts */
function nest(entries: readonly [string, string][]): Nested {
  const root: Nested = Object.create(null)
  for (const [name, value] of entries) {
    const [, first = name, rest = ''] = PARTS.exec(name) ?? []
    const parts = Array.from(rest.matchAll(/\[([^[\]]*)\]/g), ([, part = '']) => part)
    if (parts.length >= MAX_PARTS) throw new RangeError(`${parts.length} parts in one name`)
    put(root, [first, ...parts], value)
  }
  return root
}

/** The empty part of `name[]` stands for a list. */
function put(target: Nested, [key = '', ...rest]: readonly string[], value: string): void {
  if (rest.length === 0) {
    target[key] = value
  } else if (rest[0] === '') {
    if (!Array.isArray(target[key])) target[key] = []
    append(target[key] as unknown[], rest.slice(1), value)
  } else {
    if (!isRecord(target[key])) target[key] = Object.create(null)
    put(target[key] as Nested, rest, value)
  }
}

/** `hooks[][url]=a&hooks[][kind]=b` is one entry; a name that the last entry has already begins the next. */
function append(list: unknown[], parts: readonly string[], value: string): void {
  if (parts.length === 0) {
    list.push(value)
    return
  }
  const last = list.at(-1)
  if (isRecord(last) && !has(last, parts)) {
    put(last, parts, value)
  } else {
    const entry: Nested = Object.create(null)
    put(entry, parts, value)
    list.push(entry)
  }
}

function has(record: Nested, [key = '', ...rest]: readonly string[]): boolean {
  const inner = record[key]
  if (rest.length === 0) return inner !== undefined
  return isRecord(inner) && has(inner, rest)
}
