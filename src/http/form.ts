/**
 * Bodies of the seed's API: JSON, urlencoded or multipart, with nested names
 * (`app[name]=x&app[hosts][]=y` is `{ app: { name: 'x', hosts: ['y'] } }`).
 */
import { isRecord } from '../core/json'

type Nested = { [key: string]: unknown }

/** The body as a record; undefined where it can't be read as what it says it is. */
export async function readNested(request: Request): Promise<Nested | undefined> {
  const type = request.headers.get('content-type') ?? ''
  try {
    if (type.startsWith('multipart/form-data')) return nest(textEntries(await request.formData()))
    const text = await request.text()
    if (type.startsWith('application/x-www-form-urlencoded'))
      return nest([...new URLSearchParams(text)])
    const body: unknown = text === '' ? {} : JSON.parse(text)
    return isRecord(body) ? body : undefined
  } catch {
    return undefined // SyntaxError of the JSON, a multipart body that is none, or a name nested too deep
  }
}

function textEntries(form: FormData): [string, string][] {
  return [...form].map(([name, value]) => [name, typeof value === 'string' ? value : ''])
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

/** The empty part of `name[]` appends to a list. */
function put(target: Nested, [key = '', ...rest]: readonly string[], value: string): void {
  if (rest.length === 0) {
    target[key] = value
  } else if (rest.length === 1 && rest[0] === '') {
    const list: unknown = target[key]
    if (Array.isArray(list)) list.push(value)
    else target[key] = [value]
  } else {
    if (!isRecord(target[key])) target[key] = Object.create(null)
    put(target[key] as Nested, rest, value)
  }
}
