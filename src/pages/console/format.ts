/** Numbers, sizes, times and JSON as people read them. */

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const FINE = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

/** `12,345`; below 10 with fractions. */
export const formatNumber = (value: number): string =>
  Number.isInteger(value) || Math.abs(value) >= 100 ? WHOLE.format(value) : FINE.format(value)

/** `12.3K`, for where there is little room. */
export const formatShort = (value: number): string => SHORT.format(value)

const STEPS = ['B', 'KB', 'MB', 'GB', 'TB']

/** `1.5 KB`; a KB has 1 024 bytes. */
export function formatBytes(bytes: number): string {
  const step = Math.min(STEPS.length - 1, Math.max(0, Math.floor(Math.log2(bytes || 1) / 10)))
  return `${FINE.format(bytes / 1024 ** step)} ${STEPS[step]}`
}

/** Each unit, and how many milliseconds it has. */
const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const

/** `3 min 20 s`, `250 ms`: two units at most. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${FINE.format(ms)} ms`
  const from = UNITS.findIndex(([, size]) => ms >= size)
  const [unit, size] = UNITS[from]!
  const next = UNITS[from + 1]
  const first = `${Math.floor(ms / size)} ${unit}`
  const rest = next ? Math.floor((ms % size) / next[1]) : 0
  return rest > 0 ? `${first} ${rest} ${next![0]}` : first
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })

/** Local: the time of today, with the day for others. Milliseconds since the epoch. */
export function formatTime(at: number, now = Date.now()): string {
  const isToday = new Date(at).toDateString() === new Date(now).toDateString()
  return (isToday ? CLOCK : DAY).format(at)
}

/** `2 min ago`, `in 3 h`. What is to come is rounded: 90 days are not 89 a moment later. */
export function formatAgo(at: number, now = Date.now()): string {
  const ms = Math.abs(now - at)
  const found = UNITS.find(([, size]) => ms >= size)
  if (!found) return 'now'
  const [unit, size] = found
  return at > now ? `in ${Math.round(ms / size)} ${unit}` : `${Math.floor(ms / size)} ${unit} ago`
}

/** UTC, to the millisecond. */
export const formatUtc = (at: number): string => new Date(at).toISOString().replace('T', ' ')

/** What `JSON.parse` has of a number beside its value. */
type Source = { readonly source?: string }
/** Not in the compiler's library yet. */
const { rawJSON } = JSON as { readonly rawJSON?: (text: string) => unknown }

/** For `JSON.parse`. */
export const keepNumbers = (_: string, value: unknown, context?: Source): unknown =>
  typeof value === 'number' && rawJSON && context?.source ? rawJSON(context.source) : value

/** Indented, with numbers that are too long for JavaScript as they were written; a text that is no JSON stays as it is. */
export function indentJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text, keepNumbers), null, 2)
  } catch {
    return text // SyntaxError
  }
}
