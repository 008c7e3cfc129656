/** Totals: the numbers of the process and of all apps, summed up in slices. */
import type { App } from './app'
import type { Core } from './core'
import {
  addCounters,
  addTallies,
  addTally,
  newGauges,
  newTallies,
  newTally,
  type Counters,
  type Gauges,
  type Tallies,
  type Tally,
} from './counters'
import { addBacklog, NO_BACKLOG, type Backlog } from './deliveries'

export type Totals = {
  readonly apps: number
  readonly counters: Counters
  readonly tallies: Tallies
  readonly gauges: Gauges
  readonly subscriptionsByKind: Tally
  readonly backlog: Backlog
}

/**
 * Stands for the numbers of an app: while both are the same, so are all of these. What was `counted` only grows, and
 * what there is `now` does not grow without something that is counted.
 */
export type Stamp = { readonly counted: number; readonly now: number }

/** Apps of a step: some microseconds. */
const APPS_PER_STEP = 8

/** `visit` is called for each app, in the step that adds it. */
export function sumUp(
  core: Core,
  backlogOf: (app: App) => Backlog,
  visit?: (app: App, backlog: Backlog, stamp: Stamp) => void,
): Promise<Totals> {
  const { apps, slices, hub } = core
  const left = apps.all()[Symbol.iterator]()
  const sum = {
    apps: 0,
    counters: { ...core.counters },
    tallies: newTallies(),
    gauges: { ...newGauges(), connections: hub.unnamedCount },
    subscriptionsByKind: newTally(),
    backlog: NO_BACKLOG,
  }
  addTallies(sum.tallies, core)
  const add = (app: App): void => {
    sum.apps++
    const counted = addCounters(sum.counters, app) + addTallies(sum.tallies, app)
    const now =
      addTally(sum.gauges, app.gauges) + addTally(sum.subscriptionsByKind, app.subscriptionsByKind)
    const backlog = backlogOf(app)
    sum.backlog = addBacklog(sum.backlog, backlog)
    visit?.(app, backlog, { counted, now })
  }
  const { promise, resolve, reject } = Promise.withResolvers<Totals>()
  const step = (): boolean => {
    try {
      for (let most = APPS_PER_STEP; most > 0; most--) {
        const next = left.next()
        if (next.done) {
          resolve(sum)
          return false
        }
        add(next.value)
      }
      return true
    } catch (cause) {
      reject(cause as Error)
      return false
    }
  }
  slices.add({ part: 'totals', step })
  return promise
}
