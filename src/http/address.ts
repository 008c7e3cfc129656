/**
 * Addresses of clients: the socket's, or the one that trusted proxies report. Each proxy appends the
 * address that it saw to `x-forwarded-for`, so the list is read from its right end for as long as the
 * writer is trusted; whatever a client put there itself is further left.
 */
import type { Server } from 'bun'
import { isIP, type BlockList } from 'node:net'
import { quotaKeyOf, UNIX_PEER, type ListenAddress } from '../core/addresses'
import type { App } from '../core/app'
import { REFUSE, type Refusal } from '../core/errors'
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
const PLAIN = Symbol('plain')
const PASSED_ON = Symbol('passed on')
type Marked = Request & { [LISTENER]?: Listener; [PLAIN]?: true; [PASSED_ON]?: Peer }

/** The other end of a socket. */
export type Peer = { readonly address: string; readonly port: number }

/** Entries of a list of proxies that are looked at, from its right end; each takes 2 µs, and a header has room for thousands. */
const MAX_HOPS = 64

const entriesIn = (list: string | null): string[] => list?.split(',').slice(-MAX_HOPS) ?? []

/** Schemes of requests by TLS. */
const ENCRYPTED = ['https', 'wss']

export class Addresses {
  /** Set once the server listens. */
  server: Listening | undefined
  /** The same of the address for admins, where they have one of their own. */
  admins: Listener | undefined
  /** Clients connect through the file of a unix socket. */
  isUnix = false
  /** The public port has TLS. */
  isTls = false
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
  of(request: Request, { address: socket }: Peer = this.peerOf(request)): string {
    if (!this.#anyTrusted || !this.#trusts(socket)) {
      if (this.unnamedProxy === undefined) this.#hint(socket, request)
      return socket
    }
    const forwarded = entriesIn(request.headers.get('x-forwarded-for'))
    let client = socket
    while (this.#trusts(client)) {
      const previous = plainAddress((forwarded.pop() ?? '').trim())
      if (isIP(previous) === 0) return client
      client = copyText(previous) // kept as long as the connection, where the header need not be
    }
    return client
  }

  /**
   * True for a request that its client has sent by TLS: to us, or to the trusted proxies that say so. Of a list the
   * entry counts that the outermost trusted proxy has written.
   */
  isEncrypted(request: Request): boolean {
    const own = this.isTls && !this.listenerOf(request) && !(request as Marked)[PLAIN]
    if (!this.#anyTrusted || !this.#trusts(this.peerOf(request).address)) return own
    const told = schemesIn(request.headers)
    if (told.length === 0) return own
    const from = entriesIn(request.headers.get('x-forwarded-for'))
    const trusted = from.toReversed().findIndex((each) => !this.#trusts(plainAddress(each.trim())))
    const hops = trusted === -1 ? from.length : trusted + 1
    return ENCRYPTED.includes(told[Math.max(0, told.length - Math.max(1, hops))]!)
  }

  /** The refusal of a request without TLS by an app that accepts nothing else. */
  checkEncrypted({ record }: App, request: Request): Refusal | undefined {
    return record.tlsOnly && !this.isEncrypted(request) ? REFUSE.tlsRequired : undefined
  }

  /** The host that the client has asked for, as trusted proxies have it. Empty without one. */
  hostOf(request: Request): string {
    const own = request.headers.get('host') ?? ''
    if (!this.#anyTrusted || !this.#trusts(this.peerOf(request).address)) return own
    return request.headers.get('x-forwarded-host')?.split(',')[0]?.trim() || own
  }

  /** Marks a request of which another process has the socket: one whose place this one has taken, or another worker. */
  markForwarded(request: Marked, peer: Peer): void {
    request[PASSED_ON] = peer
  }

  /** True for a request of which another process has the socket. */
  isForwarded(request: Marked): boolean {
    return request[PASSED_ON] !== undefined
  }

  /** Marks a request that came to the port of plain HTTP, where the public one has TLS. */
  markPlain(request: Marked): void {
    request[PLAIN] = true
  }

  /** The other end of the socket, be it a client or a proxy. */
  peerOf(request: Marked): Peer {
    if (this.#isUnix(request)) return { address: UNIX_PEER, port: 0 }
    if (request[PASSED_ON]) return request[PASSED_ON]
    const peer = this.#serverOf(request)?.requestIP(request)
    return { address: plainAddress(peer?.address ?? ''), port: peer?.port ?? 0 }
  }

  /** Where the request came to, as text: a port, or the path of a socket. */
  placeOf(request: Request): string {
    const { address } = this.listenerOf(request) ?? {}
    return address && 'path' in address ? address.path : String(this.#serverOf(request)?.port ?? 0)
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
    return listener === undefined ? this.isUnix : 'path' in listener.address
  }

  #serverOf(request: Marked): Listening | undefined {
    return (request[LISTENER] ?? this).server
  }

  #trusts(address: string): boolean {
    if (address === UNIX_PEER) return this.#trustsUnix
    return isIP(address) !== 0 && listIncludes(this.#trusted, address)
  }
}

/**
 * What proxies say of the scheme, the client's first: `x-forwarded-proto`, else `proto` of `Forwarded` (RFC 7239).
 */
function schemesIn(headers: Headers): readonly string[] {
  const plain = headers.get('x-forwarded-proto')
  const list = plain ?? headers.get('forwarded')
  const found = entriesIn(list).map((each) => {
    const value = plain === null ? (/(?:^|;)\s*proto="?([^";\s]+)/i.exec(each)?.[1] ?? '') : each
    return value.trim().toLowerCase()
  })
  return found.some((each) => each !== '') ? found : []
}

/** The host of a `Host` header without its port; undefined for what cannot stand in a URL as it is. */
export const hostWithoutPort = (host: string): string | undefined =>
  /^([\w.-]+|\[[\da-f:]+\])(?::\d*)?$/i.exec(host)?.[1]

/** True for an address that only this machine has. */
export const isLoopbackAddress = (address: string): boolean =>
  /^(?:127(?:\.\d{1,3}){3}|::1)$/.test(address)

/** The address alone: IPv4 may be mapped into IPv6, IPv6 be in brackets, both have a port. */
function plainAddress(address: string): string {
  if (!address.includes(':') && !address.startsWith('[')) return address // without the patterns, 1.6 µs a connect
  const bare = address.replace(/^\[(.+)\](:\d+)?$/, '$1').replace(/^::ffff:(?=\d+\.)/i, '')
  return /^\d+\.\d+\.\d+\.\d+:\d+$/.test(bare) ? bare.slice(0, bare.indexOf(':')) : bare
}
