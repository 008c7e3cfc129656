/** What a change has changed, value by value: `history[0].size` from 100 to 500. */

/** A value that is there on one side only is undefined on the other. */
export type Difference = {
  /** `limits.max_connections`, `webhooks[0].url`. */
  readonly path: string
  /** As JSON, texts as they are. */
  readonly before: string | undefined
  readonly after: string | undefined
}

type Fields = Readonly<Record<string, unknown>>

/** In the order of the fields; those that are new come last. */
export function differencesOf(before: Fields | null, after: Fields | null): Difference[] {
  const [old, now] = [flatten(before ?? {}), flatten(after ?? {})]
  const paths = new Set([...old.keys(), ...now.keys()])
  return [...paths]
    .filter((path) => old.get(path) !== now.get(path))
    .map((path) => ({ path, before: old.get(path), after: now.get(path) }))
}

/** The leaves of a value, by path. What holds nothing is a leaf. */
function flatten(fields: Fields): Map<string, string> {
  const leaves = new Map<string, string>()
  const add = (path: string, value: unknown): void => {
    if (Array.isArray(value) && value.length > 0)
      for (const [index, item] of value.entries()) add(`${path}[${index}]`, item)
    else if (isFilled(value))
      for (const [name, item] of Object.entries(value)) add(`${path}.${name}`, item)
    else leaves.set(path, textOf(value))
  }
  for (const [name, value] of Object.entries(fields)) add(name, value)
  return leaves
}

const isFilled = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && hasFields(value)

const hasFields = (value: object): boolean => Object.keys(value).length > 0

/** Texts that would not be seen, or taken for another value. */
const UNCLEAR = /^(?:$|[-\d"[{]|(?:true|false|null)$)/

const textOf = (value: unknown): string =>
  typeof value === 'string' && !UNCLEAR.test(value) ? value : JSON.stringify(value)
