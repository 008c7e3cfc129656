/**
 * HistoryLog: what durable streams have to write. An event is delivered at once and written with all others of its
 * turn of the event loop, in one transaction; its backend is answered after that. Offsets are reserved ahead, in the
 * store, so that one which was delivered and lost in a crash is never given to another event.
 */
import { RealtimeError, refusal, type Refusal } from './errors'
import type { BackendPublication } from './messages'
import type { ChannelName, JsonText, SocketId } from './types'

export type StoredEvent = {
  readonly offset: number
  /** A JSON string. */
  readonly name: JsonText
  readonly data: JsonText
  readonly except: SocketId | undefined
  /** Epoch milliseconds. */
  readonly at: number
}

export type StoredStream = {
  readonly appId: string
  readonly channel: ChannelName
  readonly epoch: string
  /** No event had a later offset. */
  readonly reserved: number
  /** It was ended by a stop: `reserved` is the offset of its last event. */
  readonly isClosed: boolean
  /** The oldest first. */
  readonly events: readonly StoredEvent[]
}

type OfStream = { readonly appId: string; readonly channel: ChannelName }

export type HistoryWrite =
  | (OfStream & {
      readonly type: 'reserve'
      readonly epoch: string
      readonly reserved: number
      readonly isClosed: boolean
      /** It is not stored yet: what the store has of another one under its name is dropped. */
      readonly isNew: boolean
    })
  | (OfStream & {
      readonly type: 'append'
      readonly offset: number
      readonly publication: BackendPublication
      /** Epoch milliseconds. */
      readonly at: number
    })
  /** Events before `first` are not kept any more. */
  | (OfStream & { readonly type: 'trim'; readonly first: number })
  | (OfStream & { readonly type: 'remove' })

/** Storage of durable streams. */
export interface HistoryStore {
  load(): Iterable<StoredStream>
  /** All or nothing. @throws RealtimeError('store_unavailable') */
  commit(writes: readonly HistoryWrite[]): void
}

/** Writes of one transaction: two milliseconds. */
const MAX_GROUP = 500
const MAY_BE = 'the event may have been published'

type Group = { readonly writes: HistoryWrite[]; readonly done: PromiseWithResolvers<Outcome> }
type Outcome = Refusal | undefined

export class HistoryLog {
  /** The first is the next to be committed. */
  readonly #groups: Group[] = []

  constructor(readonly store: HistoryStore) {}

  add(write: HistoryWrite): void {
    let group = this.#groups.at(-1)
    if (!group || group.writes.length >= MAX_GROUP) {
      group = { writes: [], done: Promise.withResolvers() }
      if (this.#groups.push(group) === 1) setImmediate(this.#commitNext)
    }
    group.writes.push(write)
  }

  /** Resolves when all that was added is committed, or with the refusal where that fails. */
  committed(): Promise<Outcome> {
    return this.#groups.at(-1)?.done.promise ?? Promise.resolve(undefined)
  }

  /** Commits now, after all that was added before. A refusal ends with what that means for who asked. */
  commitNow(write?: HistoryWrite, meaning?: string): Outcome {
    while (this.#groups.length > 0) this.#commit(this.#groups.shift()!)
    return write && this.#tryCommit([write], meaning)
  }

  readonly #commitNext = (): void => {
    const group = this.#groups.shift()
    if (!group) return
    this.#commit(group)
    if (this.#groups.length > 0) setImmediate(this.#commitNext)
  }

  #commit({ writes, done }: Group): void {
    done.resolve(this.#tryCommit(writes))
  }

  #tryCommit(writes: readonly HistoryWrite[], meaning = MAY_BE): Outcome {
    try {
      this.store.commit(writes)
      return undefined
    } catch (cause) {
      if (!(cause instanceof RealtimeError)) throw cause
      const { message, retryAfterSeconds } = cause
      const text = `${message}; ${meaning}`
      return { ...refusal('history_unavailable', text), retryAfterSeconds }
    }
  }
}
