/**
 * Facts: what webhooks may want to know of the partitions whose writer this node is. It reads them in their order,
 * emits them here, and gives them up in Redis once they are kept: each is in Redis or in a database at any time.
 */
import type { EngineParts } from '../core/engine'
import { messageOf } from '../core/errors'
import type { StreamPlace } from '../core/facts'
import type { ArrivalFact, DepartureFact } from '../core/messages'
import type { AppId, Cancel, UserId } from '../core/types'
import { newNonce, type Context } from './context'
import { RedisAway } from './link/link'
import { splitName } from './names'
import { SCRIPTS } from './scripts'

/** How often a partition is read while something happens there. */
const READ_EVERY_MS = 50
/** Facts that are read at once. */
const READ_AT_ONCE = 200
/** Until the next attempt where more waits to be written down than there is room for, or an attempt has failed. */
const RETRY_MS = 500

/** How long one waits for an app that is not known, and how many such are remembered. */
const UNKNOWN_MS = 250
const MOST_UNKNOWN = 1000

type StreamFact = ArrivalFact | DepartureFact

/** An entry of a stream, its fields by turns with their names. */
type StreamEntry = readonly [id: string, fields: readonly string[]]

type FactsAnswer = readonly [
  status: string,
  entries: StreamEntry[],
  left: number,
  dueIn: number,
  dropped: number,
]

export class FactStreams {
  /** Partitions where something may be to read. */
  readonly #noted = new Set<number>()
  /** Those that are being read. */
  readonly #reads = new Map<number, Promise<void>>()
  /** When a partition is to be read anyway: a departure is due, or the last attempt was in vain. */
  readonly #due = new Map<number, { readonly at: number; readonly cancel: Cancel }>()
  /** Those that are read no more. */
  readonly #ended = new Set<number>()
  /** Those of which it is known up to where they are kept. */
  readonly #kept = new Map<number, string>()
  /** Apps that were waited for. */
  readonly #unknown = new Set<AppId>()
  #timer: Cancel | undefined
  #readAt = -Infinity
  #isStopped = false

  constructor(
    readonly context: Context,
    readonly parts: Pick<EngineParts, 'facts' | 'slices'>,
    /** Another node is the writer. */
    readonly onLost: (partition: number) => void,
  ) {}

