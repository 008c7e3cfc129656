/**
 * Networks: which addresses the server may connect to on behalf of an app. Link-local, metadata and
 * multicast addresses are never allowed; loopback and private networks are, unless the operator says
 * otherwise.
 */
import { BlockList, isIP } from 'node:net'

/** Never connected to. */
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

/** Networks whose addresses lead to an IPv4 address, and which of the eight groups it begins with. */
const EMBEDDINGS = [
  { network: '::/96', group: 6 }, // compatible
  { network: '::ffff:0:0/96', group: 6 }, // mapped
  { network: '::ffff:0:0:0/96', group: 6 }, // translated
  { network: '64:ff9b::/96', group: 6 }, // NAT64, well-known and local
  { network: '64:ff9b:1::/96', group: 6 },
  { network: '2002::/16', group: 1 }, // 6to4
].map(({ network, group }) => ({ within: listOf([network]), group }))

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
    const forms = formsOf(address)
    if (forms.some((form) => holds(never, form)))
      return `${address} is a link-local or metadata address`
    if (forms.some((form) => holds(denied, form)))
      return `${address} is in a network that is denied`
    return allow.length === 0 || forms.some((form) => holds(allowed, form))
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

const holds = (list: BlockList, address: string): boolean =>
  list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** The address without its zone, and the IPv4 address that it stands for, if it does. */
function formsOf(address: string): readonly string[] {
  const [plain = ''] = address.split('%')
  if (isIP(plain) !== 6) return [plain]
  const found = EMBEDDINGS.find(({ within }) => holds(within, plain))
  if (!found) return [plain]
  const [high = 0, low = 0] = groupsOf(plain).slice(found.group)
  if (high === 0) return [plain] // `::` and `::1` stand for themselves
  return [plain, [high >> 8, high & 255, low >> 8, low & 255].join('.')]
}

/** The eight numbers of an IPv6 address. A URL writes each of them in hex, zeros as `::`. */
function groupsOf(address: string): readonly number[] {
  const hex = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [head = [], tail = []] = hex.split('::').map((part) => part.split(':').filter(Boolean))
  const zeros = Array<string>(8 - head.length - tail.length).fill('0')
  return [...head, ...zeros, ...tail].map((group) => Number.parseInt(group, 16))
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family)
  }
  return list
}
