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

/** What is rendered of an app, or of all others together. */
export type AppNumbers = Counting & {
  readonly appId: string
  readonly gauges: Gauges
  readonly subscriptionsByKind: Tally
  readonly backlog: Backlog
}

type Walk = {
  readonly others: AppNumbers & { backlog: Backlog }
  /** The others that were added. */
  readonly added: App[]
  /** Of apps that have labels. */
  readonly backlogs: Map<App, Backlog>
}

/** The label of those that have none of their own, and of what names no app. An app with this id is one of them. */
export const OTHER = 'other'

/** Apps of a step: some microseconds. */
const APPS_PER_STEP = 8
/** Walks in slices, before one is made at once. */
const MAX_WALKS = 3

export class LabelledApps {
  /** Each with its numbers, which are another object's once it has ended. */
  readonly #labelled = new Map<App, Counting>()
  /** Those that have counted something as one of the others. */
  readonly #others = new WeakSet<App>()
  /** What the process counts since labelled apps have ended, and their own series have shown. */
  readonly #ended: Counting = { counters: newAppCounters(), tallies: newTallies() }

  constructor(
    readonly core: Pick<Core, 'apps' | 'counters' | 'hub' | 'slices' | 'tallies'>,
    readonly maxApps: number,
    readonly backlogOf: (app: App) => Backlog,
  ) {}

  /**
   * The numbers of all, the others last. Those of the others are added up in slices: a microsecond for each, and
   * queries for one whose webhooks wait. An app that ends meanwhile leaves its numbers to the process, and would
   * count twice: then all is added up anew.
   */
  async read(): Promise<readonly AppNumbers[]> {
    for (let left = MAX_WALKS; left > 0; left--) {
      const walk = await this.#walkInSlices()
      if (walk.added.every((app) => this.#isLive(app))) return this.#finish(walk)
    }
    const walk = newWalk()
    for (const app of this.core.apps.all()) this.#visit(app, walk)
    return this.#finish(walk)
  }

  #isLive(app: App): boolean {
    return this.core.apps.byId(app.id) === app
  }

  #walkInSlices(): Promise<Walk> {
    const { apps, slices } = this.core
    const walk = newWalk()
    const left = apps.all()[Symbol.iterator]()
    const { promise, resolve, reject } = Promise.withResolvers<Walk>()
    const step = (): boolean => {
      try {
        for (let most = APPS_PER_STEP; most > 0; most--) {
          const next = left.next()
          if (next.done) {
            resolve(walk)
            return false
          }
          this.#visit(next.value, walk)
        }
        return true
      } catch (cause) {
        reject(cause as Error)
        return false
      }
    }
    slices.add({ part: 'metrics', step })
    return promise
  }

  #visit(app: App, { others, added, backlogs }: Walk): void {
    const backlog = this.backlogOf(app)
    if (!this.#isOther(app, backlog)) {
      if (backlog !== NO_BACKLOG) backlogs.set(app, backlog)
      return
    }
    added.push(app)
    add(others, app)
    addTally(others.gauges, app.gauges)
    addTally(others.subscriptionsByKind, app.subscriptionsByKind)
    others.backlog = addBacklog(others.backlog, backlog)
  }

  /** False for one that has a label, or gets it now, and for one that has no numbers yet. */
  #isOther(app: App, backlog: Backlog): boolean {
    if (this.#others.has(app)) return true
    if (this.#labelled.has(app) || (backlog === NO_BACKLOG && !isActive(app))) return false
    const { counters, tallies } = app
    if (this.#labelled.size < this.maxApps && app.id !== OTHER)
      this.#labelled.set(app, { counters, tallies })
    else this.#others.add(app)
    return this.#others.has(app)
  }

  /** In the turn in which the walk was found to be right: what is read here is of one moment. */
  #finish({ others, backlogs }: Walk): readonly AppNumbers[] {
    const { counters, tallies, hub } = this.core
    for (const [app, numbers] of this.#labelled)
      if (!this.#isLive(app)) {
        this.#labelled.delete(app)
        add(this.#ended, numbers)
      }
    add(others, { counters, tallies })
    subtract(others, this.#ended)
    others.gauges.connections += hub.unnamedCount
    const own = Array.from(this.#labelled, ([app, numbers]) => {
      const { id: appId, gauges, subscriptionsByKind } = app
      const backlog = backlogs.get(app) ?? NO_BACKLOG
      return { appId, ...numbers, gauges, subscriptionsByKind, backlog }
    })
    return [...own, others]
  }
}

const newWalk = (): Walk => ({
  others: {
    appId: OTHER,
    counters: newAppCounters(),
    tallies: newTallies(),
    gauges: newGauges(),
    subscriptionsByKind: newTally(),
    backlog: NO_BACKLOG,
  },
  added: [],
  backlogs: new Map(),
})

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
