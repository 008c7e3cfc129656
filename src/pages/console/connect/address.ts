/**
 * Address: where the clients and SDKs of an app find this server. The page knows how it was reached itself; the
 * server says what it cannot know: the prefix of its paths, the URL of its settings, and whether the page is at the
 * address for admins, which no client may use.
 */
export type Address = {
  /** As in an URL: IPv6 in brackets. */
  readonly host: string
  readonly port: number
  readonly isTls: boolean
  /** In front of all paths: empty, or `/ws`. */
  readonly prefix: string
}

/** What the server knows of its own address. */
export type Told = {
  /** `CARILLON_PUBLIC_URL`. */
  readonly url: string | null
  /** Of the port for clients. */
  readonly port: number
  readonly path_prefix: string
  /** False at the address for admins, where they have one of their own. */
  readonly is_here: boolean
}

const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

/** Reads scheme, host, port and path of an URL. @throws TypeError for a text that is none */
export function parseAddress(text: string): Address {
  const { protocol, hostname, port, pathname } = new URL(text)
  return {
    host: hostname,
    port: Number(port) || (PORTS[protocol] ?? 443),
    isTls: protocol === 'https:',
    prefix: pathname.replace(/\/+$/, ''),
  }
}

/**
 * The address as far as it can be known: the one of the settings, else the page's own. `page` is the page's URL. A
 * proxy may have put a prefix of its own in front of the server's.
 */
export function addressFor(page: string, { url, port, path_prefix, is_here }: Told): Address {
  if (url !== null) return parseAddress(url)
  const own = parseAddress(page)
  // The machine is the same, as far as anybody can tell; TLS and proxies of the admin's side are its own.
  if (!is_here) return { host: own.host, port, isTls: false, prefix: path_prefix }
  const front = own.prefix.replace(/\/console$/, '')
  return { ...own, prefix: front.endsWith(path_prefix) ? front : front + path_prefix }
}

const show = (scheme: string, { host, port, isTls, prefix }: Address): string =>
  `${scheme}${isTls ? 's' : ''}://${host}${port === (isTls ? 443 : 80) ? '' : `:${port}`}${prefix}`

/** `https://push.example.com/ws`, without a slash at the end. */
export const httpUrl = (address: Address): string => show('http', address)

/** `wss://push.example.com/ws`, without a slash at the end. */
export const socketUrl = (address: Address): string => show('ws', address)
