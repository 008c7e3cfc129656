/**
 * The journal of a chaos run: what clients asked and saw, what backends were answered, what nodes said. Its order is
 * the order in which one process wrote it down; `at` are milliseconds of one clock. Judges read nothing else.
 */

/** One subscription of one connection to a channel; a page that comes back with what it missed keeps its number. */
export type Sub = number

/** One socket; no other ever has its number. */
export type Conn = number

type Entries =
  | { readonly type: 'connected'; readonly conn: Conn; readonly node: string }
  /** The client has closed it, or seen its end. */
  | { readonly type: 'disconnected'; readonly conn: Conn }
  | {
      readonly type: 'subscribed'
      readonly sub: Sub
      readonly conn: Conn
      readonly channel: string
      /** The users that the reply has, and which of them the client is; on presence channels. */
      readonly members?: readonly string[]
      readonly user?: string
      /** What was missed is made up for. */
      readonly isKept?: boolean
    }
  /** A page is back in its channel, by another connection. */
  | {
      readonly type: 'resumed'
      readonly sub: Sub
      readonly conn: Conn
      readonly recovered: boolean
    }
  /** It is back, and was told nothing of what it may have missed. */
  | { readonly type: 'forgotten'; readonly sub: Sub; readonly conn: Conn }
  /** The client has asked for it: what comes afterwards is not written down. */
  | { readonly type: 'unsubscribed'; readonly sub: Sub }
  | { readonly type: 'added' | 'removed'; readonly sub: Sub; readonly user: string }
  /** An event, by a name that no other has. */
  | { readonly type: 'heard'; readonly sub: Sub; readonly event: string }
  | {
      readonly type: 'signed_in'
      readonly conn: Conn
      readonly user: string
      /** The users of its watchlist: it is told at once who of them is online, and who is not. */
      readonly watched: readonly string[]
    }
  /** A watchlist says so of a user. */
  | {
      readonly type: 'online' | 'offline'
      readonly conn: Conn
      readonly user: string
    }
  /** A backend got 200 for an event; `since` is when it first asked. */
  | {
      readonly type: 'accepted'
      readonly event: string
      readonly channel: string
      readonly since: number
    }
  | ({ readonly type: 'webhook'; readonly body: string; readonly timeMs: number } & Fact)
  /** Something is done to a node or to Redis, or is over; for whoever reads the journal. */
  | { readonly type: 'fault'; readonly of: string; readonly what: string }
  /** A node says that it heard no buses for a time. */
  | { readonly type: 'deaf'; readonly node: string; readonly since: number; readonly until: number }
  /** Redis came back without what it had. */
  | { readonly type: 'redis_lost_data' }
  /** A process has ended by itself, or a log has what it must not have. */
  | { readonly type: 'failed'; readonly node: string; readonly what: string }
  /** All is healed and quiet from here on; the answers of all nodes follow. */
  | { readonly type: 'quiet' }
  /** `GET /channels` of a node. */
  | { readonly type: 'listed'; readonly node: string; readonly channels: readonly string[] }
  /** `GET /channels/NAME` of a node, and of a presence channel its users. */
  | {
      readonly type: 'counted'
      readonly node: string
      readonly channel: string
      readonly subscriptions: number
      readonly users?: readonly string[]
    }

export type Fact = {
  readonly name: string
  readonly channel: string
  readonly user?: string
}

export type Entry = { readonly at: number } & Entries

/** An entry that is about to be written down. */
export type NewEntry = Entries

export type Journal = readonly Entry[]

/** Something that must not be. */
export type Wrong = {
  readonly rule: string
  /** The channel, node or user that it is about. */
  readonly of: string
  readonly what: string
}

export const isPresence = (channel: string): boolean => channel.startsWith('presence-')
