/**
 * Addresses as they are counted: an IPv4 address is one client, however it is written; an IPv6 client
 * has a network of 64 bits to choose from, so the network is one.
 */
import { BlockList, isIP } from 'node:net'
import { IPv6 } from 'ipaddr.js'
import { mistake } from './limits'

/** What an address is counted as. Whatever is no address is counted as one, the empty one. */
export function countedAs(address: string): string {
  const plain = plainOf(address)
  if (isIP(plain) !== 6) return plain
  const network = IPv6.parse(plain).parts.slice(0, 4)
  return `${network.map((group) => group.toString(16)).join(':')}::/64`
}

/** Tells the addresses of `networks` (`10.0.0.0/8`, or an address alone). @throws Error for one that is none */
export function membership(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const [index, network] of networks.entries())
    if (!addNetwork(list, network))
      throw mistake(`exempt[${index}]`, network, 'an address, or a network such as 10.0.0.0/8')
  return (address) => {
    const plain = plainOf(address)
    const family = isIP(plain)
    return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** False for what is no network. */
function addNetwork(list: BlockList, network: unknown): boolean {
  const [, address = '', bits] = NETWORK.exec(String(network)) ?? []
  const family = isIP(address)
  const most = family === 6 ? 128 : 32
  if (family === 0 || Number(bits ?? 0) > most) return false
  list.addSubnet(address, Number(bits ?? most), family === 6 ? 'ipv6' : 'ipv4')
  return true
}

const NETWORK = /^([\da-f.:]+)(?:\/(\d{1,3}))?$/i

/** Without a zone, and as IPv4 where it is an IPv4 address in an IPv6 one's dress. */
function plainOf(address: string): string {
  const bare = address.split('%')[0] ?? ''
  const family = isIP(bare)
  if (family !== 6) return family === 4 ? bare : ''
  return MAPPED.check(bare, 'ipv6') ? IPv6.parse(bare).toByteArray().slice(12).join('.') : bare
}

const MAPPED = new BlockList()
MAPPED.addSubnet('::ffff:0:0', 96, 'ipv6')
MAPPED.addSubnet('64:ff9b::', 96, 'ipv6') // of translators (RFC 6052)
