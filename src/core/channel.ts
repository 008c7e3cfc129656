/**
 * Channel names and what their prefix means. KINDS is read in order and anchored at the start of
 * the name: `my-private-room` and `privateer` are public.
 */
import type { App } from './app'
import type { Apps } from './apps'
import { quote, refusal, type Refusal } from './errors'
import type { Limits } from './limits'
import type { ChannelName, UserId } from './types'

export type ChannelKind = {
  readonly prefix: string
  /** Who may subscribe: anybody, whoever brings a signature, whom a plugin lets in, or the one signed-in user of that name. */
  readonly auth: 'none' | 'signature' | 'plugin' | 'user'
  readonly presence: boolean
  readonly clientEvents: boolean
  /** Keeps the last event for those who come later. */
  readonly cache: boolean
  /** Its subscribers occupy it: they are counted, and shown to whoever asks. */
  readonly counted: boolean
  /** The rules of a dialect's group; undefined for a channel. */
  readonly group?: GroupRules
}

/** How a kind of groups is another than channels are. */
export type GroupRules = {
  /** What clients and plugins call the group. */
  readonly nameOf: (group: ChannelName) => string
  /** False once the app has it no more: it may have got another name, or have ended. */
  readonly isOpen: (apps: Apps, app: App, group: ChannelName) => boolean
  /** Whether the app lets its members send events. */
  readonly allowsClientEvents: (app: App) => boolean
  /** Who sends an event hears it, too. */
  readonly echoes: boolean
  /** Events are answered, and told to webhooks. */
  readonly answers: boolean
}

const PLAIN = { presence: false, clientEvents: false, cache: false, counted: true }
const PUBLIC: ChannelKind = { prefix: '', auth: 'none', ...PLAIN }
const SIGNED = { ...PLAIN, auth: 'signature' } as const
const PRIVATE = { ...SIGNED, clientEvents: true }
const PRESENCE = { ...SIGNED, clientEvents: true, presence: true }

const HIDDEN = { ...PLAIN, counted: false }
/** What is the same of all groups. */
export const GROUP = { ...HIDDEN, clientEvents: true }

const USER_CHANNEL = '#server-to-user-'
/** Ours alone: `parseChannelName` refuses it. */
const WATCH_CHANNEL = '#watchlist-'
/** No signature is for such a name: whom no plugin lets in stays out. */
const VOUCHED = 'private:'

/** Contract 2.1; the longer of two prefixes comes first. */
export const KINDS: readonly ChannelKind[] = [
  { prefix: 'private-encrypted-cache-', ...SIGNED, cache: true },
  { prefix: 'private-encrypted-', ...SIGNED },
  { prefix: 'private-cache-', ...PRIVATE, cache: true },
  { prefix: 'private-', ...PRIVATE },
  { prefix: 'presence-cache-', ...PRESENCE, cache: true },
  { prefix: 'presence-', ...PRESENCE },
  { ...PUBLIC, prefix: 'cache-', cache: true },
  { prefix: USER_CHANNEL, ...HIDDEN, auth: 'user' },
  { prefix: WATCH_CHANNEL, ...HIDDEN, auth: 'user' },
  { prefix: '#', ...HIDDEN, auth: 'plugin' }, // a group of a dialect that is not here
  { prefix: VOUCHED, ...PRIVATE, auth: 'plugin' },
]

/** Tells what a name means, where dialects bring kinds of groups. */
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

/** What a channel's name means; `Groups` knows those of groups. 10 ns for most public names, 60 for others; 704 with patterns compiled per call. */
export const channelKind = compileKinds([])

const CHANNEL_NAME = /^[A-Za-z0-9_\-=@,.;]+$/

/**
 * Pusher docs, using_channels/channels.md: letters, digits and `_-=@,.;`. The id of
 * `#server-to-user-<id>` is free text, as the SDKs send it; no other name may begin with `#`.
 */
export function parseChannelName(raw: unknown, limits: Limits): ChannelName | Refusal {
  if (typeof raw !== 'string')
    return refusal('channel_invalid', 'Invalid channel name: expected a string')
  if (raw.length > limits.maxChannelNameChars)
    return refusal(
      'channel_invalid',
      `Invalid channel name: ${raw.length} characters exceed the limit of ${limits.maxChannelNameChars} (maxChannelNameChars)`,
    )
  const valid = raw.startsWith(USER_CHANNEL)
    ? raw.length > USER_CHANNEL.length && raw.isWellFormed()
    : CHANNEL_NAME.test(raw)
  if (!valid)
    return refusal(
      'channel_invalid',
      `Invalid channel name: '${quote(raw)}' (allowed are letters, digits and _-=@,.;)`,
    )
  return raw as ChannelName
}

/** Where one signed-in user is spoken to. */
export const userChannel = (userId: UserId): ChannelName =>
  `${USER_CHANNEL}${userId}` as ChannelName

/** Where the watchers of a user are spoken to. */
export const watchChannel = (userId: UserId): ChannelName =>
  `${WATCH_CHANNEL}${userId}` as ChannelName

/** The channel on which one signed-in user is spoken to is kept out of listings. */
export function isUserChannel(name: ChannelName): boolean {
  return name.startsWith(USER_CHANNEL)
}
