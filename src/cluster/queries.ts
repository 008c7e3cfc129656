/** Queries: what the HTTP API asks about channels, of Redis and of no other node. */
import type { App } from '../core/app'
import type { OccupiedChannels } from '../core/engine'
import type { Counts } from '../core/presence'
import type { ChannelName, Member } from '../core/types'
import { runOn, type Context } from './context'
import { inOrder } from './in-turns'
import { fullNameOf, partitionOf, PARTITIONS } from './names'
import { SCRIPTS } from './scripts'
import { pairs, readMembers, type HashAnswer } from './snapshot'

const NOBODY: Counts = { subscriptions: 0, users: 0 }

/** How long a claim holds, unless the channel is vacated before. */
const CLAIM_MS = 10_000

/**
 * Parts of lists that are asked for at once, whoever asks. An answer has some 128 channels, 512 at most (Redis does not
 * divide a small hash): four take 2 ms of CPU in one turn.
 */
const PARTS_AT_ONCE = 4

/** The occupied channels of an app, by partition. */
type Found = {
  readonly names: ChannelName[]
  readonly counts: readonly Map<ChannelName, Counts>[]
}

/** All of them reject with RedisAway. */
export class Queries {
  /** Parts that are asked for, and who waits to ask. */
  #asked = 0
  readonly #waiting: (() => void)[] = []

  constructor(readonly context: Context) {}

  async counts(app: App, channel: ChannelName): Promise<Counts> {
    const answer = await runOn(this.context, SCRIPTS.counts, fullNameOf(app, channel))
    const [subscriptions, users] = answer as [number, number]
    return { subscriptions, users }
  }

  /** Read in parts: some partitions at a time. */
  async channels(app: App): Promise<OccupiedChannels> {
    const counts = Array.from({ length: PARTITIONS }, () => new Map<ChannelName, Counts>())
    const found: Found = { names: [], counts }
    const partitions = counts.keys()
    const readers = Array.from({ length: PARTS_AT_ONCE }, async () => {
      for (const partition of partitions) await this.#scan(app, partition, found)
    })
    await Promise.all(readers)
    const countsOf = (name: ChannelName): Counts =>
      counts[partitionOf(fullNameOf(app, name))]!.get(name) ?? NOBODY
    return { names: found.names, countsOf }
  }

  async #scan(app: App, partition: number, { names, counts }: Found): Promise<void> {
    const own = counts[partition]!
    let cursor = '0'
    do {
      await this.#takeTurn()
      try {
        const args = ['', '', '', app.id, cursor]
        const answer = await this.context.link.run(SCRIPTS.channels, String(partition), args)
        const [next, flat] = answer as [string, string[]]
        for (const [name, text] of pairs(flat)) {
          const known = own.size
          own.set(name as ChannelName, readCounts(text))
          if (own.size > known) names.push(name as ChannelName)
        }
        cursor = next
      } finally {
        this.#giveTurn()
      }
    } while (cursor !== '0')
  }

  #takeTurn(): Promise<void> | undefined {
    if (this.#asked < PARTS_AT_ONCE) return void this.#asked++
    return new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #giveTurn(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#asked--
  }

  async members(app: App, channel: ChannelName): Promise<readonly Member[]> {
    const answer = await runOn(this.context, SCRIPTS.members, fullNameOf(app, channel))
    const known = await readMembers(answer as HashAnswer)
    return (await inOrder(known.values(), ({ rev }) => rev)).map(({ member }) => member)
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
