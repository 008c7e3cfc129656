/** Words of problems: figures as they are read, reasons of refusals and what to do about them. */
import type { Tally } from '../core/counters'
import type { ErrorCode } from '../core/errors'

/** `3 events`, `1 event`. */
export const some = (count: number, what: string): string =>
  `${group(count)} ${what}${count === 1 ? '' : 's'}`

/** `3 events are`, `1 event is`. */
export const someAre = (count: number, what: string): string =>
  `${some(count, what)} ${count === 1 ? 'is' : 'are'}`

/** `3 events were`, `1 event was`. */
export const someWere = (count: number, what: string): string =>
  `${some(count, what)} ${count === 1 ? 'was' : 'were'}`

/** `1 234 567` */
export const group = (count: number): string =>
  String(Math.round(count)).replace(/\B(?=(?:\d{3})+$)/g, ' ')

export const percent = (share: number): string => `${Math.round(share * 100)} %`

export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return some(Math.max(1, seconds), 'second')
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? some(minutes, 'minute') : some(Math.round(minutes / 60), 'hour')
}

export function bytes(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)} GB`
  return `${Math.round(count / 1e6)} MB`
}

const SHOWN_REASONS = 3

/** `app_not_found 12, not_local 3` */
export const reasonsOf = (refusals: Tally): string => {
  const all = Object.entries(refusals).toSorted(([, a], [, b]) => b - a)
  const shown = all.slice(0, SHOWN_REASONS).map(([code, count]) => `${code} ${group(count)}`)
  return all.length > SHOWN_REASONS ? `${shown.join(', ')} and others` : shown.join(', ')
}

const CREDENTIALS =
  'A backend or an auth endpoint signs with a wrong secret, or its clock is wrong. The page Live of the app shows the text that should have been signed.'
const LIMITS =
  'A limit was reached: raise it (docs/settings.md, `limits` of the app), or send less.'

/** What to do about the most frequent reason. */
const REFUSAL_REMEDIES: Partial<Record<ErrorCode, string>> = {
  app_not_found:
    'A client or a backend has a key or an id that no app has: compare it with the page Apps. A deleted app or a retired key does that, too.',
  app_disabled:
    'The app is not active: its clients go on trying. Set `active` again, or stop them.',
  app_over_quota:
    'The app has as many connections as it may: raise `max_connections_per_app` of its `limits`.',
  address_over_quota:
    'One address has too many connections: behind a proxy name it in CARILLON_TRUSTED_PROXIES, else raise CARILLON_MAX_CONNECTIONS_PER_ADDRESS.',
  node_over_capacity:
    'The server is full: raise the limit of open files (LimitNOFILE=, ulimit -n) and CARILLON_MAX_CONNECTIONS.',
  not_local:
    'The published credentials are good on this machine only: set credentials of your own.',
  connection_refused:
    'A plugin refuses, or clients do not show in time who they are: the page Plugins has what each has refused.',
  auth_missing: CREDENTIALS,
  auth_malformed: CREDENTIALS,
  auth_key_unknown: CREDENTIALS,
  auth_signature_invalid: CREDENTIALS,
  signin_refused: CREDENTIALS,
  request_unauthorized: CREDENTIALS,
  login_failed: 'Somebody sends a wrong password or secret: the log has the address.',
  login_rate: 'Somebody sends wrong passwords or secrets: the log has the address.',
  token_refused: 'A program goes on with a token that has ended: the log has its address.',
  client_events_disabled: 'Clients send events, and the app does not take them: `client_events`.',
  too_often: LIMITS,
  backend_rate: LIMITS,
  client_event_rate: LIMITS,
  data_too_large: LIMITS,
  too_many_channels: LIMITS,
  members_full: LIMITS,
  store_unavailable: 'The database could not be written: see the other problems, and its disk.',
  engine_unavailable: 'Redis was away: see the other problems, and the log.',
}

const LOOK = 'The page Live of an app has each refusal with its reason; the log has them, too.'

/** What to do about one refusal; undefined where its message says it. */
export const remedyOf = (code: ErrorCode): string | undefined => REFUSAL_REMEDIES[code]

export function remedyFor(refusals: Tally): string {
  const [most] = Object.entries(refusals).toSorted(([, a], [, b]) => b - a)
  return REFUSAL_REMEDIES[most?.[0] as ErrorCode] ?? LOOK
}
