/**
 * Networks: which addresses the server may connect to on behalf of an app. Link-local, metadata and
 * multicast addresses are never allowed; loopback and private networks are, unless the operator says
 * otherwise.
 */
import { BlockList, isIP } from 'node:net'

/** Never connected to, in every form in which IPv6 writes an IPv4 address. */
const NEVER = [
  '169.254.0.0/16', // link-local, and the metadata service of most clouds
  'fe80::/10',
  '64:ff9b::a9fe:0/112',
  '2002:a9fe::/32',
  '::a9fe:0/112',
  'fd00:ec2::254', // metadata: AWS, Google, Alibaba, Oracle, Azure
  'fd20:ce::254',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
  '0.0.0.0/8', // this host, by a name that no list of networks has
  '::',
  '224.0.0.0/4',
  '255.255.255.255',
  'ff00::/8',
] as const

/** Names that mean metadata wherever they resolve. */
const NEVER_NAMED = ['metadata.google.internal', 'metadata.goog', 'instance-data']

export type NetworkRules = {
  /** Why the server may not connect to an address, if it may not. */
  readonly refusesAddress: (address: string) => string | undefined
  /** The same for the host of a URL, as far as that can be said without asking for its address. */
  readonly refusesHost: (hostname: string) => string | undefined
}

/** `allow` and `deny` hold addresses and networks as `10.0.0.0/8`; an empty `allow` allows all. */
export function networkRules(allow: readonly string[], deny: readonly string[]): NetworkRules {
  const [never, allowed, denied] = [listOf(NEVER), listOf(allow), listOf(deny)]
  const refusesAddress = (address: string): string | undefined => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (never.check(address, family)) return `${address} is a link-local or metadata address`
    if (denied.check(address, family)) return `${address} is in a network that is denied`
    return allow.length === 0 || allowed.check(address, family)
      ? undefined
      : `${address} is in no network that is allowed`
  }
  const refusesHost = (hostname: string): string | undefined => {
    const host = hostname.replace(/^\[|\]$|\.$/g, '').toLowerCase()
    if (NEVER_NAMED.includes(host)) return `${host} is a metadata service`
    return isIP(host) === 0 ? undefined : refusesAddress(host)
  }
  return { refusesAddress, refusesHost }
}

export const DEFAULT_NETWORKS: NetworkRules = networkRules([], [])

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family)
  }
  return list
}
