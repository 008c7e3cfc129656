/** Which master of a Cluster has which slots, as one of its nodes says. */
import type { RedisAddress } from '../../config/redis-url'
import { messageOf } from '../../core/errors'
import { RedisAway, RedisUnfit, withPatience } from './away'
import { dial, type DialOptions } from './dial'

/** Slots, both ends included, of one master. */
export type SlotRange = {
  readonly from: number
  readonly until: number
  readonly master: RedisAddress
}

/** The name of an address in maps and for people. */
export const addressText = ({ host, port }: RedisAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

export type Topology = {
  readonly ranges: readonly SlotRange[]
  /** The Cluster serves nobody: too many masters are gone, or slots have none. */
  readonly isDown: boolean
}

/** Somebody who can be asked. */
type Node = {
  readonly address: RedisAddress
  ask(name: string, ...args: string[]): Promise<unknown>
}

/**
 * Asks nodes that there is a connection to, one after the other, until one answers; then all addresses of the settings
 * at once, of which some may not answer.
 * @throws (rejects with) RedisAway, RedisUnfit
 */
export async function readTopology(
  options: DialOptions,
  connected: readonly Node[],
): Promise<Topology> {
  for (const node of connected)
    try {
      return await withPatience(askNode(node))
    } catch {
      // The next one may know; what ails this one is told by its connections.
    }
  const { addresses } = options.target
  try {
    return await Promise.any(addresses.map((address) => askAddress(options, address)))
  } catch (cause) {
    const { errors } = cause as AggregateError
    const unfit = errors.find((each) => each instanceof RedisUnfit)
    throw unfit ?? new RedisAway(messageOf(errors[0]), false)
  }
}

async function askNode({ address, ask }: Node): Promise<Topology> {
  const [slots, info] = await Promise.all([ask('cluster', 'SLOTS'), ask('cluster', 'INFO')])
  return { ranges: readSlots(slots, address), isDown: String(info).includes('cluster_state:fail') }
}

async function askAddress(options: DialOptions, address: RedisAddress): Promise<Topology> {
  const dialled = await dial(options, address, () => undefined)
  const ask = (name: string, ...args: string[]) => dialled.send(name, args)
  try {
    return await withPatience(askNode({ address, ask }))
  } finally {
    dialled.hangUp()
  }
}

/** @throws RedisAway for an answer that is not one of CLUSTER SLOTS, and where there is no master at all */
function readSlots(answer: unknown, asked: RedisAddress): readonly SlotRange[] {
  const ranges: SlotRange[] = []
  for (const range of Array.isArray(answer) ? (answer as unknown[]) : []) {
    const [from, until, master] = Array.isArray(range) ? (range as unknown[]) : []
    const [host, port] = Array.isArray(master) ? (master as unknown[]) : []
    if (typeof from !== 'number' || typeof until !== 'number' || typeof port !== 'number') continue
    // A node that does not know how it is reached leaves its name away, or says `?`.
    const isNamed = typeof host === 'string' && host !== '' && host !== '?'
    ranges.push({ from, until, master: { host: isNamed ? host : asked.host, port } })
  }
  if (ranges.length === 0) throw new RedisAway('no node of the Cluster has any slot', false)
  return ranges
}
