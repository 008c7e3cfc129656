/**
 * Addresses: how much each client address holds, so that none holds all. Loopback and private ones are
 * not counted: they are proxies, containers and benches, behind which many clients may be. Behind a
 * proxy that the settings name, the address is the client's own.
 */
import { isIP } from 'node:net'
import { groupsIn, listIncludes, ipv4In, blockListOf } from './networks'

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

/** IPv4 addresses in an IPv6 one's dress: behind a translator (RFC 6052) all of them are in one network of 64 bits. */
const MAPPED = blockListOf(['::ffff:0:0/96', '64:ff9b::/96'])

/**
 * Who an address is: itself, or of IPv6 its network of 64 bits, from which a client may take what it likes.
 * Empty for what is no address.
 */
export function clientOf(address: string): string {
  const plain = plainOf(address)
  const family = isIP(plain)
  if (family !== 6) return family === 4 ? plain : ''
  return `${groupsIn(plain, 0, 4)}::/64`
}

/** What an address is counted as. Undefined for those that are not counted, and for what is no address. */
export function quotaKeyOf(address: string): string | undefined {
  if (address.startsWith('127.')) return undefined // the usual proxy, without a look at the list
  const plain = plainOf(address)
  return isIP(plain) === 0 || listIncludes(UNCOUNTED, plain) ? undefined : clientOf(plain)
}

/** Without its zone, and as IPv4 where it is that. */
export function plainOf(address: string): string {
  const [plain = ''] = address.split('%')
  return isIP(plain) === 6 && listIncludes(MAPPED, plain) ? ipv4In(plain, 12) : plain
}

/** Counts one kind of thing, by what `quotaKeyOf` has made of addresses. */
export class AddressCounts {
  readonly #held = new Map<string, number>()

  /** `most` of one address; 0 is no limit. */
  constructor(readonly most: number) {}

  /** How many addresses hold something. */
  get size(): number {
    return this.#held.size
  }

  isFull(key: string): boolean {
    return this.most > 0 && (this.#held.get(key) ?? 0) >= this.most
  }

  add(key: string): void {
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1)
  }

  /** One of those that were added is gone. */
  remove(key: string): void {
    const held = (this.#held.get(key) ?? 0) - 1
    if (held > 0) this.#held.set(key, held)
    else this.#held.delete(key)
  }
}
