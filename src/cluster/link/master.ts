/**
 * Master: both connections to one Redis, and what they say of it. A link has one, or one for each master of a Cluster.
 */
import type { RedisAddress } from '../../config/redis-url'
import { RedisAway } from './away'
import { Buses } from './buses'
import { Commands } from './commands'
import { dial } from './dial'
import type { LinkOptions } from './link-events'

export type MasterEvents = {
  message(bus: string, text: string): void
  connected(): void
  lost(reason: string): void
  deaf(ms: number): void
  /** Another node of the Cluster has some of what this one had. */
  moved(): void
  /** `trouble` may be another. */
  changed(): void
}

export class Master {
  readonly commands: Commands
  readonly buses: Buses

  constructor(
    options: LinkOptions,
    /** Undefined for the one Redis of the target, wherever it is now. */
    readonly address: RedisAddress | undefined,
    events: MasterEvents,
  ) {
    const { clock, scripts, versions } = options
    const isCluster = options.target.kind === 'cluster'
    const connect = async (onEnd: (reason: string) => void) => {
      const dialled = await dial(options, address, onEnd)
      if (dialled.info.isMaster) return dialled
      dialled.hangUp()
      throw new RedisAway('this Redis is a replica, expected its master', false)
    }
    this.commands = new Commands({
      clock,
      scripts,
      versions,
      speak: isCluster ? 'SPUBLISH' : 'PUBLISH',
      dial: connect,
      onUp: () => {
        events.changed()
        events.connected()
      },
      onDown: (reason, isNews) => {
        events.changed()
        if (isNews) events.lost(reason)
      },
    })
    this.buses = new Buses({
      clock,
      kind: isCluster ? 'sharded' : 'all',
      dial: connect,
      onMessage: (bus, text) => events.message(bus, text),
      onUp: () => events.changed(),
      onDown: () => events.changed(),
      onDeaf: (ms) => events.deaf(ms),
      onMoved: () => events.moved(),
    })
  }

  /** What is the matter with it; undefined where both connections are up. */
  get trouble(): string | undefined {
    return this.commands.trouble ?? this.buses.trouble
  }

  /** Done after the first attempts. @throws (rejects with) RedisUnfit */
  async start(): Promise<void> {
    await Promise.all([this.commands.start(), this.buses.start()])
  }

  close(): void {
    this.commands.close()
    this.buses.close()
  }
}
