/** What a link is opened with, and what it tells. */
import type { Readiness } from '../../core/readiness'
import type { Clock, Log } from '../../core/types'
import type { DialOptions } from './dial'
import type { Script } from './script'
import type { Versions } from '../wire'

/** True for places whose keys are on the Redis that an event is about; all are, but on a Cluster. */
export type Covers = (place: string) => boolean

export type LinkEvents = {
  /** A message of a bus, by the name after `carillon:<cluster>:`. */
  message(bus: string, text: string): void
  /** The connection for commands is up, and has its scripts. Called each time; on a Cluster for each master. */
  connected(covers: Covers): void
  /** It is lost. Called once until it is up again. */
  lost(reason: string, covers: Covers): void
  /**
   * The connection of buses was lost, and is back with all of them: what was said for so long was not heard. On a
   * Cluster also where a slot moved to another master.
   */
  deaf(ms: number, covers: Covers): void
}

export type LinkOptions = DialOptions & {
  /** Given to Redis on each connect; others when they are first run. */
  readonly scripts: readonly Script[]
  /** What scripts write: it may change. */
  readonly versions: Readonly<Versions>
  readonly clock: Clock
  readonly log: Log
  readonly readiness: Readiness
}
