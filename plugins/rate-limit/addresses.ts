/** Networks of addresses whose connections are not counted. */
import { BlockList, isIP } from 'node:net'
import { plainOf } from 'carillon/plugin'
import { optionError } from './limits'

/** A test for addresses of `networks` (`10.0.0.0/8`, or an address alone). @throws Error for one that is none */
export function networkTest(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const [index, network] of networks.entries())
    if (!addNetwork(list, network))
      throw optionError(`exempt[${index}]`, network, 'an address, or a network such as 10.0.0.0/8')
  return (address) => {
    const plain = plainOf(address)
    const family = isIP(plain)
    return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** False for text that is no network. */
function addNetwork(list: BlockList, network: unknown): boolean {
  const [, address = '', bits] = NETWORK.exec(String(network)) ?? []
  const family = isIP(address)
  const most = family === 6 ? 128 : 32
  if (family === 0 || Number(bits ?? 0) > most) return false
  list.addSubnet(address, Number(bits ?? most), family === 6 ? 'ipv6' : 'ipv4')
  return true
}

const NETWORK = /^([\da-f.:]+)(?:\/(\d{1,3}))?$/i
