/**
 * Deliveries: what became of an app's webhooks, between whoever sends them and whoever shows them.
 */
import type { App } from './app'

/** One request to an endpoint. */
export type Attempt = {
  /** When it was sent; epoch milliseconds. */
  readonly at: number
  readonly durationMs: number
  /** How many it carried. */
  readonly events: number
  /** Null where there was no answer. */
  readonly status: number | null
  /** Null where the answer was 2xx. */
  readonly error: string | null
}

/** What is kept of an endpoint. */
export type LaneReport = {
  readonly endpoint: string
  readonly pending: number
  /** Of those pending, the ones that were sent and not accepted. */
  readonly failing: number
  readonly dead: number
  /** When the oldest one pending was written down, or was replayed; epoch milliseconds. */
  readonly oldest: number | null
  /** The last twenty, the newest first. */
  readonly attempts: readonly Attempt[]
}

export type EndpointReport = LaneReport & {
  /**
   * `paused`: it failed too often, and is probed. `full`: no more is kept for it. `removed`:
   * it is gone, and so is the rest soon.
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
  /** At most a hundred of each endpoint, the newest first. */
  readonly deadLetters: readonly DeadLetter[]
}

/** Who sends an app's webhooks. */
export interface Deliveries {
  report(app: App): Report
  /** How many dead letters go out again. */
  replay(app: App): number
}
