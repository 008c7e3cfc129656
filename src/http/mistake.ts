/**
 * What is wrong with a request, in the words that SDK users know:
 * `Expected name parameter to be a string`.
 */

/** As the schema library reports it: `/batch/0/name`, `Expected string`. */
export type Mistake = { readonly path?: string; readonly message?: string }

const TYPE = /^Expected (string|array|object|integer|boolean)$/

/** The first mistake; the library reports a missing property before it names its type. */
export function mistakeIn(mistakes: readonly Mistake[]): string {
  const path = mistakes[0]?.path ?? ''
  const types = mistakes.map((mistake) =>
    mistake.path === path ? TYPE.exec(mistake.message ?? '')?.[1] : undefined,
  )
  const type = types.find((found) => found !== undefined)
  const shape = type
    ? `${/^[aoi]/.test(type) ? 'an' : 'a'} ${type}`
    : 'present and of the documented type'
  const name = path.slice(1).replaceAll('/', '.')
  return name === ''
    ? `Expected the request to be ${shape}`
    : `Expected ${name} parameter to be ${shape}`
}
