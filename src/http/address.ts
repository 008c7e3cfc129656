/**
 * Where a request comes from: the socket's address, or what trusted proxies say of it. Each proxy
 * appends the address that it saw to `x-forwarded-for`, so the list is believed from its right end
 * for as long as the one who wrote is trusted; whatever a client put there itself is further left.
 */
import { BlockList, isIP } from 'node:net'

export class Addresses {
  /** Set once it listens. */
  server: { requestIP(request: Request): { readonly address: string } | null } | undefined
  readonly #trusted = new BlockList()
  readonly #anyTrusted: boolean

  /** Addresses and networks (`10.0.0.0/8`) of proxies. */
  constructor(trustedProxies: readonly string[]) {
    for (const entry of trustedProxies) {
      const [address = '', bits] = entry.split('/')
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
      if (bits === undefined) this.#trusted.addAddress(address, family)
      else this.#trusted.addSubnet(address, Number(bits), family)
    }
    this.#anyTrusted = trustedProxies.length > 0
  }

  /** Empty where the socket is gone. */
  of(request: Request): string {
    const socket = plain(this.server?.requestIP(request)?.address ?? '')
    if (!this.#anyTrusted || !this.#trusts(socket)) return socket
    const told = request.headers.get('x-forwarded-for')?.split(',') ?? []
    let client = socket
    while (this.#trusts(client)) {
      const before = plain((told.pop() ?? '').trim())
      if (isIP(before) === 0) return client
      client = before
    }
    return client
  }

  #trusts(address: string): boolean {
    const family = isIP(address)
    return family !== 0 && this.#trusted.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** An IPv4 address may come in the dress of an IPv6 one, an IPv6 one in brackets, both with a port. */
function plain(address: string): string {
  const bare = address.replace(/^\[(.+)\](:\d+)?$/, '$1').replace(/^::ffff:(?=\d+\.)/i, '')
  return /^\d+\.\d+\.\d+\.\d+:\d+$/.test(bare) ? bare.slice(0, bare.indexOf(':')) : bare
}
