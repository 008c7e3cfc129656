/**
 * Channel names and what their prefix means. KINDS is read in order and anchored at the start of
 * the name: `my-private-room` and `privateer` are public.
 */
import { quoted, refusal, type Refusal } from './errors'
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
  /** What its client events need the app to allow; undefined where the wire's own rules say it. */
  readonly scope?: 'public' | 'private'
}

const PLAIN = { presence: false, clientEvents: false, cache: false, counted: true }
const PUBLIC: ChannelKind = { prefix: '', auth: 'none', ...PLAIN }
const SIGNED = { ...PLAIN, auth: 'signature' } as const
const PRIVATE = { ...SIGNED, clientEvents: true }
const PRESENCE = { ...SIGNED, clientEvents: true, presence: true }

const HIDDEN = { ...PLAIN, counted: false }
const SCOPE = { ...HIDDEN, clientEvents: true }

const USER_CHANNEL = '#server-to-user-'
/** Ours alone: `parseChannelName` refuses it. */
const WATCH_CHANNEL = '#watchlist-'
/** Ours alone, too: what ExPusherLite calls `public:<slug>` is a group of channels and no channel. */
const SCOPE_GROUP = '#scope-'
/** As ExPusherLite's private scopes: whom no plugin lets in stays out. */
const PRIVATE_TOPIC = 'private:'

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
  { prefix: `${SCOPE_GROUP}public:`, ...SCOPE, auth: 'none', scope: 'public' },
  { prefix: SCOPE_GROUP, ...SCOPE, auth: 'plugin', scope: 'private' },
  { prefix: PRIVATE_TOPIC, ...PRIVATE, auth: 'plugin' },
]

const BY_INITIAL: ReadonlyMap<string | undefined, readonly ChannelKind[]> = Map.groupBy(
  KINDS,
  ({ prefix }) => prefix[0],
)

/** 10 ns for most public names, 60 for others; 704 with patterns compiled per call. */
export function channelKind(name: string): ChannelKind {
  const kinds = BY_INITIAL.get(name[0])
  if (kinds) for (const kind of kinds) if (name.startsWith(kind.prefix)) return kind
  return PUBLIC
}

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
      `Invalid channel name: '${quoted(raw)}' (allowed are letters, digits and _-=@,.;)`,
    )
  return raw as ChannelName
}

/** As long as a binary frame can name. */
const MAX_TOPIC_BYTES = 255
/**
 * A signature covers `socketId:channel[:channel_data]`, and `channel_data` is a JSON object. A name that
 * reads like a name with one would be signed for the one and used for the other.
 */
const HOLDS_CHANNEL_DATA = /:[\t\n\r ]*\{/
/** Heartbeats are sent to it. */
const HEARTBEAT_TOPIC = 'phoenix'

/**
 * The channel that a Phoenix topic or a PushEx channel names: free text, but for what is ours.
 * Undefined where there can be none.
 */
export function channelOfTopic(topic: string): ChannelName | undefined {
  if (topic === '' || topic === HEARTBEAT_TOPIC || topic.startsWith('#')) return undefined
  if (topic.length > MAX_TOPIC_BYTES || Buffer.byteLength(topic) > MAX_TOPIC_BYTES) return undefined
  if (!topic.isWellFormed() || HOLDS_CHANNEL_DATA.test(topic)) return undefined
  // Only those who have the key can read an encrypted channel, and no Phoenix client does.
  return topic.startsWith('private-encrypted-') ? undefined : (topic as ChannelName)
}

/** What ExPusherLite calls `scope:slug` or `scope:slug:rest`, of the app with the slug. */
export function scopeChannel(topic: string): ChannelName {
  return `${SCOPE_GROUP}${topic}` as ChannelName
}

/** What clients call a channel. */
export function topicOf(channel: ChannelName): string {
  return channel.startsWith(SCOPE_GROUP) ? channel.slice(SCOPE_GROUP.length) : channel
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
