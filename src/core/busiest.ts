/** Busiest: the apps with the most connections on all nodes, found in slices among all of them. */
import type { App } from './app'
import type { Core } from './core'

export type Busiest = {
  /** The most connections first. */
  readonly apps: readonly App[]
  /** How many were meant, listed or not. */
  readonly count: number
}

/** Apps of a step: some microseconds. */
const APPS_PER_STEP = 32

type Asked = {
  /** How many are listed at most. */
  readonly limit: number
  readonly isMeant: (app: App) => boolean
}

/** Where as many are connected to both, the one with more events on this node since the start is first. */
export function findBusiest(
  core: Pick<Core, 'apps' | 'engine' | 'slices'>,
  asked: Asked,
): Promise<Busiest> {
  const { limit, isMeant } = asked
  const left = core.apps.all()[Symbol.iterator]()
  const best: Ranked[] = []
  const { promise, resolve, reject } = Promise.withResolvers<Busiest>()
  let count = 0
  const add = (app: App): void => {
    count++
    const ranked = rank(core, app)
    const last = best.at(-1)
    if (best.length === limit && last && compare(ranked, last) >= 0) return
    const place = best.findIndex((other) => compare(ranked, other) < 0)
    best.splice(place === -1 ? best.length : place, 0, ranked)
    if (best.length > limit) best.pop()
  }
  const step = (): boolean => {
    try {
      for (let most = APPS_PER_STEP; most > 0; most--) {
        const next = left.next()
        if (next.done) {
          resolve({ apps: best.map(({ app }) => app), count })
          return false
        }
        if (isMeant(next.value)) add(next.value)
      }
      return true
    } catch (cause) {
      reject(cause as Error)
      return false
    }
  }
  core.slices.add({ part: 'busiest', step })
  return promise
}

/** An app by its numbers of one moment: they change while others are looked at. */
type Ranked = { readonly app: App; readonly connections: number; readonly events: number }

function rank({ engine }: Pick<Core, 'engine'>, app: App): Ranked {
  const { gauges, counters } = app
  const all = engine.connections(app)
  const connections = typeof all === 'number' ? all : gauges.connections
  return { app, connections, events: counters.publications + counters.clientEvents }
}

const compare = (a: Ranked, b: Ranked): number =>
  b.connections - a.connections ||
  b.events - a.events ||
  (a.app.record.slug < b.app.record.slug ? -1 : 1)
