/**
 * Figures: what an app, or a node with all its apps, has at the moment, and what was counted there since the start. Nodes
 * that are one tell them to each other, so that each answers for all.
 */
import {
  addTallies,
  addTally,
  newGauges,
  newTallies,
  newTally,
  type Gauges,
  type Peaks,
  type Tallies,
  type Tally,
} from './counters'
import { addBacklog, NO_BACKLOG, type Backlog } from './deliveries'
import type { NodeReport } from './node-report'

export type Figures = {
  readonly counters: Readonly<Record<string, number>>
  readonly tallies: Tallies
  readonly gauges: Gauges
  readonly subscriptionsByKind: Tally
  readonly backlog: Backlog
  /** The most since the start. */
  readonly peaks: { readonly [Name in keyof Peaks]: number }
}

/** What another node has told of some apps, or of itself. */
export type NodeFigures = Pick<NodeReport, 'id' | 'name' | 'startedAt'> & {
  /** How long ago it was heard of; it tells every two seconds what has changed. */
  readonly seenMs: number
  /** In the order in which they were asked for; undefined where they are not known now. */
  readonly figures: readonly Figures[] | undefined
}

/** Stands for a node in place of the id of an app: all that it has. */
export const WHOLE_NODE = ''

export const newFigures = (): Figures => ({
  counters: {},
  tallies: newTallies(),
  gauges: newGauges(),
  subscriptionsByKind: newTally(),
  backlog: NO_BACKLOG,
  peaks: { connections: 0, fanOutLagMs: 0 },
})

/** An app, or the sum of all. */
type Source = Omit<Figures, 'backlog' | 'peaks'>

/** They are those of the moment at which they are read. */
export const figuresOf = (
  { counters, tallies, gauges, subscriptionsByKind }: Source,
  backlog: Backlog,
  { connections, fanOutLagMs }: Peaks,
): Figures => ({
  counters,
  tallies,
  gauges,
  subscriptionsByKind,
  backlog,
  peaks: { connections: connections.ever, fanOutLagMs: fanOutLagMs.ever },
})

/**
 * Those of several nodes, with the counters that the first has. At once they had no more connections than the sum of
 * what each had at the most.
 */
export function sumOfFigures(own: Figures, others: readonly Figures[]): Figures {
  if (others.length === 0) return own
  const sum = newFigures()
  const counters: Record<string, number> = {}
  let { backlog, peaks } = sum
  for (const figures of [own, ...others]) {
    for (const name in own.counters)
      counters[name] = (counters[name] ?? 0) + (figures.counters[name] ?? 0)
    addTallies(sum.tallies, figures)
    addTally(sum.gauges, figures.gauges)
    addTally(sum.subscriptionsByKind, figures.subscriptionsByKind)
    backlog = addBacklog(backlog, figures.backlog)
    peaks = {
      connections: peaks.connections + figures.peaks.connections,
      fanOutLagMs: Math.max(peaks.fanOutLagMs, figures.peaks.fanOutLagMs),
    }
  }
  return { ...sum, counters, backlog, peaks }
}
