/**
 * The messages between the bench and a load process: the order is JSON in the first argument, the
 * outcome goes back as the last line of the standard output. Lines before it are the progress:
 * what was counted in the last moment, per second.
 */
import { writeSync } from 'node:fs'
import type { Buckets, Histogram } from './histogram'
import type { Peer } from './sides'
import type { Usage } from './usage'

export type LoadOrder<Case> = {
  readonly case: Case
  readonly peer: Peer
  readonly warmUpSeconds: number
  readonly seconds: number
  /** True where the progress is shown. */
  readonly isWatched: boolean
}

/** Latencies of a load, in milliseconds, and all of them for those who merge rounds. */
export type Latency = {
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  readonly latency: Buckets
}

/** What every load process reports. */
export type LoadOutcome = Usage & Latency

export function latencyOf(histogram: Histogram): Latency {
  return {
    p50Ms: histogram.quantileMs(0.5),
    p90Ms: histogram.quantileMs(0.9),
    p99Ms: histogram.quantileMs(0.99),
    p999Ms: histogram.quantileMs(0.999),
    maxMs: histogram.maxMs,
    latency: histogram.buckets(),
  }
}

/** Runs the load and ends the process: sockets that are still open need no goodbye. */
export async function serveOrder<Case, Outcome>(
  load: (order: LoadOrder<Case>) => Outcome | Promise<Outcome>,
): Promise<never> {
  try {
    const outcome = await load(JSON.parse(process.argv[2] ?? '{}') as LoadOrder<Case>)
    writeSync(STDOUT, `${JSON.stringify(outcome)}\n`)
    process.exit(0)
  } catch (cause) {
    process.stderr.write(`bench: ${cause instanceof Error ? cause.message : String(cause)}\n`)
    process.exit(1)
  }
}

const STDOUT = 1
const PROGRESS_MS = 250

/** Makes a function that now and then writes how fast a counter grows; it does nothing where nobody watches. */
export function makeProgress(isWatched: boolean, count: () => number): () => void {
  if (!isWatched) return () => {}
  let [reportedAt, reported] = [performance.now(), count()]
  return () => {
    const now = performance.now()
    if (now - reportedAt < PROGRESS_MS) return
    writeSync(STDOUT, `${Math.round(((count() - reported) * 1000) / (now - reportedAt))}\n`)
    ;[reportedAt, reported] = [now, count()]
  }
}
