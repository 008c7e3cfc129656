/**
 * The order of a tag's operations: that of the routes, but what deletes comes last, and what hangs on
 * an app before the app. Tried from top to bottom, each finds what those above it have made.
 */
export type Listed = { readonly method: string; readonly path: string }

export const inOrder = (a: Listed, b: Listed): number => lateness(a) - lateness(b)

function lateness({ method, path }: Listed): number {
  return method === 'delete' ? 1 / path.split('/').length : 0
}
