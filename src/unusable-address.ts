/**
 * Why the server cannot listen where it was told to, in the operator's words.
 */
import type { Config } from './config/config'

/** What the system says of an address, by its code. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another process (set PORT to another one)',
  EACCES: 'needs rights that this user does not have',
  EADDRNOTAVAIL: 'is not an address of this machine',
  EAFNOSUPPORT: 'is of a kind that this machine does not have',
  EINVAL: 'is not an address of this machine, nor a host that is known',
  ENOTFOUND: 'is not a host that is known',
  ERR_INVALID_ARG_TYPE: 'is not an address that the runtime can listen on',
  EAGAIN: 'could not be looked up: no name server answers',
}

/** Ports below it are for whom the system trusts. */
const FIRST_FREE_PORT = 1024
const REMEDY = `: ports below ${FIRST_FREE_PORT} do. Set PORT to a higher one and put a proxy in front, or grant CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)`

/** One line; undefined for what is no matter of the address. */
export function unusableAddress(
  cause: unknown,
  { host, port }: Pick<Config, 'host' | 'port'>,
): string | undefined {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const reason = REASONS[code]
  if (reason === undefined) return undefined
  const name = host.includes(':') ? `[${host}]` : host
  return `${name}:${port} ${reason}${code === 'EACCES' && port < FIRST_FREE_PORT ? REMEDY : ''}`
}
