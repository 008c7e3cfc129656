/**
 * Sparklines: of each app what it does per second, and the last hour in minutes. An app that has done nothing has no
 * rows, so those of the server say which minutes there were.
 */
import { PERIODS, stepAt, type Period, type SeriesName } from './series'
import { SERVER, type SomeOfStep, type StatisticsStore } from './statistics'

/** The numbers of an app in one step. */
export type Spark = {
  readonly connections: number
  /** Per second, of backends and clients. */
  readonly events: number
  /** Per second. */
  readonly deliveries: number
}

export type Sparkline = {
  /** Of the last ten seconds that are over; undefined where nothing is kept, or not yet. */
  readonly last: Spark | undefined
  /** One for each of the minutes. */
  readonly minutes: readonly Spark[]
}

const NAMES = [
  'connections',
  'publications',
  'client_events',
  'deliveries',
] as const satisfies readonly SeriesName[]
const MINUTES = 60
/** A step of ten seconds is written when it is over, and the next one has begun. */
const RECENT_MS = 4 * PERIODS.hour.stepSeconds * 1000

type Store = Pick<StatisticsStore, 'readSome' | 'lastValues'>

export class Sparklines {
  /** When the minutes of the last hour have begun; epoch milliseconds. */
  readonly minutes: readonly number[]
  /** The last step of ten seconds that is over. */
  readonly #last: number | undefined

  constructor(
    readonly store: Store,
    readonly now: number,
  ) {
    const minutes = this.#read(SERVER, PERIODS.day, this.#hourAgo).map(({ at }) => at)
    this.minutes = minutes.slice(-MINUTES)
    this.#last = this.#read(SERVER, PERIODS.hour, now - RECENT_MS).at(-1)?.at
  }

  /** Half a millisecond for an app that was active all the time. */
  of(appId: string): Sparkline {
    const rows = new Map(
      this.#read(appId, PERIODS.day, this.#hourAgo).map((step) => [step.at, step]),
    )
    let connections = rows.size === this.minutes.length ? 0 : this.#connectionsBefore(appId)
    const minutes = this.minutes.map((at) => {
      const spark = sparkOf(rows.get(at), PERIODS.day, connections)
      connections = spark.connections
      return spark
    })
    return { last: this.#lastOf(appId), minutes }
  }

  #lastOf(appId: string): Spark | undefined {
    const at = this.#last
    if (at === undefined) return undefined
    const [step] = this.#read(appId, PERIODS.hour, at - 1)
    return sparkOf(step, PERIODS.hour, 0)
  }

  #connectionsBefore(appId: string): number {
    return this.store.lastValues(appId, this.#hourAgo)?.[0] ?? 0
  }

  #read(appId: string, period: Period, after: number): readonly SomeOfStep[] {
    const limit = MINUTES + 2
    return this.store.readSome(appId, { period, after, until: this.now, limit }, NAMES)
  }

  /** A minute is written when it is over, and one more may have begun since. */
  get #hourAgo(): number {
    return stepAt(this.now, PERIODS.day) - (MINUTES + 2) * 60_000
  }
}

/** A step without a row goes on with as many connections, and nothing happens in it. */
function sparkOf(
  step: SomeOfStep | undefined,
  { stepSeconds }: Period,
  connectionsBefore: number,
): Spark {
  if (!step) return { connections: connectionsBefore, events: 0, deliveries: 0 }
  const [connections = 0, publications = 0, clientEvents = 0, deliveries = 0] = step.values
  return {
    connections,
    events: (publications + clientEvents) / stepSeconds,
    deliveries: deliveries / stepSeconds,
  }
}
