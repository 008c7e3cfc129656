/**
 * LATENCIES: how long things take, as histograms in plain numbers: an observation is a search among a dozen bounds
 * and two additions (10 to 15 ns, Bun 1.4). They are of the process; each belongs to the part that observes it.
 */
import { HighWater } from './counters'
import type { Clock } from './types'

/** Upper bounds in milliseconds, for what takes a turn of the event loop or a few. */
const TURNS_MS = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 5000] as const
/** For what others answer. */
const ANSWERS_MS = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000] as const

type LatencyRow = { readonly about: string; readonly boundsMs: readonly number[] }

export const LATENCIES = {
  delivery: {
    about:
      'from an event or notice that is fanned out to the first turn of the event loop after its last shard went out, sampled; one per format',
    boundsMs: TURNS_MS,
  },
  fanOutLag: {
    about: 'from an event or notice that waited for its turn of the fan-out to its last shard',
    boundsMs: TURNS_MS,
  },
  loopLag: {
    about: 'how much later than due a timer has run, ten times a second',
    boundsMs: TURNS_MS,
  },
  webhookRequest: {
    about: 'from a webhook request to its answer or failure',
    boundsMs: ANSWERS_MS,
  },
} as const satisfies Record<string, LatencyRow>

type LatencyName = keyof typeof LATENCIES

export type Latencies = { readonly [Name in LatencyName]: Histogram }

export const newLatencies = (): Latencies =>
  Object.fromEntries(
    Object.entries(LATENCIES).map(([name, { boundsMs }]) => [name, new Histogram(boundsMs)]),
  ) as Latencies

export class Histogram {
  sumMs = 0
  readonly peak = new HighWater()
  /** Of each bound those above the one before, up to itself; the last is of those above all. */
  readonly counts: number[]

  /** In ascending order. */
  constructor(readonly boundsMs: readonly number[]) {
    this.counts = Array.from({ length: boundsMs.length + 1 }, () => 0)
  }

  /** How many were observed. */
  get count(): number {
    return this.counts.reduce((sum, each) => sum + each, 0)
  }

  observe(ms: number): void {
    const { boundsMs } = this
    let index = 0
    while (index < boundsMs.length && ms > boundsMs[index]!) index++
    this.counts[index]!++
    this.sumMs += ms
    this.peak.note(ms)
  }
}

/** How often the lag of the loop is measured. */
export const LOOP_TICK_MS = 100

type LoopParts = {
  readonly clock: Clock
  readonly hub: { sampleNextDelivery(): void }
  readonly latencies: Pick<Latencies, 'loopLag'>
}

/**
 * Returns the measurement, to be called every `LOOP_TICK_MS`. The first delivery after each is measured, too: where
 * few events are published, all of them are. Timers are late where something keeps the loop longer than a turn may last.
 */
export function newLoopTick({ clock, hub, latencies }: LoopParts): () => void {
  let due = clock.mono() + LOOP_TICK_MS
  return () => {
    const now = clock.mono()
    latencies.loopLag.observe(Math.max(0, now - due))
    due = now + LOOP_TICK_MS
    hub.sampleNextDelivery()
  }
}
