/** What the API tells of channels, connections and users, and the requests for it. */
import { api, ApiError } from '../api'
import { adminPath, appPath } from '../place'

/** Part of a list; `next` is where it goes on, null at its end. */
export type Page<T> = { readonly items: readonly T[]; readonly next: string | null }

export type ChannelRow = {
  readonly name: string
  readonly subscriptions: number
  /** Undefined where it is not a presence channel. */
  readonly users: number | undefined
}

export type ConnectionRow = {
  readonly socket_id: string
  /** Epoch milliseconds. */
  readonly since: number
  readonly address: string
  readonly transport: 'websocket' | 'http'
  readonly protocol: string
  readonly client: string | null
  readonly client_version: string | null
  readonly user_agent: string | null
  readonly user_id: string | null
  readonly channel_count: number
  readonly waiting_bytes: number
}

export type ConnectionView = ConnectionRow & {
  readonly user_info: unknown
  readonly channels: readonly { readonly name: string; readonly user_id: string | null }[]
}

export type UserRow = {
  readonly id: string
  readonly user_info: unknown
  readonly connections: number
  readonly socket_ids: readonly string[]
}

export type Member = { readonly id: string; readonly user_info?: unknown }

export type Kept = { readonly offset: number; readonly name: string; readonly data: unknown }

export type HistoryAnswer = {
  /** Empty where nothing is kept. */
  readonly epoch: string
  readonly offset: number
  readonly events: readonly Kept[]
  readonly next: string | null
}

export type ChannelView = {
  readonly subscription_count: number
  readonly user_count?: number
  /** Of a cache channel; null where it is empty. */
  readonly cache?: { readonly data: string; readonly ttl: number } | null
}

/** The query of a path, without what is undefined or empty. */
function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]))
  const search = new URLSearchParams(given).toString()
  return search === '' ? path : `${path}?${search}`
}

type Counts = { readonly subscription_count?: number; readonly user_count?: number }
type ChannelsAnswer = {
  readonly channels: Readonly<Record<string, Counts>>
  readonly next: string | null
}

const PRESENCE = 'presence-'
const CHANNELS_PER_PAGE = '500'

/** Occupied channels by name. Users are known of presence channels only, and are asked for with their prefix. */
export async function loadChannels(
  appId: string,
  prefix: string,
  cursor: string | undefined,
): Promise<Page<ChannelRow>> {
  const load = (info: string, start: string) =>
    api<ChannelsAnswer>(
      'GET',
      withQuery(appPath(appId, 'channels'), {
        info,
        filter_by_prefix: start,
        limit: CHANNELS_PER_PAGE,
        cursor,
      }),
    )
  const { channels, next } = await load('subscription_count', prefix)
  const names = Object.keys(channels).toSorted()
  const hasPresence = names.some((name) => name.startsWith(PRESENCE))
  const start = prefix.startsWith(PRESENCE) ? prefix : PRESENCE
  const users = hasPresence ? (await load('user_count', start)).channels : {}
  const items = names.map((name) => ({
    name,
    subscriptions: channels[name]!.subscription_count ?? 0,
    users: users[name]?.user_count,
  }))
  return { items, next }
}

export const loadChannel = (
  appId: string,
  name: string,
  info: readonly string[],
): Promise<ChannelView> => api('GET', withQuery(channelPath(appId, name), { info: info.join() }))

const channelPath = (appId: string, name: string, rest = ''): string =>
  appPath(appId, `channels/${encodeURIComponent(name)}${rest}`)

export async function loadMembers(
  appId: string,
  name: string,
  cursor: string | undefined,
): Promise<Page<Member>> {
  type Answer = { readonly users: readonly Member[]; readonly next: string | null }
  const query = { info: 'user_info', limit: '500', cursor }
  const { users, next } = await api<Answer>(
    'GET',
    withQuery(channelPath(appId, name, '/users'), query),
  )
  return { items: users, next }
}

/** The newest first; `before` is a position. */
export const loadHistory = (
  appId: string,
  name: string,
  before: string | undefined,
): Promise<HistoryAnswer> =>
  api(
    'GET',
    withQuery(channelPath(appId, name, '/history'), {
      direction: 'backward',
      limit: '50',
      before,
    }),
  )

type Listed<T> = { readonly data: readonly T[]; readonly next: string | null }

const toPage = <T>({ data, next }: Listed<T>): Page<T> => ({ items: data, next })

export const loadConnections = async (
  slug: string,
  filter: { readonly channel?: string | undefined; readonly user?: string | undefined },
  cursor: string | undefined,
  limit = 200,
): Promise<Page<ConnectionRow>> =>
  toPage(
    await api<Listed<ConnectionRow>>(
      'GET',
      withQuery(adminPath(slug, 'connections'), { ...filter, cursor, limit: String(limit) }),
    ),
  )

const connectionPath = (slug: string, socketId: string): string =>
  adminPath(slug, `connections/${encodeURIComponent(socketId)}`)

export const loadConnection = async (slug: string, socketId: string): Promise<ConnectionView> =>
  (await api<{ readonly data: ConnectionView }>('GET', connectionPath(slug, socketId))).data

export const endConnection = (slug: string, socketId: string, comesBack: boolean): Promise<void> =>
  api('DELETE', withQuery(connectionPath(slug, socketId), { reconnect: String(comesBack) }))

export const loadUsers = async (
  slug: string,
  prefix: string,
  cursor: string | undefined,
): Promise<Page<UserRow>> =>
  toPage(
    await api<Listed<UserRow>>(
      'GET',
      withQuery(adminPath(slug, 'users'), { filter_by_prefix: prefix, cursor, limit: '200' }),
    ),
  )

/** @throws ApiError, also for a user whom no path can name */
export async function endUser(slug: string, userId: string): Promise<void> {
  if (/^\.{1,2}$/.test(userId))
    throw new ApiError(0, 'A path cannot name this user; end the connections one by one')
  await api('DELETE', adminPath(slug, `users/${encodeURIComponent(userId)}`))
}
