/**
 * Link: how a node talks to Redis. One connection for commands, one for what is said on buses; on a Cluster, these
 * two for each master.
 *
 * Nothing is queued while Redis is away, and nothing is ever sent twice: `run` rejects with `RedisAway`, which says
 * whether the script may have been carried out. Scripts on one place are carried out in the order of calls.
 */
import { ClusterLink } from './cluster-link'
import type { LinkEvents, LinkOptions } from './link-events'
import type { Life } from './redis-info'
import type { Script } from './script'
import { SingleLink } from './single-link'

export { RedisAway } from './away'
export type { LinkEvents, LinkOptions } from './link-events'

export interface Link {
  /**
   * Carries out a script on the keys of a place. Answers are as Redis gives them: texts, integers, null, lists of them.
   * @throws (rejects with) RedisAway, and ScriptRefused where the script answers with an error
   */
  run(script: Script, place: string, args: readonly (string | number)[]): Promise<unknown>
  /** Done when Redis has acknowledged it. Rejects with RedisAway. Buses are named as in `message`. */
  subscribe(bus: string): Promise<void>
  unsubscribe(bus: string): void
  /** Until when everything was heard that was said on a bus, in monotonic milliseconds. */
  heardUntil(bus: string): number
  /** Done when all has come that was said on a bus until now, or was lost with its connection. */
  hearOut(bus: string): Promise<void>
  /** Commands can be sent; on a Cluster to some master. */
  readonly isUp: boolean
  /** Why some or all of it is away, for people; undefined while nothing is. */
  readonly trouble: string | undefined
  /** What is not as it should be, for people, and does not hinder: one line each. */
  readonly warnings: readonly string[]
  /** True where scripts on the place can be sent. */
  isPlaceUp(place: string): boolean
  /** Whose data a place has; undefined while that is away. */
  life(place: string): Life | undefined
  /** Ends the connections. What has no answer yet rejects. */
  close(): Promise<void>
}

/**
 * Connects, and stays connected. Done after the first attempt, whether Redis is there or not.
 * @throws (rejects with) RedisUnfit
 */
export async function openLink(options: LinkOptions, events: LinkEvents): Promise<Link> {
  const isCluster = options.target.kind === 'cluster'
  const link = isCluster ? new ClusterLink(options, events) : new SingleLink(options, events)
  try {
    await link.start()
  } catch (cause) {
    await link.close()
    throw cause
  }
  return link
}
