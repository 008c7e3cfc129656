/**
 * Times as they are typed and shown: in UTC, or so long ago, or from now on.
 */
import { usageError } from './exits'

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** In seconds; empty for no time. `ms` are epoch milliseconds. */
export const showTime = (ms: number | null | undefined): string =>
  typeof ms === 'number' ? `${new Date(ms).toISOString().slice(0, 19)}Z` : ''

/** As people say it: `2 d`, `35 min`, `1.2 s`, `3 ms`. */
export function showDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms * 100) / 100} ms`
  if (ms < 120_000) return `${Math.round(ms / 100) / 10} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`
}

/**
 * Reads a time: `2026-11-28`, `2026-11-28T12:00:00Z`, or a duration like `90m` or `30d`, which `direction` puts before
 * or after now. Returns epoch milliseconds. @throws CommandError
 */
export function readTime(text: string, option: string, direction: 'ago' | 'from now'): number {
  const [, digits, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  if (digits !== undefined) {
    const span = Number(digits) * UNIT_MS[unit]!
    return direction === 'ago' ? Math.max(0, Date.now() - span) : Date.now() + span
  }
  const time = /^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN
  if (Number.isNaN(time))
    throw usageError(
      `${option} expects a duration like 90m or 30d, or a time like 2026-11-28T12:00:00Z`,
    )
  return time
}
