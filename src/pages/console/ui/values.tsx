/** Values with their units; the exact one is under the pointer. */
import { useEffect, useState } from 'preact/hooks'
import { formatAgo, formatNumber, formatShort, formatTime, formatUtc } from '../format'

type NumProps = {
  readonly value: number
  /** `events/s`; empty where the words around it say it. */
  readonly unit: string
  readonly isShort?: boolean
}

export const Num = ({ value, unit, isShort = false }: NumProps) => (
  <span class="num" title={`${formatNumber(value)} ${unit}`.trim()}>
    {isShort ? formatShort(value) : formatNumber(value)}
    {unit && <small> {unit}</small>}
  </span>
)

type TimeProps = {
  /** Milliseconds since the epoch, or as the API writes it. */
  readonly at: number | string
  /** Shows how long ago it was. */
  readonly isAgo?: boolean
}

/** Local, with UTC under the pointer. */
export function Time({ at, isAgo = false }: TimeProps) {
  const ms = typeof at === 'number' ? at : Date.parse(at)
  useTick(isAgo ? 10_000 : undefined)
  if (Number.isNaN(ms)) return <>{String(at)}</>
  return (
    <time dateTime={new Date(ms).toISOString()} title={formatUtc(ms)}>
      {isAgo ? formatAgo(ms) : formatTime(ms)}
    </time>
  )
}

/** Renders again every so often. */
export function useTick(everyMs: number | undefined): void {
  const [, setTick] = useState(0)
  useEffect(() => {
    if (everyMs === undefined) return undefined
    const timer = setInterval(() => setTick((tick) => tick + 1), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
}