  /** Begins to read a partition, after what an earlier process with the same database has kept of it. */
  begin(partition: number): void {
    this.#ended.delete(partition)
    const kept = this.parts.facts.keeper?.last(this.#streamOf(partition))
    const life = this.context.lives.of(partition)
    if (kept !== undefined && kept.startsWith(`${life} `))
      this.#kept.set(partition, kept.slice(life!.length + 1))
    this.note(partition)
  }

  /** Something may be to read. */
  note(partition: number): void {
    if (this.#isStopped || this.#ended.has(partition)) return
    this.#noted.add(partition)
    const { clock } = this.context
    const waitMs = Math.max(0, this.#readAt + READ_EVERY_MS - clock.mono())
    this.#timer ??= clock.after(waitMs, () => this.#readAll())
  }

  #readAll(): void {
    this.#timer = undefined
    this.#readAt = this.context.clock.mono()
    const noted = [...this.#noted]
    this.#noted.clear()
    for (const partition of noted) this.#begin(partition)
  }

  /** What is noted while it is being read is read after that. */
  #begin(partition: number): void {
    if (this.#reads.has(partition)) return void this.#noteLater(partition, READ_EVERY_MS)
    const read = this.#read(partition)
      .catch((cause: unknown) => this.#report(partition, cause))
      .finally(() => this.#reads.delete(partition))
    this.#reads.set(partition, read)
  }

  /** Redis being away is no news here: the link says so. */
  #report(partition: number, cause: unknown): void {
    if (!(cause instanceof RedisAway))
      this.context.log.error({ partition, error: messageOf(cause) }, 'redis: facts cannot be read')
    this.#noteLater(partition, RETRY_MS)
  }

  #noteLater(partition: number, waitMs: number): void {
    const { clock } = this.context
    const at = clock.mono() + waitMs
    const known = this.#due.get(partition)
    if (known && known.at <= at) return
    known?.cancel()
    const cancel = clock.after(waitMs, () => {
      this.#due.delete(partition)
      this.note(partition)
    })
    this.#due.set(partition, { at, cancel })
  }

  async #read(partition: number): Promise<void> {
    for (let most = READ_AT_ONCE; !this.#isStopped;) {
      if (!this.parts.facts.hasRoom) return this.#noteLater(partition, RETRY_MS)
      const kept = this.#kept.get(partition) ?? ''
      const answer = await this.#ask(partition, kept, most)
      if (this.#kept.get(partition) === kept) this.#kept.delete(partition)
      const [status, entries, left, dueIn, dropped] = answer
      if (status === 'LOST') return this.onLost(partition)
      if (dropped > 0) this.#countDropped(dropped)
      if (entries.length > 0) await this.#keep(partition, entries)
      else if (left === 0 && dueIn < 0) return undefined
      else if (left === 0) return this.#noteLater(partition, dueIn)
      else if (most === 0) return this.#noteLater(partition, READ_EVERY_MS)
      else if (this.#ended.has(partition)) return undefined
      // What is kept is given up at once; what has come meanwhile has time.
      most = left > 0 && !this.#ended.has(partition) ? READ_AT_ONCE : 0
    }
  }

  async #ask(partition: number, kept: string, most: number): Promise<FactsAnswer> {
    const { link, incarnations } = this.context
    const args = [incarnations.idOf(partition), '', newNonce(), kept, most]
    return (await link.run(SCRIPTS.facts, String(partition), args)) as FactsAnswer
  }

  #countDropped(dropped: number): void {
    this.context.numbers.factsDropped += dropped
    this.context.log.error(
      { dropped },
      'redis: facts for webhooks were dropped, since too many wait',
    )
  }

  /** An app that another node has just made may not be known here yet: once one waits for it. */
  async #awaitApps(entries: readonly StreamEntry[]): Promise<void> {
    const ids = new Set(entries.map(([, fields]) => splitName(fields[3] ?? '').appId))
    const unknown = [...ids].filter((id) => !this.context.node.app(id) && !this.#unknown.has(id))
    if (unknown.length === 0) return
    if (this.#unknown.size > MOST_UNKNOWN) this.#unknown.clear()
    for (const id of unknown) this.#unknown.add(id)
    await new Promise<void>((resolve) => this.context.clock.after(UNKNOWN_MS, resolve))
  }

  /** Emits facts, one by one between other work, until it is stopped. Done when all of these are kept. */
  async #keep(partition: number, entries: readonly StreamEntry[]): Promise<void> {
    await this.#awaitApps(entries)
    const stream = this.#streamOf(partition)
    const life = this.context.lives.of(partition) ?? ''
    const { promise: emitted, resolve } = Promise.withResolvers<void>()
    let kept: Promise<void> | undefined
    let next = 0
    const step = (): boolean => {
      // After the stop nobody wants facts, and these are for the next process.
      if (next === entries.length || this.#isStopped) {
        resolve()
        return false
      }
      const [id, fields] = entries[next++]!
      const fact = this.#factOf(fields)
      if (fact)
        kept = this.#emit({ stream, id: `${life} ${id}`, at: parseInt(id, 10) }, fact)?.then(() => {
          this.#kept.set(partition, id)
        })
      return true
    }
    this.parts.slices.add({ part: 'facts', step })
    await emitted
    await kept
    if (next > 0) this.#kept.set(partition, entries[next - 1]![0])
  }

  #emit(place: StreamPlace, fact: StreamFact): Promise<void> | undefined {
    const { facts } = this.parts
    const { keeper } = facts
    if (keeper) return keeper.keep(place, () => facts.emit(fact))
    facts.emit(fact)
    return undefined
  }

  /** Undefined for what is none, what nobody wants to know, and for apps that were deleted. */
  #factOf(fields: readonly string[]): StreamFact | undefined {
    const [, type, , name = '', , userId] = fields
    const { appId, channel } = splitName(name)
    const app = this.context.node.app(appId)
    if (!app) return undefined
    let fact: StreamFact
    if (type === 'channel_occupied' || type === 'channel_vacated') fact = { type, app, channel }
    else if (type === 'member_added' || type === 'member_removed')
      fact = { type, app, channel, userId: userId as UserId }
    else return undefined
    return this.parts.facts.wants(fact.type, app, channel) ? fact : undefined
  }

  /** As the database names what it has kept. */
  #streamOf(partition: number): string {
    return `${this.context.cluster}/${partition}`
  }

  /** False where something that was written down is still to be sent. Once this node has stopped nobody asks the database. */
  get isSent(): boolean {
    return this.#isStopped || (this.parts.facts.keeper?.isDone() ?? true)
  }

  /** Reads a partition no more. Done when all that was emitted is kept, and given up in Redis. Rejects with RedisAway. */
  async end(partition: number): Promise<void> {
    this.#ended.add(partition)
    this.#noted.delete(partition)
    this.#due.get(partition)?.cancel()
    this.#due.delete(partition)
    await this.#reads.get(partition)
    const kept = this.#kept.get(partition)
    if (kept !== undefined) await this.#ask(partition, kept, 0)
    if (this.#kept.get(partition) === kept) this.#kept.delete(partition)
  }

  /** After `stop`: gives up in Redis what has been kept since. */
  async leave(): Promise<void> {
    const asked = Array.from(this.#kept, ([partition, kept]) => this.#ask(partition, kept, 0))
    await Promise.allSettled(asked)
  }

  /** Emits nothing from now on. */
  stop(): void {
    this.#isStopped = true
    this.#timer?.()
    for (const { cancel } of this.#due.values()) cancel()
  }
}
