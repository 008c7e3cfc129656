/** Queries: what the HTTP API asks about channels, of Redis and of no other node. */
import type { App } from '../core/app'
import type { OccupiedChannels } from '../core/engine'
import type { Counts } from '../core/presence'
import type { ChannelName, Member } from '../core/types'
import { runOn, type Context } from './context'
import { fullNameOf, PARTITIONS } from './names'
import { SCRIPTS } from './scripts'
import { pairs, readMembers } from './snapshot'

const NOBODY: Counts = { subscriptions: 0, users: 0 }

/** How long a claim holds, unless the channel is vacated before. */
const CLAIM_MS = 10_000

/** All of them reject with RedisAway. */
export class Queries {
  constructor(readonly context: Context) {}

  async counts(app: App, channel: ChannelName): Promise<Counts> {
    const answer = await runOn(this.context, SCRIPTS.counts, fullNameOf(app, channel))
    const [subscriptions, users] = answer as [number, number]
    return { subscriptions, users }
  }

  /** In the order of partitions; each is read in slices. */
  async channels(app: App): Promise<OccupiedChannels> {
    const found = new Map<ChannelName, Counts>()
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
    await Promise.all(partitions.map((partition) => this.#scan(app, partition, found)))
    return { names: found.keys(), countsOf: (name) => found.get(name) ?? NOBODY }
  }

  async #scan(app: App, partition: number, found: Map<ChannelName, Counts>): Promise<void> {
    let cursor = '0'
    do {
      const args = ['', '', '', app.id, cursor]
      const answer = await this.context.link.run(SCRIPTS.channels, String(partition), args)
      const [next, flat] = answer as [string, string[]]
      for (const [name, counts] of pairs(flat)) found.set(name as ChannelName, readCounts(counts))
      cursor = next
    } while (cursor !== '0')
  }

  async members(app: App, channel: ChannelName): Promise<readonly Member[]> {
    const answer = await runOn(this.context, SCRIPTS.members, fullNameOf(app, channel))
    const members = [...(await readMembers(answer as string[])).values()]
    return members.sort((one, other) => one.rev - other.rev).map(({ member }) => member)
  }

  /** True for the first. */
  async claim(app: App, channel: ChannelName, key: string): Promise<boolean> {
    const name = fullNameOf(app, channel)
    return (await runOn(this.context, SCRIPTS.claim, name, key, CLAIM_MS)) === 1
  }
}

/** Written as `subscriptions|users`. */
function readCounts(text: string): Counts {
  const [subscriptions, users] = text.split('|')
  return { subscriptions: Number(subscriptions), users: Number(users) }
}
