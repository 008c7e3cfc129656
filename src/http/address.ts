/**
 * Addresses of clients: the socket's, or the one that trusted proxies report. Each proxy appends the
 * address that it saw to `x-forwarded-for`, so the list is read from its right end for as long as the
 * writer is trusted; whatever a client put there itself is further left.
 */
import type { Server } from 'bun'
import { isIP, type BlockList } from 'node:net'
import { quotaKeyOf, UNIX_PEER, type ListenAddress } from '../core/addresses'
import { copyText } from '../core/json'
import { listIncludes, blockListOf } from '../core/networks'
import type { Log } from '../core/types'

const UNNAMED_PROXY =
  'a proxy that is not named in CARILLON_TRUSTED_PROXIES: the clients behind it are not told apart, and none of them is limited by its address'

/** As long as a body that is read may stand still. */
const UNREAD_SECONDS = 10

/** Whom an address that the server listens on is for: clients and backends, or those who run it. */
export type Side = 'public' | 'admin'

/** What is used here of a server that listens. */
type Listening = Pick<Server<unknown>, 'port' | 'requestIP' | 'timeout' | 'pendingRequests'>

/** An address of the server beside that of clients. */
export type Listener = { readonly server: Listening; readonly address: ListenAddress }

const LISTENER = Symbol('listener')
type Marked = Request & { [LISTENER]?: Listener }

export class Addresses {
  /** Set once the server listens. */
  server: Listening | undefined
  /** True where that has a certificate. */
  hasTls = false
  /** The same of the address for admins, where they have one of their own. */
  admins: Listener | undefined
  readonly #trusted: BlockList
  readonly #anyTrusted: boolean
  readonly #trustsUnix: boolean

  /** One that forwards without being named in the settings, the first that was seen. */
  unnamedProxy: string | undefined = undefined

  /** Addresses and networks (`10.0.0.0/8`) of proxies, and `unix`. */
  constructor(
    trustedProxies: readonly string[],
    readonly log: Pick<Log, 'warn'>,
  ) {
    this.#trusted = blockListOf(trustedProxies.filter((each) => each !== UNIX_PEER))
    this.#trustsUnix = trustedProxies.includes(UNIX_PEER)
    this.#anyTrusted = trustedProxies.length > 0
  }

  /** Marks a request that came to another address than that of clients. */
  mark(request: Marked, listener: Listener): void {
    request[LISTENER] = listener
  }

  /** Where a request came to, unless it is where clients do. */
  listenerOf(request: Marked): Listener | undefined {
    return request[LISTENER]
  }

  /** The client's address, `unix` without one; empty where the socket is gone. */
  of(request: Request): string {
    const socket = this.#isUnix(request)
      ? UNIX_PEER
      : plainAddress(this.#serverOf(request)?.requestIP(request)?.address ?? '')
    if (!this.#anyTrusted || !this.#trusts(socket)) {
      if (this.unnamedProxy === undefined) this.#hint(socket, request)
      return socket
    }
    const forwarded = request.headers.get('x-forwarded-for')?.split(',') ?? []
    let client = socket
    while (this.#trusts(client)) {
      const previous = plainAddress((forwarded.pop() ?? '').trim())
      if (isIP(previous) === 0) return client
      client = copyText(previous) // kept as long as the connection, where the header need not be
    }
    return client
  }

  /** The other end of the socket, be it a client or a proxy. */
  peerOf(request: Request): { readonly address: string; readonly port: number } {
    if (this.#isUnix(request)) return { address: UNIX_PEER, port: 0 }
    const peer = this.#serverOf(request)?.requestIP(request)
    return { address: plainAddress(peer?.address ?? ''), port: peer?.port ?? 0 }
  }

  /** Where the request came to, as text: a port, or the path of a socket. */
  placeOf(request: Request): string {
    const { address } = this.listenerOf(request) ?? {}
    return address && 'path' in address ? address.path : String(this.#serverOf(request)?.port ?? 0)
  }

  /** True for a request that came encrypted, to us or to a trusted proxy. */
  isEncrypted(request: Request): boolean {
    if (this.hasTls && !this.listenerOf(request)) return true
    const [first = ''] = request.headers.get('x-forwarded-proto')?.split(',') ?? []
    if (first.trim().toLowerCase() !== 'https' || !this.#anyTrusted) return false
    return this.#trusts(this.peerOf(request).address)
  }

  /** Requests without an answer so far, polls and streams among them. */
  get pending(): number {
    return (this.server?.pendingRequests ?? 0) + (this.admins?.server.pendingRequests ?? 0)
  }

  /** For a refused request: its unread body may never come, and holds a file descriptor until then. */
  limitUnreadBody(request: Request): void {
    if (request.method !== 'GET' && !request.bodyUsed) this.limitIdle(request, UNREAD_SECONDS)
  }

  /** Ends the request's connection unless something arrives within `seconds`. */
  limitIdle(request: Request, seconds: number): void {
    this.#serverOf(request)?.timeout(request, seconds)
  }

  get port(): number {
    return this.server?.port ?? 0
  }

  /** Warns once. A public address that sends the header is nobody's proxy. */
  #hint(remoteAddress: string, { headers }: Request): void {
    if (!headers.has('x-forwarded-for') || quotaKeyOf(remoteAddress) !== undefined) return
    this.unnamedProxy = remoteAddress
    this.log.warn({ remoteAddress }, UNNAMED_PROXY)
  }

  #isUnix(request: Marked): boolean {
    const listener = request[LISTENER]
    return listener !== undefined && 'path' in listener.address
  }

  #serverOf(request: Marked): Listening | undefined {
    return (request[LISTENER] ?? this).server
  }

  #trusts(address: string): boolean {
    if (address === UNIX_PEER) return this.#trustsUnix
    return isIP(address) !== 0 && listIncludes(this.#trusted, address)
  }
}

/** True for an address that only this machine has. */
export const isLoopbackAddress = (address: string): boolean =>
  /^(?:127(?:\.\d{1,3}){3}|::1)$/.test(address)

/** The address alone: IPv4 may be mapped into IPv6, IPv6 be in brackets, both have a port. */
function plainAddress(address: string): string {
  const bare = address.replace(/^\[(.+)\](:\d+)?$/, '$1').replace(/^::ffff:(?=\d+\.)/i, '')
  return /^\d+\.\d+\.\d+\.\d+:\d+$/.test(bare) ? bare.slice(0, bare.indexOf(':')) : bare
}
