/** Address: where the clients and SDKs of an app find this server. */
export type Address = {
  /** As in an URL: IPv6 in brackets. */
  readonly host: string
  readonly port: number
  readonly isTls: boolean
  /** In front of all paths: empty, or `/ws`. */
  readonly prefix: string
}

/** Of URLs that name none. */
const PORTS = { http: 80, https: 443 }

/** Reads scheme, host, port and path of an URL. @throws TypeError for a text that is none */
export function parseAddress(text: string): Address {
  const { protocol, hostname, port, pathname } = new URL(text)
  const isTls = protocol === 'https:'
  return {
    host: hostname,
    port: Number(port) || PORTS[isTls ? 'https' : 'http'],
    isTls,
    prefix: pathname.replace(/\/+$/, ''),
  }
}

/** Without the port where it is the usual one. */
function show(scheme: string, { host, port, isTls, prefix }: Address): string {
  const isUsual = port === PORTS[isTls ? 'https' : 'http']
  return `${scheme}${isTls ? 's' : ''}://${host}${isUsual ? '' : `:${port}`}${prefix}`
}

/** `https://push.example.com/ws`, without a slash at the end. */
export const httpUrl = (address: Address): string => show('http', address)

/** `wss://push.example.com/ws`, without a slash at the end. */
export const socketUrl = (address: Address): string => show('ws', address)

/** True for an address that only programs on this machine can use. */
export const isLocalOnly = ({ host }: Address): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host)
