/** Deliveries: reports of an app's webhooks, between the part that sends them and the API that shows them. */
import type { App } from './app'
import type { Deed } from './audit'
import type { MaybePromise } from './maybe-promise'

/** One request to an endpoint. */
export type Attempt = {
  /** When it was sent; epoch milliseconds. */
  readonly at: number
  readonly durationMs: number
  readonly events: number
  /** Null without an answer. */
  readonly status: number | null
  /** Null after a 2xx. */
  readonly error: string | null
}

/** An attempt as it is kept; `number` counts the requests to its endpoint. */
export type KeptAttempt = Attempt & { readonly number: number }

/** What was sent, and what came back. Kept in memory for a while. */
export type Exchange = {
  /** Headers that an endpoint has of its own are masked: their values may be secrets. */
  readonly headers: Readonly<Record<string, string>>
  /** The body as it was signed; of a longer one the beginning. */
  readonly body: string
  readonly bodyBytes: number
  /** The beginning of the body of the answer; it may repeat secrets of the request. */
  readonly answer: string
}

/** The exchange is undefined where it is not kept any more. */
export type ShownAttempt = KeptAttempt & { readonly exchange: Exchange | undefined }

/** The outcome of a test. */
export type TestedEndpoint = Attempt & { readonly exchange: Exchange }

/** What the store knows of an endpoint. */
export type LaneReport = {
  readonly endpoint: string
  readonly pending: number
  /** Pending events that were sent and not accepted. */
  readonly failing: number
  readonly dead: number
  /** When the oldest pending event was stored or replayed; epoch milliseconds. */
  readonly oldest: number | null
  /** Since when nothing is sent to it, because somebody said so; epoch milliseconds. */
  readonly pausedAt: number | null
  /** The last twenty, newest first. */
  readonly attempts: readonly KeptAttempt[]
}

export type EndpointReport = LaneReport & {
  /** Names the endpoint in URLs. */
  readonly id: string
  /**
   * `probed`: it failed too often, and gets one event at a time. `paused`: somebody has paused it. `full`: no
   * more events are stored for it. `removed`: the app no longer has it, and its events are about to be deleted.
   */
  readonly state: 'ok' | 'failing' | 'probed' | 'paused' | 'full' | 'removed'
}

/** An event that was given up. */
export type DeadLetter = {
  readonly id: number
  readonly endpoint: string
  /** JSON. */
  readonly event: string
  readonly attempts: number
  /** Status and error of the last attempt. */
  readonly status: number | null
  readonly error: string | null
  /** Epoch milliseconds. */
  readonly deadAt: number
}

export type DeadLetterPage = {
  /** The newest first. */
  readonly letters: readonly DeadLetter[]
  /** The id that the next page begins below; undefined at the end. */
  readonly next: number | undefined
}

export type Report = {
  readonly endpoints: readonly EndpointReport[]
  /** At most a hundred of each endpoint, newest first. */
  readonly deadLetters: readonly DeadLetter[]
}

/** What an app's endpoints have not accepted, all together. */
export type Backlog = Pick<LaneReport, 'pending' | 'failing' | 'dead' | 'oldest'> & {
  /** Endpoints that somebody has paused. What waits for them is pending, and neither `failing` nor for `oldest`. */
  readonly paused: number
}

export const NO_BACKLOG: Backlog = { pending: 0, failing: 0, dead: 0, oldest: null, paused: 0 }

export const addBacklog = (sum: Backlog, more: Backlog): Backlog => ({
  pending: sum.pending + more.pending,
  failing: sum.failing + more.failing,
  dead: sum.dead + more.dead,
  paused: sum.paused + more.paused,
  oldest:
    sum.oldest === null || more.oldest === null
      ? (sum.oldest ?? more.oldest)
      : Math.min(sum.oldest, more.oldest),
})

/** A deed, and the endpoint that it is about as the audit may show it; undefined where it is about all. */
export type EndpointDeed = Deed & { readonly target: string | undefined }

/** Which dead letters are replayed. */
export type ReplayChoice =
  | { readonly of: 'all' }
  /** Those of one endpoint, by its name. */
  | { readonly of: 'endpoint'; readonly endpoint: string }
  /** At most MAX_CHOSEN; ids that are none of the app's dead letters are passed over. */
  | { readonly of: 'ids'; readonly ids: readonly number[] }

/** Rows that are changed in one turn of the event loop. */
export const MAX_CHOSEN = 100

export interface Deliveries {
  /** The node whose reports these are; undefined where there is one. */
  readonly node: string | undefined
  /** O(endpoints of the app), and nothing for one without stored events and paused endpoints. */
  backlog(app: App): Backlog
  /** With so many dead letters of each endpoint at most; with a hundred where it is not said. */
  report(app: App, maxDeadLetters?: number): Report
  /** The name of the app's endpoint with this id; undefined where it has none. */
  endpointById(app: App, id: string): string | undefined
  idOf(app: App, endpoint: string): string
  /** Null where it is not paused; epoch milliseconds. */
  pausedAt(app: App, endpoint: string): number | null
  /** The last twenty requests to the endpoint, the newest first. */
  requests(app: App, endpoint: string): readonly ShownAttempt[]
  /** Of one endpoint, or of all; `before` is an id. */
  deadLetters(
    app: App,
    endpoint: string | undefined,
    page: { readonly before: number; readonly limit: number },
  ): DeadLetterPage
  /**
   * Sends dead letters again; returns how many of this node. Other nodes do so with theirs, unless they were chosen
   * by their ids. Rejects with RealtimeError where they cannot be told.
   */
  replay(app: App, choice: ReplayChoice, deed: EndpointDeed): MaybePromise<number>
  /** Ends after the request under way, on all nodes; nothing is audited where it was paused before. Rejects as `replay`. */
  pause(app: App, endpoint: string, deed: EndpointDeed): MaybePromise<void>
  resume(app: App, endpoint: string, deed: EndpointDeed): MaybePromise<void>
  /**
   * Sends a webhook about a made-up channel at once, beside what waits; resolves with its outcome.
   * @throws RealtimeError('too_many_tests' | 'store_unavailable')
   */
  test(app: App, endpoint: string, deed: EndpointDeed): Promise<TestedEndpoint>
}
