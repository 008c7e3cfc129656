/**
 * Writer: the partitions whose facts this node writes down. Each has one writer at a time, all nodes about equally
 * many. A node takes what is free, up to its share, and gives up what is more.
 */
import type { EngineParts } from '../core/engine'
import { ignoreAway } from './link/away'
import { newNonce, type Context } from './context'
import { Earlier } from './earlier'
import { FactStreams } from './facts'
import { PARTITIONS } from './names'
import { SCRIPTS } from './scripts'

/** How long a partition that is given up waits for what was written down to be sent. */
const SENT_WITHIN_MS = 3000
const LOOK_MS = 20

/** What a beat has found in a partition. */
export type FoundWriter = {
  /** Empty where there is none. */
  readonly writer: string
  /** How many nodes may be it. */
  readonly nodes: number
  readonly hasFacts: boolean
}

export class Writer {
  readonly #own = new Set<number>()
  /** Those that the last beats have found to be free. */
  readonly #free = new Set<number>()
  /** Those that are being given up. */
  readonly #ending = new Set<number>()
  /** The most that one of the last beats has found. */
  #nodes = 0
  /** At first: nobody hears facts before the server has started. */
  #isResting = true
  #isSucceeded = false

  readonly streams: FactStreams
  readonly earlier: Earlier

  constructor(
    readonly context: Context,
    parts: Pick<EngineParts, 'facts' | 'slices'>,
  ) {
    this.streams = new FactStreams(context, parts, (partition) => this.lose(partition))
    this.earlier = new Earlier(context)
  }

  /** It writes nothing down any more. */
  get isResting(): boolean {
    return this.#isResting
  }

  /** Of all nodes that may write, rounded up. */
  get #share(): number {
    return this.#isResting ? 0 : Math.ceil(PARTITIONS / Math.max(1, this.#nodes))
  }

  /** Notes what a beat has found. */
  note(partition: number, { writer, nodes, hasFacts }: FoundWriter): void {
    this.#nodes = Math.max(nodes, this.#nodes)
    if (this.#ending.has(partition)) return
    if (writer === '') this.#free.add(partition)
    else this.#free.delete(partition)
    if (writer === this.context.incarnations.idOf(partition)) {
      if (!this.#own.has(partition)) this.#begin(partition)
      else this.#listen(partition)
      if (hasFacts) this.streams.note(partition)
    } else this.lose(partition)
  }

  /** Something has happened in a partition. */
  hear(partition: number): void {
    if (this.#own.has(partition)) this.streams.note(partition)
  }

  /** After the beats of all partitions: takes what is free, or gives up what is more than the share. Rejects with RedisAway. */
  async balance(): Promise<void> {
    const more = this.#share - this.#own.size
    const free = [...this.#free]
    this.#free.clear()
    this.#nodes = 0
    if (more > 0) await Promise.all(free.slice(0, more).map((partition) => this.#claim(partition)))
    else if (more < 0) await this.#giveUp([...this.#own].slice(more))
  }

  async #claim(partition: number): Promise<void> {
    if ((await this.#run(partition, 1)) === 1) this.#begin(partition)
  }

  #begin(partition: number): void {
    this.#own.add(partition)
    this.streams.begin(partition)
    this.#listen(partition)
  }

  /** Nothing happens where it listens already. Every beat looks, too. */
  #listen(partition: number): void {
    this.context.link.subscribe(busOf(partition)).catch(ignoreAway)
  }

  /** Another node is the writer. */
  lose(partition: number): void {
    if (!this.#own.delete(partition)) return
    this.context.link.unsubscribe(busOf(partition))
    this.streams.end(partition).catch(ignoreAway) // this database knows, too
  }

  /** Others begin where this node has ended: what it has written down is sent before, if that is soon. */
  async #giveUp(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) {
      this.#own.delete(partition)
      this.#ending.add(partition)
      this.context.link.unsubscribe(busOf(partition))
    }
    try {
      await Promise.all(partitions.map((partition) => this.streams.end(partition)))
      await this.#untilSent()
      await Promise.all(partitions.map((partition) => this.#run(partition, 0)))
    } finally {
      for (const partition of partitions) this.#ending.delete(partition)
    }
  }

  async #untilSent(): Promise<void> {
    const { clock } = this.context
    const end = clock.mono() + SENT_WITHIN_MS
    while (!this.#isSucceeded && !this.streams.isSent && clock.mono() < end)
      await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve))
  }

  #run(partition: number, isClaimed: 0 | 1): Promise<unknown> {
    const { link, incarnations } = this.context
    const args = [incarnations.idOf(partition), '', newNonce(), isClaimed]
    return link.run(SCRIPTS.writer, String(partition), args)
  }

  /**
   * Gives all of it to other nodes: this one is about to leave. Done when it has. Where another process goes on with
   * the database, that sends what is in it. Rejects with RedisAway.
   */
  rest(isSucceeded: boolean): Promise<void> {
    this.#isResting = true
    this.#isSucceeded = isSucceeded
    return this.balance()
  }

  /** It is there to write, from the next beat on. */
  wake(): void {
    this.#isResting = false
    this.#isSucceeded = false
  }
}

/** On which a writer hears that there is something to write, where there was nothing. */
const busOf = (partition: number): string => `{${partition}}:facts`

const BUS = /^\{(\d+)\}:facts$/

/** The partition of such a bus; undefined for any other. */
export const partitionOfFacts = (bus: string): number | undefined => {
  const partition = BUS.exec(bus)?.[1]
  return partition === undefined ? undefined : Number(partition)
}
