/** Endpoints of an app's webhooks, as the API has them, and how they are in words. */
import { formatNumber } from '../format'

export type Attempt = {
  readonly number: number
  /** Epoch milliseconds. */
  readonly at: number
  readonly duration_ms: number
  readonly events: number
  readonly status: number | null
  readonly error: string | null
}

export type Exchanged = {
  readonly request: {
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
    readonly body_bytes: number
  } | null
  readonly answer: string | null
}

export type Tested = Omit<Attempt, 'number'> & Exchanged

export type Endpoint = {
  readonly id: string
  readonly endpoint: string
  readonly state: 'ok' | 'failing' | 'probed' | 'paused' | 'full' | 'removed'
  readonly pending: number
  readonly failing: number
  readonly dead: number
  readonly oldest: number | null
  readonly paused_at: number | null
  /** The newest first. */
  readonly attempts: readonly Attempt[]
}

export type DeadLetter = {
  readonly id: number
  readonly endpoint: string
  readonly event: Readonly<Record<string, unknown>>
  readonly attempts: number
  readonly status: number | null
  readonly error: string | null
  readonly dead_at: number
}

/** The path of an app's webhooks below the server's root. */
export const pathOf = (slug: string): string =>
  `api/admin/apps/${encodeURIComponent(slug)}/webhooks`

export type Health = {
  readonly look: 'good' | 'warn' | 'bad' | ''
  readonly word: string
  /** Epoch milliseconds. */
  readonly since?: number | undefined
  /** What that means. */
  readonly about?: string
}

/** Later than a retry or two. */
const BEHIND_MS = 30_000

/** Removed before full before paused: what is lost is said first. */
export function healthOf(endpoint: Endpoint, now: number): Health {
  const { state, paused_at: pausedAt, attempts, oldest } = endpoint
  const [last] = attempts
  if (state === 'removed')
    return { look: 'warn', word: 'Removed', about: 'What waits for it is being deleted.' }
  if (state === 'full')
    return {
      look: 'bad',
      word: pausedAt === null ? 'Full' : 'Paused, and full',
      since: pausedAt ?? undefined,
      about:
        'As much is stored for it as may be: new events are dropped. Replay or remove dead ones.',
    }
  if (pausedAt !== null)
    return {
      look: 'warn',
      word: 'Paused',
      since: pausedAt,
      about: 'Events are stored, and sent when it is resumed.',
    }
  if (state === 'probed')
    return {
      look: 'bad',
      word: 'Failing',
      since: failingSince(attempts),
      about: 'It failed too often: it is tried with one event at a time.',
    }
  if (last && last.error !== null)
    return { look: 'bad', word: 'Failing', since: failingSince(attempts) }
  if (state === 'failing') return { look: 'warn', word: 'Refuses some events' }
  if (oldest !== null && now - oldest > BEHIND_MS)
    return { look: 'warn', word: 'Behind', since: oldest, about: 'More happens than it takes.' }
  return last ? { look: 'good', word: 'Fine' } : { look: '', word: 'Nothing was sent yet' }
}

/** When the first of its last requests failed that were not followed by a better one. */
function failingSince(attempts: readonly Attempt[]): number | undefined {
  const better = attempts.findIndex(({ error }) => error === null)
  return (better === -1 ? attempts : attempts.slice(0, better)).at(-1)?.at
}

/** `1 event`, `2,000 events` */
export const countEvents = (count: number): string =>
  `${formatNumber(count)} ${count === 1 ? 'event' : 'events'}`
