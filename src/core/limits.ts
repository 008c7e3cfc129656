/**
 * LIMITS: every number that a caller can run into, with its default.
 * `config.ts` makes `CARILLON_<NAME>` settings of the rows and the table of docs/settings.md is printed from them.
 * A lowered limit cuts nobody off: it holds from the next action on.
 */

type Range = { readonly min?: number; readonly max?: number }

const row = (about: string, unit: string, value: number, range: Range = {}) => ({
  about,
  unit,
  default: value,
  min: range.min ?? 1,
  max: range.max ?? 1_000_000_000,
  perApp: false,
})

/** A row for which an app may have its own number. */
const appRow = (...given: Parameters<typeof row>) => ({ ...row(...given), perApp: true })

export type LimitRow = Readonly<ReturnType<typeof row>>

/** Sources: Pusher's documentation as in contracts, section 2.3; ours where Pusher has none. */
export const LIMITS = {
  maxConnectionsPerApp: appRow('open connections of an app; 0 is no limit', 'connections', 0, {
    min: 0,
  }),
  maxConnectionsPerAddress: row(
    'open connections of one client address that is neither loopback nor private, IPv6 by /64; 0 is no limit',
    'connections',
    1000,
    { min: 0 },
  ),
  maxSubscriptionsPerAddress: row(
    'channels that the connections of one such address are in, counted once per connection; 0 is no limit',
    'subscriptions',
    50_000,
    { min: 0 },
  ),
  maxRequestsPerAddress: row(
    'requests of one such address that wait for their bodies or for an answer; 0 is no limit',
    'requests',
    200,
    { min: 0 },
  ),
  maxLiveStreams: row(
    'pages and programs of admins that watch apps live, each over a stream',
    'streams',
    20,
    { max: 1000 },
  ),
  maxChannelsPerApp: appRow('channels of an app that somebody is in', 'channels', 200_000, {
    max: 10_000_000,
  }),
  maxPullSessionsPerApp: appRow(
    'sessions of an app by `xhr_streaming`, `xhr_polling` and long-poll',
    'sessions',
    20_000,
    { max: 10_000_000 },
  ),
  maxBackendEventsPerSecond: appRow(
    'events of an app over HTTP, one per channel, and their burst; 0 is no limit',
    'events',
    0,
    { min: 0 },
  ),
  maxChannelNameChars: row('length of a channel name', 'characters', 200, { max: 1000 }),
  maxEventNameChars: row('length of an event name', 'characters', 200, { max: 1000 }),
  maxEventDataBytes: appRow('`data` of one event', 'bytes of UTF-8', 10_240, { max: 1_048_576 }),
  maxChannelsPerTrigger: row('channels of one trigger', 'channels', 100, { max: 10_000 }),
  maxEventsPerBatch: row('events of one batch', 'events', 10, { max: 10_000 }),
  maxPresenceMembers: appRow('users in a presence channel', 'users', 100, { max: 1_000_000 }),
  maxUserIdChars: row('length of a user id', 'characters', 128, { max: 1000 }),
  maxUserInfoBytes: appRow('`user_info` of a presence member', 'bytes of UTF-8', 2048, {
    max: 1_048_576,
  }),
  maxClientEventsPerSecond: appRow('client events of a connection, and their burst', 'events', 10, {
    max: 1_000_000,
  }),
  maxClientEventBytesPerSecond: appRow(
    'messages of a connection that are client events, whatever becomes of them, and their burst',
    'bytes of UTF-8',
    262_144,
  ),
  maxWatchedUsers: appRow(
    'users on the watchlist of a connection; 0 switches watchlists off',
    'users',
    100,
    { min: 0, max: 10_000 },
  ),
  maxCachedChannels: appRow('cache channels whose last event is kept', 'channels', 10_000, {
    max: 10_000_000,
  }),
  maxCachedBytes: appRow(
    'last events of cache channels that are kept of an app',
    'bytes',
    64 * 1024 * 1024,
    { min: 65_536, max: 1_000_000_000_000 },
  ),
  maxHistoryBytes: row('events that are kept, of all apps', 'bytes', 256 * 1024 * 1024, {
    min: 65_536,
    max: 1_000_000_000_000,
  }),
  maxHistoryBytesPerApp: appRow('events of an app that are kept', 'bytes', 64 * 1024 * 1024, {
    min: 65_536,
    max: 1_000_000_000_000,
  }),
  maxHistoryBytesPerChannel: appRow('events of a channel that are kept', 'bytes', 1024 * 1024, {
    min: 16_384,
  }),
  maxReplayBytes: appRow(
    'events that a subscriber gets of what the channel keeps; past it none of what it missed',
    'bytes',
    512 * 1024,
    { min: 16_384, max: 768 * 1024 },
  ),
  maxIdempotencyKeys: appRow(
    'idempotency keys of an app that are kept for ten minutes, an answer of 256 characters as one more; past it new ones are refused',
    'keys',
    100_000,
    { max: 10_000_000 },
  ),
  maxIdempotencyKeyChars: row('length of an idempotency key', 'characters', 255, { max: 1000 }),
  authorizeWithinSeconds: appRow(
    'time in which a connection must sign in, or enter a channel that needs a signature; 0 is no limit',
    'seconds',
    0,
    { min: 0, max: 86_400 },
  ),
  maxChannelsPerConnection: row('channels that a connection may hold', 'channels', 2000, {
    max: 100_000,
  }),
  maxQueuedFrames: row(
    'events that a channel may owe its subscribers of one format; past it publishers wait',
    'events',
    4 * 1024,
    { min: 16, max: 1_000_000 },
  ),
  maxQueuedBytes: row(
    'text that a channel may owe its subscribers of one format; past it publishers wait',
    'bytes',
    8 * 1024 * 1024,
    { min: 65_536 },
  ),
  maxUnreadBytes: appRow(
    "what a client has not read at which it is closed; at least a replay and one largest event, an app's own at most the server's",
    'bytes',
    1024 * 1024,
    { min: 65_536 },
  ),
  maxNewChannelsAtOnce: row(
    'empty channels that a connection may enter at once; at least as many as it may hold',
    'channels',
    2000,
    { max: 1_000_000 },
  ),
  maxNewChannelsPerSecond: row(
    'empty channels that a connection may enter per second after that',
    'channels',
    20,
    { max: 1_000_000 },
  ),
  maxTopicsPerConnection: row('topics that a connection may join', 'topics', 100, { max: 100_000 }),
} as const

