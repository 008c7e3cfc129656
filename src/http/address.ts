/**
 * Where a request comes from: the socket's address, or what trusted proxies say of it. Each proxy
 * appends the address that it saw to `x-forwarded-for`, so the list is believed from its right end
 * for as long as the one who wrote is trusted; whatever a client put there itself is further left.
 */
import { isIP, type BlockList } from 'node:net'
import { countedAs } from '../core/addresses'
import { copyText } from '../core/json'
import { holds, listOf } from '../core/networks'
import type { Log } from '../core/types'

const UNNAMED_PROXY =
  'a proxy that is not named in CARILLON_TRUSTED_PROXIES: the clients behind it are not told apart, and none of them is limited by its address'

/** What is asked of the port. */
type Listening = {
  readonly port?: number | undefined
  requestIP(request: Request): { readonly address: string; readonly port: number } | null
  timeout(request: Request, seconds: number): void
  readonly pendingRequests: number
}

/** As long as the body of a request that is read may stand still. */
const UNREAD_SECONDS = 10

export class Addresses {
  /** Set once it listens. */
  server: Listening | undefined
  readonly #trusted: BlockList
  readonly #anyTrusted: boolean

  #hinted = false

  /** Addresses and networks (`10.0.0.0/8`) of proxies. */
  constructor(
    trustedProxies: readonly string[],
    readonly log: Pick<Log, 'warn'>,
  ) {
    this.#trusted = listOf(trustedProxies)
    this.#anyTrusted = trustedProxies.length > 0
  }

  /** Empty where the socket is gone. */
  of(request: Request): string {
    const socket = plain(this.server?.requestIP(request)?.address ?? '')
    if (!this.#anyTrusted || !this.#trusts(socket)) {
      if (!this.#hinted) this.#hint(socket, request)
      return socket
    }
    const told = request.headers.get('x-forwarded-for')?.split(',') ?? []
    let client = socket
    while (this.#trusts(client)) {
      const before = plain((told.pop() ?? '').trim())
      if (isIP(before) === 0) return client
      client = copyText(before) // kept as long as the connection, where the header need not be
    }
    return client
  }

  /** The other end of the socket, whoever is trusted. */
  peerOf(request: Request): { readonly address: string; readonly port: number } {
    const peer = this.server?.requestIP(request)
    return { address: plain(peer?.address ?? ''), port: peer?.port ?? 0 }
  }

  /** Requests that were not answered yet, those that wait by right among them. */
  get pending(): number {
    return this.server?.pendingRequests ?? 0
  }

  /** It was refused. Where its body was not read, it need not be waited for: it may never come, and holds a file descriptor. */
  letGo(request: Request): void {
    if (request.method !== 'GET' && !request.bodyUsed) this.hurry(request, UNREAD_SECONDS)
  }

  /** Its connection ends unless something comes within so many seconds. */
  hurry(request: Request, seconds: number): void {
    this.server?.timeout(request, seconds)
  }

  get port(): number {
    return this.server?.port ?? 0
  }

  /** Once. A public address that says for whom it asks is nobody's proxy. */
  #hint(remoteAddress: string, { headers }: Request): void {
    if (!headers.has('x-forwarded-for') || countedAs(remoteAddress) !== undefined) return
    this.#hinted = true
    this.log.warn({ remoteAddress }, UNNAMED_PROXY)
  }

  #trusts(address: string): boolean {
    return isIP(address) !== 0 && holds(this.#trusted, address)
  }
}

/** True for an address that only this machine has. */
export const isLoopbackAddress = (address: string): boolean =>
  /^(?:127(?:\.\d{1,3}){3}|::1)$/.test(address)

/** An IPv4 address may come in the dress of an IPv6 one, an IPv6 one in brackets, both with a port. */
function plain(address: string): string {
  const bare = address.replace(/^\[(.+)\](:\d+)?$/, '$1').replace(/^::ffff:(?=\d+\.)/i, '')
  return /^\d+\.\d+\.\d+\.\d+:\d+$/.test(bare) ? bare.slice(0, bare.indexOf(':')) : bare
}
