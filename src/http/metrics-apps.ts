/**
 * LabelledApps: which apps have series of their own in the metrics; all others have theirs together. Each series costs
 * whoever stores it, so they are bounded. A counter never goes back, since that would be read as a restart: an app has
 * a label of its own from when it is first seen to have done something, until it ends, and one that was once among the
 * others stays there. Owns who is where.
 */
import type { App } from '../core/app'
import type { Core } from '../core/core'
import {
  addTallies,
  addTally,
  newAppCounters,
  newGauges,
  newTallies,
  newTally,
  type AppCounters,
  type Counting,
  type Gauges,
  type Tallies,
  type Tally,
} from '../core/counters'
import { addBacklog, NO_BACKLOG, type Backlog } from '../core/deliveries'
import { workFor } from '../core/slices'

/** What is rendered of an app, or of all others together. */
export type AppNumbers = Counting & {
  readonly appId: string
  readonly gauges: Gauges
  readonly subscriptionsByKind: Tally
  readonly backlog: Backlog
}

/** The backlogs of all apps that have one, read in slices: each costs queries. */
export function readBacklogs(
  { apps, slices }: Pick<Core, 'apps' | 'slices'>,
  backlogOf: (app: App) => Backlog,
): Promise<ReadonlyMap<App, Backlog>> {
  const found = new Map<App, Backlog>()
  const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<App, Backlog>>()
  const reading = workFor('metrics', [...apps.all()], (app) => {
    const backlog = backlogOf(app)
    if (backlog !== NO_BACKLOG) found.set(app, backlog)
  })
  const step = (): boolean => {
    try {
      if (reading.step()) return true
      resolve(found)
    } catch (cause) {
      reject(cause as Error)
    }
    return false
  }
  slices.add({ part: reading.part, step })
  return promise
}

/** The label of those that have none of their own, and of what names no app. */
export const OTHER = 'other'

export class LabelledApps {
  /** Each with its numbers, which are another object's once it has ended. */
  readonly #labelled = new Map<App, Counting>()
  /** Those that have counted something as one of the others. */
  readonly #others = new WeakSet<App>()
  /** What the process counts since labelled apps have ended, and their own series have shown. */
  readonly #ended: Counting = { counters: newAppCounters(), tallies: newTallies() }

  constructor(
    readonly core: Pick<Core, 'apps' | 'counters' | 'hub' | 'tallies'>,
    readonly maxApps: number,
  ) {}

  /** The numbers of this moment, the others last; O(apps), half a microsecond for each. */
  read(backlogs: ReadonlyMap<App, Backlog>): readonly AppNumbers[] {
    const { apps } = this.core
    for (const [app, numbers] of this.#labelled) {
      if (apps.byId(app.id) === app) continue
      this.#labelled.delete(app)
      add(this.#ended, numbers)
    }
    const others = this.#readOthers(backlogs)
    const own = Array.from(this.#labelled, ([app, { counters, tallies }]) => {
      const { id: appId, gauges, subscriptionsByKind } = app
      const backlog = backlogs.get(app) ?? NO_BACKLOG
      return { appId, counters, tallies, gauges, subscriptionsByKind, backlog }
    })
    return [...own, others]
  }

  #readOthers(backlogs: ReadonlyMap<App, Backlog>): AppNumbers {
    const { apps, counters, tallies, hub } = this.core
    const others = {
      appId: OTHER,
      counters: newAppCounters(),
      tallies: newTallies(),
      gauges: newGauges(),
      subscriptionsByKind: newTally(),
      backlog: NO_BACKLOG,
    }
    for (const app of apps.all()) {
      if (!this.#isOther(app)) continue
      add(others, app)
      for (const name in app.gauges)
        others.gauges[name as keyof Gauges] += app.gauges[name as keyof Gauges]
      addTally(others.subscriptionsByKind, app.subscriptionsByKind)
    }
    add(others, { counters, tallies })
    subtract(others, this.#ended)
    others.gauges.connections += hub.unnamedCount
    for (const [app, backlog] of backlogs)
      if (!this.#labelled.has(app)) others.backlog = addBacklog(others.backlog, backlog)
    return others
  }

  /** False for one that has a label, or gets it now, and for one that has no numbers yet. */
  #isOther(app: App): boolean {
    if (this.#others.has(app)) return true
    if (this.#labelled.has(app) || !isActive(app)) return false
    const { counters, tallies } = app
    if (this.#labelled.size < this.maxApps) this.#labelled.set(app, { counters, tallies })
    else this.#others.add(app)
    return this.#others.has(app)
  }
}

function add(sum: Counting, numbers: Counting): void {
  for (const name in sum.counters)
    sum.counters[name as keyof AppCounters] += numbers.counters[name as keyof AppCounters]
  addTallies(sum.tallies, numbers)
}

/** Labels that were never among the others are not shown there. */
function subtract(sum: Counting, { counters, tallies }: Counting): void {
  for (const name in counters)
    sum.counters[name as keyof AppCounters] -= counters[name as keyof AppCounters]
  for (const name in tallies) {
    const [left, ended] = [sum.tallies[name as keyof Tallies], tallies[name as keyof Tallies]]
    for (const label in ended) {
      left[label] = (left[label] ?? 0) - ended[label]!
      if (left[label] === 0) delete left[label]
    }
  }
}

function isActive({ counters, tallies, gauges }: App): boolean {
  if (gauges.connections > 0) return true
  for (const name in counters) if (counters[name as keyof AppCounters] > 0) return true
  for (const name in tallies) for (const _ in tallies[name as keyof Tallies]) return true
  return false
}
