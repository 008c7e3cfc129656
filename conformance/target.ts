/** The server that is driven: where it is, and the credentials of an app of its. */

import { isIP } from 'node:net'

export type Target = {
  readonly url: string
  readonly isTls: boolean
  /** As it stands in addresses: an IPv6 address has its brackets. */
  readonly host: string
  readonly port: number
  /** What stands before `/app` and `/apps`: empty, or `/prefix`. */
  readonly prefix: string
  readonly appId: string
  readonly key: string
  readonly secret: string
}

export type Credentials = Pick<Target, 'appId' | 'key' | 'secret'>

/** Makes the target of an address. @throws Error with what is wrong with it, in a line */
export function makeTarget(url: string, credentials: Credentials): Target {
  const parsed = URL.parse(url)
  if (!parsed) throw new Error('--url is no address; it looks like http://127.0.0.1:6001')
  const { protocol, hostname, port, pathname, username, password, search, hash } = parsed
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new Error(`--url begins with http:// or https://, not with ${protocol}//`)
  if (username || password)
    throw new Error('--url has no name or password in it; pass --key and --secret')
  if (search || hash) throw new Error('--url has neither a query nor a fragment')
  const isTls = protocol === 'https:'
  // The stock client hands the host to TLS as a name, where this runtime takes no address.
  if (isTls && isIP(hostname.replace(/^\[|\]$/g, '')) !== 0)
    throw new Error('--url with https:// needs a name such as localhost in place of the address')
  const prefix = pathname.replace(/\/+$/, '')
  return {
    url: `${protocol}//${parsed.host}${prefix}`,
    isTls,
    host: hostname,
    port: Number(port) || (isTls ? 443 : 80),
    prefix,
    ...credentials,
  }
}

/** The address without brackets, as sockets take it. */
export const bareHost = ({ host }: Target): string => host.replace(/^\[|\]$/g, '')

/** True where a server is on this machine; others may be somebody else's. */
export function isHere(target: Target): boolean {
  const host = bareHost(target)
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** The address of a WebSocket for a key. */
export const socketUrl = ({ url }: Target, key: string, query: string): string =>
  `${url.replace(/^http/, 'ws')}/app/${key}${query === '' ? '' : `?${query}`}`

/** Takes the secret out of a text that will be shown. */
export const redact = (text: string, { secret }: Credentials): string =>
  secret === '' ? text : text.replaceAll(secret, '(the secret)')
