/**
 * Addresses: how much each client address holds, so that none holds all. Loopback and private ones are not
 * counted: they are proxies, containers and benches with many clients behind them. Behind a trusted proxy
 * the address is the client's own.
 */
import { isIP } from 'node:net'
import { groupsIn, listIncludes, ipv4In, blockListOf } from './networks'
import { WideMap } from './wide-map'

/** Where the server listens: an address of the network, or the file of a unix socket. */
export type ListenAddress =
  { readonly host: string; readonly port: number } | { readonly path: string }

/** The other ends of unix sockets, which have no address; they are not counted. */
export const UNIX_PEER = 'unix'

const UNCOUNTED = blockListOf([
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '100.64.0.0/10', // shared by carriers and clouds within their own networks
  '::1',
  'fc00::/7',
  'fe80::/10',
])

/** IPv4 addresses written as IPv6: a translator (RFC 6052) puts all of them into one /64. */
const MAPPED = blockListOf(['::ffff:0:0/96', '64:ff9b::/96'])

/**
 * The client behind an address: the address itself, or for IPv6 its /64, from which a client may use any
 * address. Empty for what is no address.
 */
export function clientOf(address: string): string {
  const plain = plainOf(address)
  const family = isIP(plain)
  if (family !== 6) return family === 4 ? plain : ''
  return `${groupsIn(plain, 0, 4)}::/64`
}

/** The key under which an address is counted. Undefined for uncounted ones, and for what is no address. */
export function quotaKeyOf(address: string): string | undefined {
  if (address.startsWith('127.')) return undefined // the usual proxy, without a lookup
  const plain = plainOf(address)
  return isIP(plain) === 0 || listIncludes(UNCOUNTED, plain) ? undefined : clientOf(plain)
}

/** The address without its zone, and as IPv4 where it is a mapped one. */
export function plainOf(address: string): string {
  if (isIP(address) === 4) return address
  const [plain = ''] = address.split('%')
  return isIP(plain) === 6 && listIncludes(MAPPED, plain) ? ipv4In(plain, 12) : plain
}

/** Counts of one kind of thing, by the keys of `quotaKeyOf`. */
export class AddressCounts {
  readonly #held = new WideMap<string, number>()

  /** `most` per address; 0 is no limit. */
  constructor(readonly most: number) {}

  /** The number of addresses that hold something. */
  get size(): number {
    return this.#held.size
  }

  isFull(key: string): boolean {
    return this.most > 0 && (this.#held.get(key) ?? 0) >= this.most
  }

  add(key: string): void {
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1)
  }

  remove(key: string): void {
    const held = (this.#held.get(key) ?? 0) - 1
    if (held > 0) this.#held.set(key, held)
    else this.#held.delete(key)
  }
}
