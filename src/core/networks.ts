/**
 * Networks: which addresses the server may connect to on behalf of an app. Link-local, metadata and
 * multicast addresses are never allowed, nor tunnels whose target is hidden; loopback and private networks
 * are allowed by default. Pure functions: nothing here opens a connection.
 */
import { BlockList, isIP } from 'node:net'
import type { IPv6 } from 'ipaddr.js'
import { quote } from './errors'

const NEVER = [
  '169.254.0.0/16', // link-local, and the metadata service of most clouds
  'fe80::/10',
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

/** Tunnels whose addresses do not contain their IPv4 target, or not at a fixed place. */
const TUNNELS = blockListOf([
  '64:ff9b:1::/48', // NAT64 of local use: the place depends on the network's own prefix (RFC 8215)
  '2001::/32', // Teredo (RFC 4380)
])
/** ISATAP's interface ids in any network (RFC 5214): groups four and five. */
const ISATAP = ['0:5efe', '200:5efe']

/** Networks whose addresses contain an IPv4 address, and the byte (of sixteen) at which it begins. */
const EMBEDDINGS = [
  { network: '::/96', byte: 12 }, // compatible
  { network: '::ffff:0:0/96', byte: 12 }, // mapped
  { network: '::ffff:0:0:0/96', byte: 12 }, // translated
  { network: '64:ff9b::/96', byte: 12 }, // NAT64
  { network: '2002::/16', byte: 2 }, // 6to4
].map(({ network, byte }) => ({ within: blockListOf([network]), byte }))

/** Names of metadata services, whatever they resolve to. */
const NEVER_NAMED = ['metadata.google.internal', 'metadata.goog', 'instance-data']

export type NetworkRules = {
  /** The reason why the server may not connect to an address; undefined where it may. */
  readonly addressDenial: (address: string) => string | undefined
  /** The same for a URL, as far as it is known without resolving its name. */
  readonly urlDenial: (url: URL) => string | undefined
}

/** Rules from addresses and networks such as `10.0.0.0/8`; an empty `allow` allows all. */
export function networkRules(allow: readonly string[], deny: readonly string[]): NetworkRules {
  const [never, allowed, denied] = [blockListOf(NEVER), blockListOf(allow), blockListOf(deny)]
  const addressDenial = (address: string): string | undefined => {
    const forms = formsOf(address)
    if (forms.some((form) => listIncludes(never, form)))
      return `${address} is a link-local or metadata address`
    if (isTunnel(forms[0]!)) return `${address} leads through a tunnel to an address that it hides`
    if (forms.some((form) => listIncludes(denied, form)))
      return `${address} is in a network that is denied`
    return allow.length === 0 || forms.some((form) => listIncludes(allowed, form))
      ? undefined
      : `${address} is in no network that is allowed`
  }
  const urlDenial = ({ hostname, port }: URL): string | undefined => {
    const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
    if (port === '0') return 'nothing listens on port 0'
    if (host.endsWith('.')) return `${quote(host)} ends in a dot`
    if (NEVER_NAMED.includes(host)) return `${host} is a metadata service`
    return isIP(host) === 0 ? undefined : addressDenial(host)
  }
  return { addressDenial, urlDenial }
}

export const DEFAULT_NETWORKS: NetworkRules = networkRules([], [])

export const listIncludes = (list: BlockList, address: string): boolean =>
  list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** The address without its zone, and the IPv4 address that it contains, if any. */
function formsOf(address: string): readonly string[] {
  const [plain = ''] = address.split('%')
  if (isIP(plain) !== 6) return [plain]
  const found = EMBEDDINGS.find(({ within }) => listIncludes(within, plain))
  if (!found || listIncludes(LOOPBACK, plain)) return [plain]
  return [plain, ipv4In(plain, found.byte)]
}

const LOOPBACK = blockListOf(['::1'])

function isTunnel(address: string): boolean {
  if (isIP(address) !== 6) return false
  return listIncludes(TUNNELS, address) || ISATAP.includes(groupsIn(address, 4, 6))
}

/** Loaded at first use: the entry reads settings before it has checked that packages are installed. */
let library: typeof import('ipaddr.js') | undefined
const ipv6Of = (address: string): IPv6 => (library ??= require('ipaddr.js')).IPv6.parse(address)

/** Groups `from` to `to` (of eight) of an IPv6 address, in hex without leading zeros. */
export const groupsIn = (address: string, from: number, to: number): string =>
  ipv6Of(address)
    .parts.slice(from, to)
    .map((group) => group.toString(16))
    .join(':')

/** The IPv4 address that begins at a byte (of sixteen) of an IPv6 address. */
export const ipv4In = (address: string, byte: number): string =>
  ipv6Of(address)
    .toByteArray()
    .slice(byte, byte + 4)
    .join('.')

export function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family)
  }
  return list
}