/** Events that a subscriber may ask for. */
export const MAX_REWIND = 1000

export type LimitName = keyof typeof LIMITS
/** One number for each row: the node's own, or an app's. */
export type Limits = { readonly [Name in LimitName]: number }

/** The rows for which an app may have its own number. */
export const APP_LIMITS = (Object.keys(LIMITS) as LimitName[]).filter((name) => LIMITS[name].perApp)

/** The longest frame that is parsed: escapes may quadruple its data; names, signatures and braces need the rest. */
export const maxFrameChars = ({ maxEventDataBytes, maxUserInfoBytes }: Limits): number =>
  4 * (maxEventDataBytes + maxUserInfoBytes) + 16_384

/** The least `maxUnreadBytes`: whoever gets what it missed, and then one more event, must not be cut for that. */
export const leastUnreadBytes = (limits: Limits): number =>
  limits.maxReplayBytes + maxFrameChars(limits)

/** The limits of a node, of the settings. */
export const limitsOfNode = (limits: Limits): Limits => ({
  ...limits,
  maxUnreadBytes: Math.max(limits.maxUnreadBytes, leastUnreadBytes(limits)),
})

/** The limits of an app: its own, else the node's. `maxUnreadBytes` is at most the node's, at which the runtime cuts. */
export function limitsOfApp(node: Limits, own: Partial<Limits>): Limits {
  const limits = limitsOfNode({ ...node, ...own })
  return { ...limits, maxUnreadBytes: Math.min(limits.maxUnreadBytes, node.maxUnreadBytes) }
}

/** Keys of `data` of one of Pusher's own events. Four are of use; to look at the 6000 of a whole frame takes 0.2 ms. */
export const MAX_DATA_KEYS = 100

/**
 * Bytes of one WebSocket message that the runtime accepts; it closes the socket with 1009 beyond that.
 * Every frame that may be parsed has room (a character takes at most three bytes), and one that is slightly
 * too large is still refused with a message. Not more: the runtime keeps unfinished messages.
 */
export const maxPayloadBytes = (limits: Limits): number => 4 * maxFrameChars(limits)

/** Bytes that one request of a polling client may carry: a megabyte of messages, or more where one may be larger. */
export const maxPostBytes = (limits: Limits): number =>
  Math.max(1024 * 1024, 2 * maxFrameChars(limits))

/** Bytes of a whole batch, with room for JSON escapes. */
export const maxRequestBytes = ({ maxEventsPerBatch, maxEventDataBytes }: Limits): number =>
  Math.max(512 * 1024, 2 * maxEventsPerBatch * maxEventDataBytes + 65_536)
