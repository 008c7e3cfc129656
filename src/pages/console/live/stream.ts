/**
 * A live stream of an app, from the admin API. It comes back after each cut with the id of its last row, and is told
 * what it missed; rows come in batches, one for each frame that is drawn. Owns the connection.
 */
import { ApiError, errorOf, streamUrl, UNREACHABLE } from '../api'
import { adminPath } from '../place'
import { forgetSession, untilSignedIn } from '../session'
import { KIND_NAMES, type KindName } from './kinds'
import { rowOf, type LiveRow } from './row'

export type StreamState =
  | { readonly phase: 'connecting' }
  | { readonly phase: 'live' }
  /** It is tried again. */
  | { readonly phase: 'cut'; readonly reason: string }
  /** It is not. */
  | { readonly phase: 'ended'; readonly reason: string }

export type StreamOptions = {
  readonly slug: string
  /** All where undefined. */
  readonly kinds: readonly KindName[] | undefined
  /** How the channels begin. */
  readonly channel: string
  readonly change: (state: StreamState) => void
  /** The oldest first. */
  readonly receive: (rows: readonly LiveRow[]) => void
  /** Rows that the server has left out, by kind. */
  readonly skip: (counts: Readonly<Record<string, number>>) => void
  /** It is back: how many rows were lost on their way; null where that is not known. */
  readonly comeBack: (missed: number | null) => void
}

/** For so long the server gathers what is missed. */
const LINGER_SECONDS = 30
const FIRST_WAIT_MS = 1000
const MAX_WAIT_MS = 15_000
/** A hidden page draws no frames. */
const HIDDEN_MS = 500

/** Ids of rows, over all streams of the page. */
let lastId = 0

/** Begins a stream; returns the function that ends it. */
export function watchApp(options: StreamOptions): () => void {
  const stream = new Stream(options)
  return () => stream.end()
}

class Stream {
  readonly #options: StreamOptions
  readonly #path: string
  #source: EventSource | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #rows: LiveRow[] = []
  #isScheduled = false
  #isEnded = false
  #failures = 0
  /** There was a stream before. */
  #wasLive = false

  constructor(options: StreamOptions) {
    this.#options = options
    const { slug, kinds, channel } = options
    const search = new URLSearchParams({
      ...(kinds && { kinds: kinds.join(',') }),
      ...(channel !== '' && { channel }),
    })
    this.#path = `${adminPath(slug, 'live')}?${search}${search.size > 0 ? '&' : ''}linger=${LINGER_SECONDS}`
    options.change({ phase: 'connecting' })
    this.#open()
  }

  end(): void {
    this.#isEnded = true
    clearTimeout(this.#timer)
    this.#source?.close()
  }

  #open(): void {
    const source = new EventSource(streamUrl(this.#path))
    this.#source = source
    source.addEventListener('hello', ({ data }) => this.#greet(data))
    source.addEventListener('skipped', ({ data }) => this.#options.skip(JSON.parse(data)))
    for (const kind of KIND_NAMES)
      source.addEventListener(kind, ({ data }) => this.#gather(rowOf(++lastId, kind, data)))
    source.onerror = () => this.#lose(source)
  }

  #greet(data: string): void {
    const { missed } = JSON.parse(data) as { readonly missed?: number | null }
    if (this.#wasLive) this.#options.comeBack(missed ?? null)
    this.#wasLive = true
    this.#failures = 0
    this.#options.change({ phase: 'live' })
  }

  #gather(row: LiveRow): void {
    this.#rows.push(row)
    if (this.#isScheduled) return
    this.#isScheduled = true
    if (document.hidden) setTimeout(() => this.#hand(), HIDDEN_MS)
    else requestAnimationFrame(() => this.#hand())
  }

  #hand(): void {
    this.#isScheduled = false
    const rows = this.#rows
    this.#rows = []
    if (!this.#isEnded) this.#options.receive(rows)
  }

  /** The browser comes back by itself, unless an answer has told it not to. */
  #lose(source: EventSource): void {
    if (this.#isEnded) return
    this.#options.change({ phase: 'cut', reason: 'The connection is lost' })
    if (source.readyState !== EventSource.CLOSED) return
    const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures++)
    this.#timer = setTimeout(() => void this.#retry(), waitMs)
  }

  /** Asks why, since a stream does not say it. */
  async #retry(): Promise<void> {
    const error = await refusalOf(`${this.#path}&limit=0`)
    if (this.#isEnded) return
    if (!error) return this.#open()
    if (error.status === 401) {
      forgetSession()
      await untilSignedIn()
      if (!this.#isEnded) this.#open()
      return
    }
    const isFinal = FINAL.includes(error.status)
    this.#options.change({ phase: isFinal ? 'ended' : 'cut', reason: error.message })
    if (isFinal) return
    const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures++)
    this.#timer = setTimeout(() => void this.#retry(), waitMs)
  }
}

/** Answers that stay. */
const FINAL: readonly number[] = [403, 404, 422]

/** Why the stream is refused; undefined where it is not. */
async function refusalOf(path: string): Promise<ApiError | undefined> {
  try {
    const answer = await fetch(streamUrl(path))
    const text = await answer.text()
    return answer.ok ? undefined : errorOf(answer, text)
  } catch {
    return new ApiError(0, UNREACHABLE)
  }
}
