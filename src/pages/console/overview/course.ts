/** The course of statistics: loaded once for a time, then only what is new. */
import { useRef } from 'preact/hooks'
import { api } from '../api'
import { useLoaded, type Loaded } from '../use'
import type { Share } from './split'
import { join, type Course, type Point } from './charts'

/** RANGES: how far back a page looks. */
export const RANGES = {
  hour: { title: 'Hour', period: 'hour', ms: 3_600_000, last: 'Last 10 minutes', lastMs: 600_000 },
  day: { title: 'Day', period: 'day', ms: 86_400_000, last: 'Last 3 hours', lastMs: 10_800_000 },
  week: { title: 'Week', period: 'year', ms: 604_800_000, last: 'Last day', lastMs: 86_400_000 },
} as const

export type RangeName = keyof typeof RANGES

export const rangeIn = (query: URLSearchParams): RangeName => {
  const given = query.get('range') ?? ''
  return Object.hasOwn(RANGES, given) ? (given as RangeName) : 'hour'
}

type Numbers = Readonly<Record<string, number | null>>

export type Stats = {
  /** Epoch milliseconds, both. */
  readonly at: number
  readonly startedAt: number
  readonly now: Numbers
  /** Which they are the sum of; none where there is one. */
  readonly nodes: readonly Share[]
  readonly course: Course
  /** The last step that is over, whichever range is shown; undefined before there is one. */
  readonly last: Point | undefined
}

type Answer = {
  readonly data: {
    readonly at: number
    readonly started_at: number
    readonly now: Numbers
    readonly nodes?: readonly Share[]
    readonly series: { readonly step_seconds: number; readonly points: readonly Point[] }
  }
}

const EVERY_MS = 5000

/** `path` is that of statistics: of the server, or of an app. */
export function useStats(path: string, range: RangeName): Loaded<Stats> {
  const known = useRef<{ readonly of: string; readonly points: readonly Point[] } | undefined>(
    undefined,
  )
  const of = `${path} ${range}`
  const load = async (): Promise<Stats> => {
    const before = known.current?.of === of ? known.current.points : []
    const { period, ms } = RANGES[range]
    // The last point may have grown since; of the hour and the day the server knows where they begin.
    const since = before.at(-1)?.at ?? (range === 'week' ? Date.now() - ms : 0)
    const { data } = await api<Answer>('GET', `${path}?apps=none&period=${period}&since=${since}`)
    const { at, series } = data
    const from = at - ms
    const points = join(before, series.points).filter((point) => point.at >= from)
    known.current = { of, points }
    const stepSeconds = series.step_seconds
    return {
      at,
      startedAt: data.started_at,
      now: data.now,
      nodes: data.nodes ?? [],
      course: { points, stepSeconds, from, to: at },
      last: points.at(-1),
    }
  }
  return useLoaded(load, [path, range], { everyMs: EVERY_MS })
}

/** One part of the page says that the server cannot be reached: the others need not. */
export const quietly = <T>(loaded: Loaded<T>): Loaded<T> =>
  loaded.state === 'loaded' && loaded.stale?.status === 0 ? { ...loaded, stale: undefined } : loaded
