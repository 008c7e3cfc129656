/** Times as they are shown: in UTC, or as durations. */
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
