/**
 * Binds to the addresses that the server listens on, files of unix sockets among them. What the operator can
 * mend is told in one line.
 */
import type { Server } from 'bun'
import { lstatSync, renameSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { formatAddress } from './config/admin-settings'
import type { ListenAddress } from './core/addresses'

/** An address that cannot be listened on, in one line. */
export class AddressError extends Error {
  override readonly name = 'AddressError'
}

/** What is wrong with an address, by the system's error code. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another process',
  EACCES: 'needs rights that this user does not have',
  EADDRNOTAVAIL: 'is not an address of this machine',
  EAFNOSUPPORT: 'is of a kind that this machine does not have',
  EINVAL: 'is not an address of this machine, nor a host that is known',
  ENOTFOUND: 'is not a host that is known',
  ERR_INVALID_ARG_TYPE: 'is not an address that the runtime can listen on',
  EAGAIN: 'could not be looked up: no name server answers',
}

/** The same for the file of a unix socket. */
const FILE_REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: REASONS['EADDRINUSE']!,
  EACCES: REASONS['EACCES']!,
  EPERM: REASONS['EACCES']!,
  ENOENT: 'is in a folder that does not exist',
  ENOTDIR: 'is in a folder that is none',
  EROFS: 'is on a file system that is read-only',
  ENAMETOOLONG: 'is longer than the path of a socket may be',
}

/** Ports below it need rights. */
const FIRST_FREE_PORT = 1024

/** An address, and the setting that it is from. */
export type Place = {
  readonly address: ListenAddress
  readonly setting: string
  /** Everybody who gets to the file of a socket may connect; else its owner alone. */
  readonly isForAll?: boolean
  /** Another process listens there, and is about to stop. */
  readonly isShared?: boolean
}

/** Why the server cannot listen, in one line; undefined for any other error. */
export function describeAddressError(cause: unknown, { address, setting }: Place) {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const isFile = 'path' in address
  const reason = (isFile ? FILE_REASONS : REASONS)[code]
  if (reason === undefined) return undefined
  const line = `${formatAddress(address)} ${reason}`
  if (code === 'EADDRINUSE') return `${line} (set ${setting} to another one)`
  if (code !== 'EACCES' || isFile || address.port >= FIRST_FREE_PORT) return line
  return `${line}: ports below ${FIRST_FREE_PORT} do. Set ${setting} to a higher one and put a proxy in front, or grant CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)`
}

/**
 * What the runtime is told of an address: `hostname` and `port`, or `unix`. Its types allow no `idleTimeout` beside
 * `unix`, which it heeds all the same (Bun 1.4.5).
 */
export type Binding = {
  readonly hostname: string
  readonly port: number
  readonly reusePort: boolean
}

/**
 * Listens. A port that nobody has is shared from then on with whoever asks for a shared one: another certificate, or
 * the next version of this server. A socket file that a dead process has left is removed first; the runtime removes ours
 * at the stop.
 * @throws AddressError, or the system's error where it is none of the address
 */
export async function bind<Listening>(
  place: Place,
  serve: (at: Binding) => Listening,
): Promise<Listening> {
  const { address } = place
  try {
    if ('host' in address) return serve({ ...claimPort(place, address), reusePort: true })
    const { path } = address
    if (!place.isShared) await makeRoom(place, path)
    const own = place.isShared ? `${path}-${process.pid}` : path
    const at: object = { unix: own }
    const listening = withMask(place.isForAll ? 0o111 : 0o177, () => serve(at as Binding))
    if (place.isShared) renameSync(own, path) // the socket of the other process has no name any more
    return listening
  } catch (cause) {
    const line = describeAddressError(cause, place)
    throw line === undefined ? cause : new AddressError(line, { cause })
  }
}

/**
 * Fails where somebody has the port: two that share one do so in silence.
 * @throws the system's error
 */
function claimPort({ isShared }: Place, { host: hostname, port }: { host: string; port: number }) {
  if (isShared) return { hostname, port }
  const alone = Bun.serve({ hostname, port, reusePort: false, fetch: () => new Response() })
  void alone.stop(true)
  return { hostname, port: alone.port ?? port }
}

/**
 * Returns what removes the file of a socket, where that is still the one that it is now. The runtime removes only the
 * name that it has bound to.
 */
export function removalOf(path: string): () => void {
  const inodeOf = (): number | undefined => lstatSync(path, { throwIfNoEntry: false })?.ino
  const own = inodeOf()
  return () => {
    if (own !== undefined && inodeOf() === own) unlinkSync(path)
  }
}

/** A server that listens, and where; with the port that the system gave. */
export type Bound = { readonly server: Server<undefined>; readonly address: ListenAddress }

/** Listens at an address that is not that of clients. @throws as `bind` does */
export async function bindBeside(
  place: Place,
  serve: (at: Binding) => Server<undefined>,
): Promise<Bound> {
  const { address } = place
  const server = await bind(place, serve)
  const port = server.port
  return {
    server,
    address: 'path' in address || port === undefined ? address : { ...address, port },
  }
}

/** Runs what makes a file, which at no time has the rights that the mask takes away. */
function withMask<T>(mask: number, make: () => T): T {
  const before = process.umask(mask)
  try {
    return make()
  } finally {
    process.umask(before)
  }
}

/** Removes a socket that nobody listens on any more. @throws AddressError for anything else that is there */
async function makeRoom({ address, setting }: Place, path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) return
  const name = formatAddress(address)
  if (!found.isSocket())
    throw new AddressError(`${name} is there and is no socket (remove it, or set ${setting})`)
  const code = await errorOfConnecting(path)
  if (code !== 'ECONNREFUSED') {
    const isForbidden = code === 'EACCES' || code === 'EPERM'
    throw Object.assign(new Error(name), { code: isForbidden ? code : 'EADDRINUSE' })
  }
  // Another process may have taken the place meanwhile.
  if (lstatSync(path, { throwIfNoEntry: false })?.ino === found.ino) unlinkSync(path)
}

/** The code of the system's error; undefined where somebody listens. */
function errorOfConnecting(path: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const socket = connect(path)
  socket.on('connect', () => resolve(undefined))
  socket.on('error', (cause) => resolve('code' in cause ? String(cause.code) : ''))
  return promise.finally(() => socket.destroy())
}
