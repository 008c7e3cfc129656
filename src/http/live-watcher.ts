/**
 * Watcher: one live stream. Holds at most one write; its reader fetches that, or what comes meanwhile is counted and
 * dropped. Where its client asked for that, it lingers after a cut, so that who comes back is told what was missed.
 */
import type { App } from '../core/app'
import type { Core } from '../core/core'
import type { Fact } from '../core/messages'
import type { Cancel } from '../core/types'
import type { LiveKind } from './live-rows'

/** What is shown: all kinds, all channels where absent. */
export type LiveFilter = {
  readonly kinds: ReadonlySet<LiveKind> | undefined
  readonly channelPrefix: string | undefined
  /** The stream ends after so many rows. */
  readonly limit: number
  /** For so long its place is kept after a cut; 0: not at all. */
  readonly lingerSeconds: number
}

export type WatchRequest = {
  readonly app: App
  readonly filter: LiveFilter
  /** Shown what names no app, too. */
  readonly seesAllApps: boolean
  /** Whose it is; undefined for the admin. */
  readonly tokenId: string | undefined
  /** The last row that a client had which comes back. */
  readonly last: RowId | undefined
  /** Asked again with every beat; throws where the credentials hold no longer. */
  readonly authorize: () => void
}

/** Each row's is `STREAM.NUMBER`: a stream that is resumed counts on. */
export type RowId = { readonly stream: string; readonly row: number }

export function parseRowId(text: string | null): RowId | undefined {
  if (!text) return undefined
  const [, stream = '', row] = /^([\da-f]{8})\.(\d{1,15})$/.exec(text) ?? []
  return { stream, row: Number(row ?? 0) }
}

/** How long rows are gathered for one write. */
const GATHER_MS = 100
/** Of one write. */
const MAX_ROWS = 50
const MAX_CHARS = 65_536
/** So many of each kind are shown all the same: a burst of events hides no refusal. */
const ROWS_OF_KIND = 3
/** How long a client waits before it comes back. */
const RETRY_MS = 2000

export class Watcher {
  readonly id: string
  /** Its client has gone, and may come back. */
  isLingering = false
  #text = ''
  #rows = 0
  #rowsByKind = new Map<LiveKind, number>()
  #skipped = new Map<LiveKind, number>()
  #lastId = 0
  /** The last row that was handed over. */
  #writtenId = 0
  #isDue = true
  #isEnded = false
  #timer: Cancel | undefined
  #reader: PromiseWithResolvers<string | undefined> | undefined

  constructor(
    readonly core: Core,
    readonly request: WatchRequest,
    /** The stream that is resumed. */
    former: Watcher | undefined,
  ) {
    const { app, last } = request
    const lost = former && last ? Math.max(0, former.#writtenId - last.row) : null
    const hello = { app: app.record.slug, at: core.clock.now(), ...(last && { missed: lost }) }
    this.id = former?.id ?? crypto.randomUUID().slice(0, 8)
    if (former) this.#inherit(former)
    const id = `id: ${this.id}.${this.#writtenId}`
    const head = `retry: ${RETRY_MS}\n${id}\nevent: hello\ndata: ${JSON.stringify(hello)}\n\n`
    this.#text = head + this.#text
  }

  #inherit(former: Watcher): void {
    this.#text = former.#text
    this.#rows = former.#rows
    this.#rowsByKind = former.#rowsByKind
    this.#skipped = former.#skipped
    this.#lastId = former.#lastId
    this.#writtenId = former.#writtenId
  }

  /** The next write, when there is something to write; undefined at the end, or when it has had its limit. One call at a time. */
  next(): Promise<string | undefined> {
    this.#reader = Promise.withResolvers()
    const { promise } = this.#reader
    this.#write()
    return promise
  }

  /** `makeRow` is called where there is room for the row. */
  offer(kind: LiveKind, fact: Fact, makeRow: () => string): void {
    const { kinds, channelPrefix } = this.request.filter
    if (kinds && !kinds.has(kind)) return
    if (channelPrefix !== undefined && !this.#isIn(fact, channelPrefix)) return
    if (this.#lastId >= this.request.filter.limit) return
    const isFull = this.#rows >= MAX_ROWS || this.#text.length >= MAX_CHARS
    const rowsOfKind = this.#rowsByKind.get(kind) ?? 0
    if (isFull && rowsOfKind >= ROWS_OF_KIND) {
      this.#skipped.set(kind, (this.#skipped.get(kind) ?? 0) + 1)
      return
    }
    this.#rows++
    this.#rowsByKind.set(kind, rowsOfKind + 1)
    this.#text += `id: ${this.id}.${++this.#lastId}\nevent: ${kind}\ndata: ${makeRow()}\n\n`
    this.#timer ??= this.core.clock.after(GATHER_MS, () => {
      this.#timer = undefined
      this.#flushSoon()
    })
  }

  /** All who watch an app are due at once; what their readers do with it comes on top. */
  #flushSoon(): void {
    const { slices } = this.core
    slices.schedule(() => {
      slices.noteUnfinished()
      this.flush()
    })
  }

  /** Writes what was gathered, if its reader has fetched the write before. */
  flush(): void {
    this.#isDue = true
    this.#write()
  }

  beat(): void {
    if (this.#text !== '' || this.isLingering) return
    this.#text = ': beat\n\n'
    this.flush()
  }

  /** Its client has gone: rows are gathered for one write, and counted, until `giveUp` is called. */
  linger(giveUp: () => void): void {
    const { clock } = this.core
    this.isLingering = true
    this.#reader = undefined
    this.#timer?.()
    this.#timer = clock.after(this.request.filter.lingerSeconds * 1000, giveUp)
  }

  finish(): void {
    this.#isEnded = true
    this.#timer?.()
    this.#reader?.resolve(undefined)
  }

  get #isComplete(): boolean {
    return this.#text === '' && this.#lastId >= this.request.filter.limit
  }

  #isIn(fact: Fact, prefix: string): boolean {
    if (!('channel' in fact) || fact.channel === undefined) return false
    const { groups } = this.core
    const name = fact.type === 'refused' ? fact.channel : groups.nameOf(fact.channel)
    return name.startsWith(prefix)
  }

  #write(): void {
    if (this.#isEnded || this.#isComplete) return this.#reader?.resolve(undefined)
    if (!this.#reader || !this.#isDue) return
    if (this.#skipped.size > 0)
      this.#text += `event: skipped\ndata: ${JSON.stringify(Object.fromEntries(this.#skipped))}\n\n`
    this.#reader.resolve(this.#text)
    this.#reader = undefined
    this.#writtenId = this.#lastId
    this.#skipped = new Map()
    this.#text = ''
    this.#rows = 0
    this.#rowsByKind = new Map()
    this.#isDue = false
  }
}
