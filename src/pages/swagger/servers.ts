/**
 * Servers: an operation may name one of its own, as those of apps do at an address for admins. They are taken out
 * of the document: the reference would show a list at each, with nothing to choose from.
 */
import { patternOf, type Document } from './schemes'

export type Servers = {
  /** Where a request is sent that the reference has made for the document's server. */
  readonly sendTo: (url: string, method: string) => string
  /** The reverse. */
  readonly madeFor: (url: string) => string
}

/** `root` is the document's server, `at` the document's URL. */
export function takeServers({ paths }: Document, root: URL, at: URL): Servers {
  const rootUrl = root.href.replace(/\/$/, '')
  const moved = Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      const [server] = operation.servers ?? []
      delete operation.servers
      return server
        ? [{ method, path: patternOf(template), url: new URL(server.url, at).href }]
        : []
    }),
  )
  const urls = new Set(moved.map(({ url }) => url))
  return {
    sendTo(url, method) {
      const rest = url.slice(rootUrl.length)
      const [path = ''] = rest.split('?')
      const found = moved.find(
        (each) => each.method === method.toLowerCase() && each.path.test(path),
      )
      return found ? `${found.url}${rest}` : url
    },
    madeFor(url) {
      const found = [...urls].find((each) => url.startsWith(`${each}/`))
      return found === undefined ? url : `${rootUrl}${url.slice(found.length)}`
    },
  }
}
