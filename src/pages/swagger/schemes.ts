/**
 * Schemes: the credentials that each operation takes, as the document has it, and the reasons for refusals
 * that name none.
 */
import type { SwaggerResponse } from 'swagger-ui-dist/swagger-ui-es-bundle.js'

export type Operation = {
  parameters?: readonly { readonly name: string; readonly in: string; example?: string }[]
  readonly security?: readonly { readonly [scheme: string]: unknown }[]
  servers?: readonly { readonly url: string }[]
}
export type Document = {
  readonly servers: readonly [{ url: string }]
  readonly paths: Record<string, Record<string, Operation>>
}

/** The document's security schemes that the bar can serve, as they are shown. */
export const SCHEMES = {
  signature: { badge: 'signed', description: 'Signed with the secret, which is not sent' },
  keyPair: { badge: 'Basic: app', description: 'Basic authentication: key and secret are sent' },
  password: { badge: 'admin', description: 'User and password are sent, or the token' },
} as const

export type Scheme = keyof typeof SCHEMES

/** The first scheme of an operation that the bar can serve; undefined for an operation without any. */
export function schemeOf({ security = [] }: Operation): Scheme | undefined {
  const names = security.flatMap((scheme) => Object.keys(scheme))
  return names.find((name): name is Scheme => Object.hasOwn(SCHEMES, name))
}

/** The scheme of a request, and its path without a prefix that a proxy may take off. */
export type RequestScheme = { readonly scheme: Scheme | undefined; readonly path: string }

/** Finds schemes by the URLs of requests; `root` is the server's, which may be below a prefix. */
export function schemeFinder({ paths }: Document, root: URL): (url: string) => RequestScheme {
  const routes = Object.entries(paths).map(([template, methods]) => ({
    path: patternOf(template),
    scheme: Object.values(methods).map(schemeOf)[0],
  }))
  const prefixChars = root.pathname.replace(/\/$/, '').length
  return (url) => {
    const path = new URL(url).pathname.slice(prefixChars)
    return { scheme: routes.find((route) => route.path.test(path))?.scheme, path }
  }
}

/** Matches the paths of an operation. */
export const patternOf = (template: string): RegExp =>
  new RegExp(`^${template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/]+')}$`)

/** The reason of a refusal that has none, since strangers get it, too; undefined where the answer has it. */
export function reasonOf(
  scheme: Scheme | undefined,
  { status, text }: Pick<SwaggerResponse, 'status' | 'text'>,
): string | undefined {
  const isBare = status === 401 && text === ''
  if (scheme === 'password' && isBare) return 'user or password in the bar is wrong'
  if (scheme !== 'keyPair') return undefined
  if (isBare) return 'key or secret in the bar is wrong'
  return status === 403 && text.includes('Access forbidden')
    ? 'key or secret in the bar is wrong, or a plugin refuses'
    : undefined
}
