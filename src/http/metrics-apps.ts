/**
 * LabelledApps: which apps have series of their own in the metrics; all others have theirs together. Each series costs
 * whoever stores it, so they are bounded. A counter never goes back, since that would be read as a restart: an app has
 * a label of its own from when it is first seen to have done something, until it ends, and one that was once among the
 * others stays there. Owns who is where.
 */
import type { App } from '../core/app'
import type { Core } from '../core/core'
import { newAppCounters, newGauges, type AppCounters, type Gauges } from '../core/counters'

/** What is rendered of an app, or of all others together. */
export type AppNumbers = {
  readonly appId: string
  readonly counters: AppCounters
  readonly gauges: Gauges
}

/** The label of those that have none of their own, and of what names no app. */
export const OTHER = 'other'

type Numbers = Record<string, number>

export class LabelledApps {
  readonly #labelled = new Map<App, AppCounters>()
  /** Those that have counted something as one of the others. */
  readonly #others = new WeakSet<App>()
  /** What the process counts since labelled apps have ended, and their own series have shown. */
  readonly #ended = newAppCounters()

  constructor(
    readonly core: Pick<Core, 'apps' | 'counters' | 'hub'>,
    readonly maxApps: number,
  ) {}

  /** The numbers of this moment, the others last; O(apps), 0.3 µs for each. */
  read(): readonly AppNumbers[] {
    const { apps, counters: ofProcess, hub } = this.core
    for (const [app, counters] of this.#labelled)
      if (apps.byId(app.id) !== app) this.#end(app, counters)
    const counters = newAppCounters()
    const gauges = newGauges()
    for (const app of apps.all()) {
      if (this.#isLabelled(app)) continue
      add(counters, app.counters)
      add(gauges, app.gauges)
    }
    for (const name in counters) {
      const key = name as keyof AppCounters
      counters[key] += ofProcess[key] - this.#ended[key]
    }
    gauges.connections += hub.unnamedCount
    const own = Array.from(this.#labelled.keys(), (app) => ({
      appId: app.id,
      counters: app.counters,
      gauges: app.gauges,
    }))
    return [...own, { appId: OTHER, counters, gauges }]
  }

  #isLabelled(app: App): boolean {
    if (this.#labelled.has(app)) return true
    if (this.#others.has(app) || !isActive(app)) return false
    if (this.#labelled.size < this.maxApps) this.#labelled.set(app, app.counters)
    else this.#others.add(app)
    return this.#labelled.has(app)
  }

  /** The process has taken over the app's numbers, which do not change any more. */
  #end(app: App, counters: AppCounters): void {
    this.#labelled.delete(app)
    add(this.#ended, counters)
  }
}

function add(sum: Numbers, numbers: Readonly<Numbers>): void {
  for (const name in numbers) sum[name]! += numbers[name]!
}

function isActive({ counters, gauges }: App): boolean {
  if (gauges.connections > 0) return true
  for (const name in counters) if (counters[name as keyof AppCounters] > 0) return true
  return false
}
