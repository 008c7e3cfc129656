/**
 * Lately: what has happened in the last minutes, as differences of readings. A reading has what was counted until its
 * moment; whoever keeps some of them knows what came between.
 */
import type { App } from './app'
import type { Core } from './core'
import { addTally, newTally, type Counters, type Tallies, type Tally } from './counters'
import type { Latencies } from './latencies'

export type Reading = {
  /** By the clock's `mono`. */
  readonly at: number
  readonly counters: Readonly<Counters>
  readonly refusals: Tally
  readonly latencies: Readonly<Record<LatencyName, readonly number[]>>
  /** By plugin and hook. */
  readonly hookFaults: Tally
  /** Connections of outdated client libraries, by library and version. */
  readonly outdated: Tally
  /** Of apps that were refused something, or have lost something. */
  readonly apps: ReadonlyMap<App, AppReading>
}

export type AppReading = {
  /** Connections, frames and requests that were not refused. */
  readonly accepted: number
  readonly refusals: Tally
  /** Events of webhooks. */
  readonly lost: number
}

type LatencyName = keyof Latencies

/** What the totals of `sumUp` lack. */
export function readingOf(
  { clock, hooks, latencies }: Pick<Core, 'clock' | 'hooks' | 'latencies'>,
  { counters, tallies }: { readonly counters: Counters; readonly tallies: Tallies },
  { apps, outdated }: Pick<Reading, 'apps' | 'outdated'>,
): Reading {
  const hookFaults = newTally()
  for (const { plugin, name, stats } of Object.values(hooks).flat())
    if (stats.faults > 0) hookFaults[`${plugin} ${name}`] = stats.faults
  const counts = Object.entries(latencies).map(([name, each]) => [name, [...each.counts]])
  return {
    at: clock.mono(),
    counters,
    refusals: tallies.refusalsByCode,
    latencies: Object.fromEntries(counts) as Reading['latencies'],
    hookFaults,
    outdated,
    apps,
  }
}

/** Undefined where there is nothing to remember. */
export function readingOfApp({ counters, tallies }: App): AppReading | undefined {
  const refusals = newTally()
  addTally(refusals, tallies.refusalsByCode)
  const { connectionsAccepted, messagesReceived, requestsAccepted } = counters
  const lost = counters.webhookEventsDropped
  if (lost === 0 && Object.keys(refusals).length === 0) return undefined
  return { accepted: connectionsAccepted + messagesReceived + requestsAccepted, refusals, lost }
}

const NOTHING: AppReading = { accepted: 0, refusals: newTally(), lost: 0 }

/** What happened to an app between two readings. */
export const sinceThen = (now = NOTHING, before = NOTHING): AppReading => ({
  accepted: now.accepted - before.accepted,
  refusals: difference(now.refusals, before.refusals),
  lost: now.lost - before.lost,
})

/** What happened between two readings; without an earlier one, since the start. */
export class Lately {
  constructor(
    readonly now: Reading,
    readonly before: Reading | undefined,
    /** By the clock's `mono`: when the process has begun to count. */
    readonly startedAt: number,
  ) {}

  get ms(): number {
    return this.now.at - (this.before?.at ?? this.startedAt)
  }

  count(name: keyof Counters): number {
    return this.now.counters[name] - (this.before?.counters[name] ?? 0)
  }

  get hookFaults(): Tally {
    return difference(this.now.hookFaults, this.before?.hookFaults)
  }

  get outdated(): Tally {
    return difference(this.now.outdated, this.before?.outdated)
  }

  /** Those that name no app; an app that has ended since does not count. */
  get unnamedRefusals(): Tally {
    const all = difference(this.now.refusals, this.before?.refusals)
    const named = newTally()
    for (const [app, now] of this.now.apps)
      addTally(named, sinceThen(now, this.before?.apps.get(app)).refusals)
    return difference(all, named)
  }

  /** The share of what took longer than `ms`, a bound of the histogram; undefined where fewer than `least` were measured. */
  shareAbove(name: LatencyName, bounds: readonly number[], ms: number, least: number) {
    const before = this.before?.latencies[name]
    const counts = this.now.latencies[name].map((each, index) => each - (before?.[index] ?? 0))
    const all = counts.reduce((sum, each) => sum + each, 0)
    const first = bounds.indexOf(ms) + 1
    const above = counts.slice(first).reduce((sum, each) => sum + each, 0)
    return all < least ? undefined : above / all
  }
}

/** What is more than it was. */
function difference(now: Tally, before: Tally | undefined): Tally {
  const more = newTally()
  for (const label in now) {
    const count = now[label]! - (before?.[label] ?? 0)
    if (count > 0) more[label] = count
  }
  return more
}

export const sumOfTally = (tally: Tally): number =>
  Object.values(tally).reduce((sum, each) => sum + each, 0)
