/**
 * The cookie of a session: how it is called, written and read. Browsers keep cookies by host and path, not by port, so
 * its name tells servers of one host apart.
 */
import type { Addresses } from './address'
import { prefixOf } from './place'

const NAME = 'carillon_session_'

/** Values of one name that are looked at: usually there is one. */
const MAX_VALUES = 8

/** The port that the browser knows, and where the request came to: behind proxies one of them may be the same. */
export function cookieName(request: Request, addresses: Addresses): string {
  const [, port = ''] = /:(\d+)$/.exec(request.headers.get('host') ?? '') ?? []
  return NAME + Bun.hash.crc32(`${port} ${addresses.placeOf(request)}`).toString(16)
}

/** The values of the cookie, as they were sent: none, one, or what another site has planted beside it. */
export function readSecrets(request: Request, addresses: Addresses): readonly string[] {
  const header = request.headers.get('cookie')
  if (header === null || !header.includes(NAME)) return []
  const start = `${cookieName(request, addresses)}=`
  const values = header.split(';').map((part) => part.trim())
  const own = values.filter((part) => part.startsWith(start))
  return own.slice(0, MAX_VALUES).map((part) => part.slice(start.length))
}

/** Where the cookie is sent to: the server, and no other that has the host's other paths. */
export function cookiePath(request: Request): string {
  const prefix = prefixOf(request)
  return /^(?:\/[\w.~-]+)+$/.test(prefix) ? prefix : '/'
}

export type CookieTerms = {
  readonly name: string
  readonly path: string
  readonly isSecure: boolean
}

/** The value of `set-cookie`; no seconds take the cookie away. */
export function writeCookie(
  { name, path, isSecure }: CookieTerms,
  secret: string,
  seconds: number,
): string {
  const secure = isSecure ? '; Secure' : ''
  return `${name}=${secret}; Path=${path}; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`
}

/** True where the browser has come by https, which its page says, too: not every proxy is named. */
export const isByHttps = (request: Request, addresses: Addresses): boolean =>
  addresses.isEncrypted(request) || Boolean(request.headers.get('origin')?.startsWith('https://'))
