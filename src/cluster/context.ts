/** Context: what the parts of the engine over Redis have in common. */
import type { ChannelKind } from '../core/channel'
import type { Node } from '../core/engine'
import type { ChannelName, Clock, Log } from '../core/types'
import type { Incarnations, Lives } from './incarnations'
import { ignoreAway } from './link/away'
import type { Link } from './link/link'
import type { Script } from './link/script'
import { partitionOf, type FullName } from './names'
import type { Versions } from './wire'

export type Context = {
  /** Replaced once it is open. */
  link: Link
  readonly log: Log
  /** CARILLON_CLUSTER. */
  readonly cluster: string
  /** The real one, also in tests: Redis has its own. */
  readonly clock: Clock
  readonly incarnations: Incarnations
  readonly kindOf: (channel: ChannelName) => ChannelKind
  /** Set when the engine runs. */
  node: Node
  readonly lives: Lives
  readonly numbers: Numbers
  readonly versions: Versions
  /** Partitions of which Redis may not know something that has changed here: a beat compares them. */
  readonly untold: Set<number>
}

/** Counted for life. */
export type Numbers = {
  /** Messages that were none, or impossible where they stood. */
  refusedMessages: number
  /** Replicas that were fetched anew, since a message was missing. */
  gaps: number
  /** Times that messages of a channel did not fit behind a snapshot. */
  overflows: number
  /** Facts for webhooks that were dropped, since too many waited. */
  factsDropped: number
  /** How long nothing was heard of the others, all together. */
  deafMs: number
  /** Channels in which that, or a message that was missing, has left something unknown. */
  deafChannels: number
}

export const newNumbers = (): Numbers => ({
  refusedMessages: 0,
  gaps: 0,
  overflows: 0,
  factsDropped: 0,
  deafMs: 0,
  deafChannels: 0,
})

/** How long one waits for Redis before a command is refused. */
export const PATIENCE_MS = 3000
export const LEASE_MS = 6000
export const BEAT_MS = 2000

/** Runs a script about a channel, with the arguments that all of them have. Rejects with RedisAway. */
export function runOn(
  { link, incarnations }: Context,
  script: Script,
  name: FullName,
  ...args: readonly (string | number)[]
): Promise<unknown> {
  const partition = partitionOf(name)
  const id = incarnations.idOf(partition)
  return link.run(script, String(partition), [id, name, newNonce(), ...args])
}

/** For what Redis was not told: the next beat finds it. */
export const tellLater =
  ({ untold }: Context, partition: number) =>
  (cause: unknown): void => {
    untold.add(partition)
    ignoreAway(cause)
  }

/** For an epoch, or a life, that may begin. */
export const newNonce = (): string => {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2))
  return (
    (high! % 2 ** 30).toString(36).padStart(6, '0') + (low! >>> 2).toString(36).padStart(6, '0')
  )
}

/** True while nodes say again what Redis has lost of a partition. */
export const isNewLife = ({ lives, clock }: Context, partition: number): boolean =>
  lives.isNew(partition, clock.mono())
