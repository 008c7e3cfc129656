/** Tokens as the admin API has them, and what their scopes mean. */
import { api } from '../api'

export type Token = {
  readonly id: string
  readonly name: string
  /** `read`, `create`, `all`, or `app:` and an id. */
  readonly scope: string
  /** Milliseconds since 1970, here and below. */
  readonly created_at: number
  readonly created_by: string
  readonly expires_at: number | null
  readonly revoked_at: number | null
  readonly last_used_at: number | null
}

/** With the text of the token, which is not to be had again. */
export type NewToken = Token & { readonly token: string }

export type TokenFields = {
  readonly name: string
  readonly scope: string
  /** Never, where it is absent. */
  readonly expires_at?: number
}

type Answer<T> = { readonly data: T }

/** @throws ApiError, as the others do */
export const loadTokens = async (): Promise<readonly Token[]> =>
  (await api<Answer<readonly Token[]>>('GET', 'api/admin/tokens')).data

export const makeToken = async (token: TokenFields): Promise<NewToken> =>
  (await api<Answer<NewToken>>('POST', 'api/admin/tokens', { token })).data

export const revokeToken = (id: string): Promise<unknown> =>
  api('DELETE', `api/admin/tokens/${encodeURIComponent(id)}`)

/** SCOPES: what a token may, in words. `app` is followed by the app. */
export const SCOPES = [
  {
    scope: 'app',
    title: 'One app',
    about: 'Sees and changes that app, its keys and limits too. Neither creates nor deletes.',
  },
  {
    scope: 'read',
    title: 'Read',
    about: 'Sees everything, without secrets, and changes nothing. For dashboards and metrics.',
  },
  {
    scope: 'create',
    title: 'Create',
    about: 'Creates apps, and sees, changes and deletes those that it made. For pipelines.',
  },
  {
    scope: 'all',
    title: 'Everything',
    about: 'Whatever the admin may, other tokens too.',
  },
] as const

export type ScopeName = (typeof SCOPES)[number]['scope']

/** LIFETIMES: how long a token may last; undefined is for good. */
export const LIFETIMES = [
  { title: '7 days', days: 7 },
  { title: '30 days', days: 30 },
  { title: '90 days', days: 90 },
  { title: 'A year', days: 365 },
  { title: 'Until it is revoked', days: undefined },
] as const

export type TokenState = 'good' | 'revoked' | 'expired'

export function stateOf({ revoked_at, expires_at }: Token, now: number): TokenState {
  if (revoked_at !== null) return 'revoked'
  return expires_at !== null && expires_at <= now ? 'expired' : 'good'
}
