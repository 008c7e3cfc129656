/**
 * Channel names and the meaning of their prefixes. KINDS is read in order and anchored at the start of
 * the name: `my-private-room` and `privateer` are public.
 */
import type { App } from './app'
import type { Apps } from './apps'
import { quote, refusal, type Refusal } from './errors'
import type { Limits } from './limits'
import type { ChannelName, UserId } from './types'

export type ChannelKind = {
  readonly prefix: string
  /** What it is called in statistics. */
  readonly label: string
  /** Who may subscribe: anybody, whoever has a signature, whom a plugin allows, or the signed-in user of that id. */
  readonly auth: 'none' | 'signature' | 'plugin' | 'user'
  readonly presence: boolean
  readonly clientEvents: boolean
  /** The last event is kept for later subscribers. */
  readonly cache: boolean
  /** Its subscribers occupy it: they are counted and listed. */
  readonly counted: boolean
  /** The rules of a dialect's group; undefined for a channel. */
  readonly group?: GroupRules
}

/** How a kind of groups differs from channels. Its client events reach their sender, too, in place of a reply; webhooks get none. */
export type GroupRules = {
  /** The group's name for clients and plugins. */
  readonly nameOf: (group: ChannelName) => string
  /** False once the app no longer has it: the app was renamed or deleted. */
  readonly isOpen: (apps: Apps, app: App, group: ChannelName) => boolean
  readonly allowsClientEvents: (app: App) => boolean
}

const PLAIN = { presence: false, clientEvents: false, cache: false, counted: true }
const PUBLIC: ChannelKind = { prefix: '', label: 'public', auth: 'none', ...PLAIN }
const SIGNED = { ...PLAIN, auth: 'signature' } as const
const PRIVATE = { ...SIGNED, clientEvents: true }
const PRESENCE = { ...SIGNED, clientEvents: true, presence: true }

const HIDDEN = { ...PLAIN, counted: false }
/** The defaults of all groups. */
export const GROUP = { ...HIDDEN, clientEvents: true, label: 'group' }

const USER_CHANNEL = '#server-to-user-'
/** Internal: `parseChannelName` refuses it. */
const WATCH_CHANNEL = '#watchlist-'
/** Signatures do not cover such a name: only a plugin may allow a subscriber. */
const VOUCHED = 'private:'

/** Contract 2.1; the longer of two prefixes comes first. */
export const KINDS: readonly ChannelKind[] = [
  {
    prefix: 'private-encrypted-cache-',
    label: 'private_encrypted_cache',
    ...SIGNED,
    cache: true,
  },
  { prefix: 'private-encrypted-', label: 'private_encrypted', ...SIGNED },
  { prefix: 'private-cache-', label: 'private_cache', ...PRIVATE, cache: true },
  { prefix: 'private-', label: 'private', ...PRIVATE },
  { prefix: 'presence-cache-', label: 'presence_cache', ...PRESENCE, cache: true },
  { prefix: 'presence-', label: 'presence', ...PRESENCE },
  { ...PUBLIC, prefix: 'cache-', label: 'cache', cache: true },
  { prefix: USER_CHANNEL, label: 'user', ...HIDDEN, auth: 'user' },
  { prefix: WATCH_CHANNEL, label: 'watchlist', ...HIDDEN, auth: 'user' },
  { prefix: '#', label: 'group', ...HIDDEN, auth: 'plugin' }, // of a dialect that is not here
  { prefix: VOUCHED, label: 'vouched', ...PRIVATE, auth: 'plugin' },
]

/** Returns the function from a name to its kind; `groups` are those that dialects bring. */
export function compileKinds(groups: readonly ChannelKind[]): (name: string) => ChannelKind {
  const byInitial: ReadonlyMap<string | undefined, readonly ChannelKind[]> = Map.groupBy(
    [...groups, ...KINDS],
    ({ prefix }) => prefix[0],
  )
  return (name) => {
    const kinds = byInitial.get(name[0])
    if (kinds) for (const kind of kinds) if (name.startsWith(kind.prefix)) return kind
    return PUBLIC
  }
}

/** The kind of a channel; `Groups` knows those of groups. 10 ns for most public names, 60 for others; 704 with patterns compiled per call. */
export const channelKind = compileKinds([])

const CHANNEL_NAME = /^[A-Za-z0-9_\-=@,.;]+$/

/**
 * Pusher docs, using_channels/channels.md: letters, digits and `_-=@,.;`. The id of
 * `#server-to-user-<id>` is free text, as the SDKs send it; no other name may begin with `#`.
 */
export function parseChannelName(raw: unknown, limits: Limits): ChannelName | Refusal {
  const { maxChannelNameChars: most } = limits
  if (typeof raw !== 'string') return invalid('expected a string')
  if (raw.length > most)
    return invalid(`${raw.length} characters exceed the limit of ${most} (maxChannelNameChars)`)
  const valid = raw.startsWith(USER_CHANNEL)
    ? raw.length > USER_CHANNEL.length && raw.isWellFormed()
    : CHANNEL_NAME.test(raw)
  if (!valid) return invalid(`'${quote(raw)}' (allowed are letters, digits and _-=@,.;)`)
  return raw as ChannelName
}

const invalid = (mistake: string): Refusal =>
  refusal('channel_invalid', `Invalid channel name: ${mistake}`)

/** True for a channel whose data only its subscribers can read. */
export const isEncrypted = (channel: string): boolean => channel.startsWith('private-encrypted-')

/** The channel of one signed-in user. */
export const userChannel = (userId: UserId): ChannelName =>
  `${USER_CHANNEL}${userId}` as ChannelName

/** The channel of those who watch a user. */
export const watchChannel = (userId: UserId): ChannelName =>
  `${WATCH_CHANNEL}${userId}` as ChannelName

/** The user that those in the channel watch. */
export const watchedUserOf = (name: ChannelName): UserId | undefined =>
  name.startsWith(WATCH_CHANNEL) ? (name.slice(WATCH_CHANNEL.length) as UserId) : undefined

/** The user whose own channel it is. */
export const userOf = (name: ChannelName): UserId | undefined =>
  isUserChannel(name) ? (name.slice(USER_CHANNEL.length) as UserId) : undefined

/** True for a user's own channel, which is in no list. */
export function isUserChannel(name: ChannelName): boolean {
  return name.startsWith(USER_CHANNEL)
}
