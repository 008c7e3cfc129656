/** Figures as they are shown: those of all nodes, and what each of them has to do with it. */
import type { App } from '../core/app'
import type { Core } from '../core/core'
import type { Tally } from '../core/counters'
import { sumOfFigures, type Figures, type NodeFigures } from '../core/figures'
import { andThen, type MaybePromise } from '../core/maybe-promise'
import { snakeCase } from './metric-rows'

/** An app, and what the other nodes have of several; `index` is its place among those. */
export type AppOfNodes = {
  readonly app: App
  readonly others: readonly NodeFigures[]
  readonly index: number
}

/** Apps that the other nodes are asked for at once. */
const ASKED_AT_ONCE = 100

/** The figures of all nodes. `index` is that of the app among those that the others were asked for. */
export function sumOfNodes(
  { clock }: Core,
  own: Figures,
  others: readonly NodeFigures[],
  index: number,
) {
  const known = others.flatMap(({ figures }) => figures?.[index] ?? [])
  return figuresIn(sumOfFigures(own, known), clock.now())
}

/** `nodes` with what each has of those; without it where there is one. `index` as above. */
export function sharesOf(
  { about, clock, engine }: Core,
  own: Figures,
  others: readonly NodeFigures[],
  index: number,
) {
  if (!engine.isShared) return undefined
  const now = clock.now()
  const [first] = engine.nodes()
  const nodes = [
    {
      id: first!.id,
      name: about.name,
      asked: true,
      age_ms: 0,
      started_at: Math.round(about.startedAt),
      ...figuresIn(own, now),
    },
    ...others.map((node) => shareOf(node, index, now)),
  ]
  return { nodes }
}

function shareOf(
  { id, name, seenMs, startedAt, figures }: NodeFigures,
  index: number,
  now: number,
) {
  const told = figures?.[index]
  return {
    id,
    name,
    asked: false,
    age_ms: round(seenMs),
    started_at: Math.round(startedAt),
    ...(told ? figuresIn(told, now) : UNKNOWN),
  }
}

const UNKNOWN = { now: null, peak: null, totals: null }

/** All apps, in parts with what the other nodes have of them. */
export function withOthers(
  { engine }: Core,
  apps: Iterable<App>,
): () => MaybePromise<readonly AppOfNodes[]> {
  const all = Array.from(apps)
  const size = engine.isShared ? ASKED_AT_ONCE : all.length
  let at = 0
  return () => {
    const some = all.slice(at, at + size)
    at += size
    const join = (others: readonly NodeFigures[]): AppOfNodes[] =>
      some.map((app, index) => ({ app, others, index }))
    if (some.length === 0) return []
    return andThen(engine.figuresElsewhere(some.map(({ id }) => id)), join)
  }
}

const figuresIn = (figures: Figures, now: number) => ({
  now: nowOf(figures, now),
  peak: inSnakeCase(figures.peaks),
  totals: { ...inSnakeCase(figures.counters), ...inSnakeCase(figures.tallies) },
})

export const nowOf = ({ gauges, subscriptionsByKind, backlog }: Figures, now: number) => ({
  ...inSnakeCase(gauges),
  subscriptions_by_kind: presentIn(subscriptionsByKind),
  webhook_events_pending: backlog.pending,
  webhook_events_failing: backlog.failing,
  webhook_events_dead: backlog.dead,
  webhook_endpoints_paused: backlog.paused,
  webhook_oldest_pending_ms:
    backlog.oldest === null ? null : round(Math.max(0, now - backlog.oldest)),
})

const inSnakeCase = (numbers: object): object =>
  Object.fromEntries(
    Object.entries(numbers).map(([name, value]: [string, unknown]) => [
      snakeCase(name),
      typeof value === 'number' ? round(value) : value,
    ]),
  )

/** Kinds with a subscription. */
const presentIn = (tally: Tally): Tally =>
  Object.fromEntries(Object.entries(tally).filter(([, size]) => size > 0))

export const round = (value: number): number => Math.round(value * 1000) / 1000
