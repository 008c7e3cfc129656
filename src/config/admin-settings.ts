/**
 * ADMIN_SETTINGS: the rows of SETTINGS that say where the admin's side is; addresses to listen on.
 */
import { isIPv6 } from 'node:net'
import type { ListenAddress } from '../core/addresses'
import { hostAlone, setting } from './setting'

/** The longest path of a socket on Linux, in bytes; see unix(7). */
const MAX_SOCKET_PATH_BYTES = 107
const MAX_PORT = 65_535
const UNIX = 'unix:'

const EXPECTED =
  'HOST:PORT, [IPv6]:PORT or unix:PATH, like 127.0.0.1:6002 or unix:/run/carillon-admin.sock'

/** What a text is that is almost an address; the first that fits is told. */
const MISTAKES: readonly (readonly [fits: (text: string) => boolean, expected: string])[] = [
  [
    (text) => /^:?\d+$/.test(text),
    'expected a host too, like 127.0.0.1:6002; 0.0.0.0:6002 would be open to every network',
  ],
  [(text) => isIPv6(text), 'expected IPv6 addresses in brackets and a port, like [::1]:6002'],
  [
    (text) => text !== UNIX && hostAlone(text.replace(/:$/, '')) !== undefined,
    'expected a port too, like 127.0.0.1:6002',
  ],
  [(text) => /^[\w+]+:\/\//.test(text), 'expected no scheme: 127.0.0.1:6002, or unix:/run/a.sock'],
  [(text) => text.startsWith('/'), 'expected unix: before the path of a socket'],
  [
    (text) => Buffer.byteLength(text) > UNIX.length + MAX_SOCKET_PATH_BYTES,
    `expected a path of at most ${MAX_SOCKET_PATH_BYTES} bytes, which is all that a socket can have`,
  ],
  [
    (text) => text.startsWith(UNIX),
    'expected an absolute path to a file, like unix:/run/carillon-admin.sock',
  ],
  [
    (text) => Number(/^.*:(\d+)$/.exec(text)?.[1]) > MAX_PORT,
    `expected a port from 0 to ${MAX_PORT}`,
  ],
]

/** Undefined for a text that is none, or could be read in more than one way. */
export function listenAddress(text: string): ListenAddress | undefined {
  if (text.startsWith(UNIX)) {
    const path = text.slice(UNIX.length)
    const isShort = Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES
    return isShort && /^(?:\/(?!\.{0,2}(?:\/|$))[^/\0]+)+$/.test(path) && path.trim() === path
      ? { path }
      : undefined
  }
  const [, brackets, name, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = brackets ?? name ?? ''
  const port = Number(digits)
  const isHost = brackets === undefined ? hostAlone(host) !== undefined : isIPv6(host)
  return isHost && port <= MAX_PORT ? { host, port } : undefined
}

/** A host, or the file of a unix socket. */
export const hostOrSocket = (text: string): string | undefined => {
  if (!text.startsWith(UNIX)) return hostAlone(text)
  return listenAddress(text) ? text : undefined
}

type HostAndPort = { readonly host: string; readonly port: number }

/** Where clients connect. */
export const publicAddress = ({ host, port }: HostAndPort): ListenAddress =>
  host.startsWith(UNIX) ? { path: host.slice(UNIX.length) } : { host, port }

/** As in the settings: `[::1]:6002`, `unix:/run/carillon-admin.sock`. */
export function formatAddress(address: ListenAddress): string {
  if ('path' in address) return `${UNIX}${address.path}`
  const { host, port } = address
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Without a slash at the end. */
function publicUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { href } = new URL(text) // its host is decoded
  const isPlain = [text, href].every((each) => /^https?:\/\/[^\s"'<>?#@]+$/i.test(each))
  return isPlain ? href.replace(/\/+$/, '') : undefined
}

type Switch = 'on' | 'off'
const SWITCH: ReadonlyMap<string, Switch> = new Map([
  ['on', 'on'],
  ['true', 'on'],
  ['1', 'on'],
  ['off', 'off'],
  ['false', 'off'],
  ['0', 'off'],
])

export const ADMIN_SETTINGS = {
  adminListen: setting<ListenAddress | undefined>({
    env: 'CARILLON_ADMIN_LISTEN',
    default: undefined,
    read: listenAddress,
    expected: EXPECTED,
    mistake: (text) => MISTAKES.find(([fits]) => fits(text))?.[1] ?? `expected ${EXPECTED}`,
    about:
      "`127.0.0.1:6002` or `unix:/run/admin.sock`: where admin API, `/console`, `/swagger`, `/metrics`, plugins' admin routes move to; outside loopback it is as `HOST` is",
  }),
  swagger: setting<Switch>({
    env: 'CARILLON_SWAGGER',
    default: 'on',
    read: (text) => SWITCH.get(text),
    expected: 'on or off',
    about: '`off`: neither `/swagger` nor its OpenAPI document is there',
  }),
  console: setting<Switch>({
    env: 'CARILLON_CONSOLE',
    default: 'on',
    read: (text) => SWITCH.get(text),
    expected: 'on or off',
    about: '`off`: `/console` is not there',
  }),
  publicUrl: setting<string | undefined>({
    env: 'CARILLON_PUBLIC_URL',
    default: undefined,
    read: publicUrl,
    expected: 'a URL without a query, like https://push.example.org',
    about:
      'where clients reach this server, with its path prefix: the console shows it; else it is where the page comes from',
  }),
}

type Addresses = {
  readonly host: string
  readonly port: number
  readonly adminListen: ListenAddress | undefined
}

/** What is wrong with an address for admins that clients have, too. */
export function sharedAddressMistake({ host, port, adminListen }: Addresses): string[] {
  if (adminListen && 'path' in adminListen && host === formatAddress(adminListen))
    return ['expected another file than that of HOST, which is for clients']
  if (!adminListen || 'path' in adminListen || port === 0 || adminListen.port !== port) return []
  return overlap(host, adminListen.host)
    ? ['expected another address than that of HOST and PORT, which is for clients']
    : []
}

const EVERY = ['0.0.0.0', '::']
const LOCAL = ['localhost', '127.0.0.1', '::1']

/** True where one host has the other, or may have it. */
export function overlap(one: string, another: string): boolean {
  const [host, other] = [one.toLowerCase(), another.toLowerCase()]
  if (host === other || EVERY.includes(host) || EVERY.includes(other)) return true
  return [host, other].includes('localhost') && LOCAL.includes(host) && LOCAL.includes(other)
}
