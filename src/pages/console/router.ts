/** The page's own addresses, after the `#`: `#/apps/my-app/live?kind=trigger`. */
import { useEffect, useState } from 'preact/hooks'

/** What a pattern has found in an address. */
export type Params = Readonly<Record<string, string>>

/** What each page is given. */
export type PageProps = { readonly params: Params; readonly query: URLSearchParams }

export type Route = { readonly segments: readonly string[]; readonly query: URLSearchParams }

export function readRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?')
  const segments = path.split('/').filter(Boolean).map(decode)
  return { segments, query: new URLSearchParams(query) }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** The address of a page: `href(['apps', slug, 'live'])`. */
export function href(segments: readonly string[], query: Readonly<Record<string, string>> = {}) {
  const search = new URLSearchParams(query).toString()
  return `#/${segments.map(encodeURIComponent).join('/')}${search && `?${search}`}`
}

/** The parameters of a route by a pattern such as `apps/:slug/live`; undefined where it does not fit. */
export function matchRoute(pattern: string, { segments }: Route): Params | undefined {
  const parts = pattern === '' ? [] : pattern.split('/')
  if (parts.length !== segments.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of parts.entries()) {
    const segment = segments[index]!
    if (part.startsWith(':')) params[part.slice(1)] = segment
    else if (part !== segment) return undefined
  }
  return params
}

export const navigate = (to: string): void => void (location.hash = to)

/** Replaces the address without a step in the browser's history. */
export const replaceRoute = (to: string): void => location.replace(to)

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const listen = () => setHash(location.hash)
    addEventListener('hashchange', listen)
    return () => removeEventListener('hashchange', listen)
  }, [])
  return readRoute(hash)
}
