/** Deliveries: reports of an app's webhooks, between the part that sends them and the API that shows them. */
import type { App } from './app'
import type { Deed } from './audit'

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

/** What the store knows of an endpoint. */
export type LaneReport = {
  readonly endpoint: string
  readonly pending: number
  /** Pending events that were sent and not accepted. */
  readonly failing: number
  readonly dead: number
  /** When the oldest pending event was stored or replayed; epoch milliseconds. */
  readonly oldest: number | null
  /** The last twenty, newest first. */
  readonly attempts: readonly Attempt[]
}

export type EndpointReport = LaneReport & {
  /**
   * `paused`: it failed too often and is probed. `full`: no more events are stored for it. `removed`: the app
   * no longer has it, and its events are about to be deleted.
   */
  readonly state: 'ok' | 'failing' | 'paused' | 'full' | 'removed'
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

export type Report = {
  readonly endpoints: readonly EndpointReport[]
  /** At most a hundred of each endpoint, newest first. */
  readonly deadLetters: readonly DeadLetter[]
}

/** What an app's endpoints have not accepted, all together. */
export type Backlog = Pick<LaneReport, 'pending' | 'failing' | 'dead' | 'oldest'>

export const NO_BACKLOG: Backlog = { pending: 0, failing: 0, dead: 0, oldest: null }

export const addBacklog = (sum: Backlog, more: Backlog): Backlog => ({
  pending: sum.pending + more.pending,
  failing: sum.failing + more.failing,
  dead: sum.dead + more.dead,
  oldest:
    sum.oldest === null || more.oldest === null
      ? (sum.oldest ?? more.oldest)
      : Math.min(sum.oldest, more.oldest),
})

export interface Deliveries {
  /** O(endpoints of the app), and nothing for one without stored events. */
  backlog(app: App): Backlog
  report(app: App): Report
  /** Sends dead letters again; returns how many. */
  replay(app: App, deed: Deed): number
}
