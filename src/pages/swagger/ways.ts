/**
 * How each operation asks for credentials, as the document says: what is sent for it, what the bar must
 * hold for that, and what it means when the server says no and not why.
 */

/** The names of the document's security schemes that the bar can serve. */
export type Way = 'signature' | 'keyPair' | 'password'

export type Operation = {
  readonly parameters?: readonly { readonly name: string; readonly in: string; example?: string }[]
  readonly security?: readonly { readonly [scheme: string]: unknown }[]
}
export type Document = {
  readonly servers: readonly [{ url: string }]
  readonly paths: Record<string, Record<string, Operation>>
}

/** What the list and messages say of a way. */
export const WAYS: Readonly<Record<Way, { readonly badge: string; readonly says: string }>> = {
  signature: { badge: 'signed', says: 'Signed with the secret, which is not sent' },
  keyPair: { badge: 'Basic: app', says: 'Basic authentication: key and secret are sent' },
  password: { badge: 'Basic: admin', says: 'Basic authentication: user and password are sent' },
}

/** The first way that an operation takes and the bar can serve; undefined where it asks for nothing. */
export function wayOf({ security = [] }: Operation): Way | undefined {
  const names = security.flatMap((scheme) => Object.keys(scheme))
  return names.find((name): name is Way => Object.hasOwn(WAYS, name))
}

/** What a request's address says: its way, and its path without a prefix that a proxy may take off. */
export type Asked = { readonly way: Way | undefined; readonly path: string }

/** Reads the addresses of a server's requests; `root` is that of the server, which may be below a prefix. */
export function waysOf({ paths }: Document, root: URL): (url: string) => Asked {
  const routes = Object.entries(paths).map(([template, methods]) => ({
    path: pathOf(template),
    way: Object.values(methods).map(wayOf)[0],
  }))
  const above = root.pathname.replace(/\/$/, '').length
  return (url) => {
    const path = new URL(url).pathname.slice(above)
    return { way: routes.find((route) => route.path.test(path))?.way, path }
  }
}

const pathOf = (template: string): RegExp =>
  new RegExp(`^${template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/]+')}$`)

type Refused = { readonly status: number; readonly text: string }
type Meaning = {
  readonly way: Way
  readonly status: number
  readonly text: RegExp
  readonly says: string
}

/** Refusals that do not say what is wrong, since strangers get them, too. */
const MEANINGS: readonly Meaning[] = [
  { way: 'password', status: 401, text: /^$/, says: 'user or password in the bar is wrong' },
  { way: 'keyPair', status: 401, text: /^$/, says: 'key or secret in the bar is wrong' },
  {
    way: 'keyPair',
    status: 403,
    text: /Access forbidden/,
    says: 'key or secret in the bar is wrong, or a plugin refuses',
  },
]

/** What a refusal means for whoever filled in the bar; undefined where the answer says it itself. */
export const meaningOf = (way: Way | undefined, { status, text }: Refused): string | undefined =>
  MEANINGS.find((row) => row.way === way && row.status === status && row.text.test(text))?.says
