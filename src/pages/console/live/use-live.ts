/** The log of one app, kept by a live stream as long as something that shows it is rendered. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Filter } from './filter'
import { LiveLog } from './log'
import type { KindName } from './kinds'
import { watchApp, type StreamState } from './stream'

export type Live = {
  readonly log: LiveLog
  readonly state: StreamState
  /** What the last cut has cost; undefined where there was none. */
  readonly gap: Gap | undefined
  /** Renders anew, after the log was changed by whoever shows it. */
  readonly refresh: () => void
}

/** `missed` is null where it is not known. */
export type Gap = { readonly at: number; readonly missed: number | null }

type LiveOptions = {
  readonly slug: string
  /** Of the stream; undefined for all. */
  readonly kinds: readonly KindName[] | undefined
  readonly channel: string
  readonly shown: Filter
}

/** A change of kinds or channel begins another stream; the rows stay. */
export function useLive({ slug, kinds, channel, shown }: LiveOptions): Live {
  const log = useRef(new LiveLog()).current
  const [state, setState] = useState<StreamState>({ phase: 'connecting' })
  const [gap, setGap] = useState<Gap>()
  const [, setTick] = useState(0)
  const refresh = () => setTick((tick) => tick + 1)
  useEffect(
    () =>
      watchApp({
        slug,
        kinds,
        channel,
        change: setState,
        receive: (rows) => {
          log.add(rows)
          refresh()
        },
        skip: (counts) => {
          log.skip(counts)
          refresh()
        },
        comeBack: (missed) => setGap({ at: Date.now(), missed }),
      }),
    [slug, kinds?.join(','), channel],
  )
  useEffect(() => {
    log.show(shown)
    refresh()
  }, [shown])
  return { log, state, gap, refresh }
}
