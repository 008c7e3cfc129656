/**
 * Read-only: values that many may look at and nobody may change. A write throws a TypeError, which names its
 * author; where a type can't be frozen it is made to a copy that refuses to be changed.
 */

/** Freezes a value that came from JSON, and all that is in it. Returns it. O(its nodes). */
export function freezeDeep<T>(value: T): T {
  const left: unknown[] = [value]
  while (left.length > 0) {
    const each = left.pop()
    if (typeof each !== 'object' || each === null || ArrayBuffer.isView(each)) continue
    if (Object.isFrozen(each)) continue
    left.push(...Object.values(Object.freeze(each)))
  }
  return value
}

/**
 * Headers that can only be read: a `Headers` to whoever asks `instanceof` or makes a copy, and none to methods that
 * are borrowed from `Headers.prototype`. Copies nothing: a copy costs a handshake 2 µs (Bun 1.4.5).
 */
export const readOnlyHeaders = (headers: Headers): Headers =>
  new HeadersReader(headers) as unknown as Headers

/** A query that can only be read, likewise. */
export const readOnlyQuery = (query: URLSearchParams): URLSearchParams =>
  new QueryReader(query) as unknown as URLSearchParams

class HeadersReader {
  readonly #headers: Headers

  constructor(headers: Headers) {
    this.#headers = headers
    Object.freeze(this)
  }

  get(name: string): string | null {
    return this.#headers.get(name)
  }
  has(name: string): boolean {
    return this.#headers.has(name)
  }

  static {
    const readers = ['getAll', 'entries', 'keys', 'values', 'toJSON', 'getSetCookie'] as const
    readThrough(HeadersReader, Headers, (reader) => reader.#headers, [...readers, 'count'])
    refuseWrites(this.prototype, ['append', 'delete', 'set'])
  }
}

class QueryReader {
  readonly #query: URLSearchParams

  constructor(query: URLSearchParams) {
    this.#query = query
    Object.freeze(this)
  }

  get(name: string): string | null {
    return this.#query.get(name)
  }
  has(name: string, value?: string): boolean {
    return value === undefined ? this.#query.has(name) : this.#query.has(name, value)
  }

  static {
    const readers = ['getAll', 'entries', 'keys', 'values', 'toJSON', 'toString'] as const
    readThrough(QueryReader, URLSearchParams, (reader) => reader.#query, [...readers, 'size'])
    refuseWrites(this.prototype, ['append', 'delete', 'set', 'sort'])
  }
}

type Pairs = Headers | URLSearchParams

/** Gives a class the methods and getters of another, which are those of the value behind it. */
function readThrough<Reader extends object>(
  { prototype }: { readonly prototype: Reader },
  of: { readonly prototype: Pairs },
  valueBehind: (reader: Reader) => Pairs,
  names: readonly string[],
): void {
  for (const name of names) {
    const { value: method, get } = Object.getOwnPropertyDescriptor(of.prototype, name) ?? {}
    if (get) Object.defineProperty(prototype, name, { get: reading })
    else if (method) Object.defineProperty(prototype, name, { value: reading })
    function reading(this: Reader, ...given: unknown[]): unknown {
      return Reflect.apply(get ?? (method as () => unknown), valueBehind(this), given)
    }
  }
  const value = function (this: Reader) {
    return valueBehind(this)[Symbol.iterator]()
  }
  Object.defineProperty(prototype, Symbol.iterator, { value })
  Object.defineProperty(prototype, 'forEach', { value: forEachPair })
  Object.setPrototypeOf(prototype, of.prototype)
}

/** As theirs: it must not hand out the value behind. */
function forEachPair(
  this: Pairs,
  act: (value: string, name: string, parent: Pairs) => unknown,
  receiver?: unknown,
): void {
  for (const [name, value] of this) act.call(receiver, value, name, this)
}

/** Not as methods of the class: the types of these are methods for some authors, and properties for others. */
function refuseWrites(prototype: object, methods: readonly string[]): void {
  const value = (): never => {
    throw new TypeError('Attempted to change what is read only: make a copy')
  }
  for (const method of methods) Object.defineProperty(prototype, method, { value })
  Object.freeze(prototype)
}
