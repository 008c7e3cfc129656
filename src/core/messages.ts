/**
 * Messages: commands of clients, replies and broadcasts to them, facts; and the encoder that core needs
 * from a codec. Nothing here knows a wire format.
 */
import type { App } from './app'
import type { Attempt, Exchange } from './deliveries'
import type { ErrorCode, Refusal } from './errors'
import type { ClosingView } from './plugin'
import type { Members } from './roster'
import type { WrongSignature } from './signature'
import type { Software } from './software'
import type {
  ChannelName,
  Frame,
  JsonText,
  Member,
  Meta,
  Payload,
  Position,
  Ref,
  SocketId,
  UserId,
} from './types'

/** A decoded frame of a client. Every command names its app: a socket may serve several. */
export type Command =
  | SubscribeCommand
  | UnsubscribeCommand
  | ClientEventCommand
  | SigninCommand
  | { readonly type: 'ping'; readonly ref: Ref | undefined }
  | { readonly type: 'pong' }
  /** Changes nothing; its reply, if any, is sent. */
  | { readonly type: 'noop'; readonly reply: Reply | undefined }

export type SubscribeCommand = {
  readonly type: 'subscribe'
  readonly app: App
  readonly channel: ChannelName
  /** As received, unverified. */
  readonly auth: string | undefined
  /** As received: it is verified as text and parsed after. */
  readonly channelData: string | undefined
  /** All that the client sent along, on wires that have room for more than `auth`; parsed when first read. */
  readonly params: () => Readonly<Record<string, unknown>>
  readonly ref: Ref | undefined
  /** The reference of the connection's subscription to the same channel that this one replaces. */
  readonly replaces: Ref | undefined
  /** What a plugin's gate has given with its permission; undefined as received. */
  readonly grant: Grant | undefined
  /** What it asks of the events that the channel keeps; undefined where it asks nothing. */
  readonly history: HistoryRequest | undefined
}

/** What comes with a plugin's permission to subscribe. */
export type Grant = {
  /** An object for the client, with the reply. */
  readonly data: JsonText | undefined
  /** When plugins are asked again (`mono`), and about what: the command as it was received. */
  readonly expiry: { readonly at: number; readonly command: SubscribeCommand } | undefined
}

/** What a subscriber asks of the events that a channel keeps. */
export type HistoryRequest = {
  /** It wants the position of each event. */
  readonly positions: boolean
  /** How many of the last events it wants; undefined for as many as the rule says. */
  readonly rewind: number | undefined
  /** The last event that it had, when it was subscribed before. */
  readonly since: Position | undefined
  /** Its socket id of then: what excluded that is not for this one, either. */
  readonly formerId: SocketId | undefined
}

/** What a new subscriber gets of the events that a channel keeps. */
export type Replay = {
  /** Of the last event before those that it will hear. */
  readonly position: Position
  /** True where `events` are all that it has missed; undefined where it did not say what it had. */
  readonly recovered: boolean | undefined
  /** The oldest first. */
  readonly events: readonly KeptEvent[]
}

export type UnsubscribeCommand = {
  readonly type: 'unsubscribe'
  readonly app: App
  readonly channel: ChannelName
  readonly ref: Ref | undefined
}

export type ClientEventCommand = {
  readonly type: 'client_event'
  readonly app: App
  readonly channel: ChannelName
  readonly event: string
  /** As the client wrote it, not yet parsed. Undefined where it sent none. */
  readonly data: Payload | undefined
  readonly ref: Ref | undefined
}

export type SigninCommand = {
  readonly type: 'signin'
  readonly app: App
  /** As received, unverified. */
  readonly auth: string
  /** As received: it is verified as text and parsed after. */
  readonly userData: string
}

/** A message to one connection. */
export type Reply =
  | {
      readonly type: 'established'
      readonly socketId: SocketId
      readonly activityTimeoutSeconds: number
    }
  | {
      readonly type: 'subscribed'
      readonly channel: ChannelName
      /** The members, the new one included; undefined where the channel has no presence. */
      readonly members: Members | undefined
      readonly ref: Ref | undefined
      /** What a plugin gives the client: an object. */
      readonly data: JsonText | undefined
      /** What it asked of the events that the channel keeps. */
      readonly replay: Replay | undefined
    }
  /** The channel was left, as the client asked. */
  | { readonly type: 'unsubscribed'; readonly ref: Ref | undefined }
  /** A subscription is over: the client or the app has ended it, or a later one of the client has `replaced` it. */
  | { readonly type: 'ended'; readonly ref: Ref | undefined; readonly replaced: boolean }
  /** A plugin has ended a subscription, for the reason in `message`. */
  | {
      readonly type: 'dismissed'
      readonly channel: ChannelName
      readonly ref: Ref | undefined
      readonly message: string
    }
  /** A client event was published. */
  | { readonly type: 'accepted'; readonly ref: Ref | undefined }
  /** The members of a presence channel with each of their connections, on wires that list these. */
  | {
      readonly type: 'present'
      readonly channel: ChannelName
      readonly ref: Ref
      readonly members: Members
    }
  /** Nothing is kept for a cache channel. */
  | { readonly type: 'cache_miss'; readonly channel: ChannelName }
  /** Which of the watched users are online. */
  | {
      readonly type: 'watched'
      readonly online: readonly UserId[]
      readonly offline: readonly UserId[]
    }
  /** `userData` is the text that was signed. */
  | { readonly type: 'signed_in'; readonly userData: string }
  | { readonly type: 'ping' }
  | { readonly type: 'pong'; readonly ref: Ref | undefined }

type EventFields = {
  readonly type: 'event'
  readonly app: App
  readonly channel: ChannelName
  readonly event: string
  /** The connection that does not receive it. */
  readonly except: SocketId | undefined
  /** On client events of presence channels only. */
  readonly sender: Member | undefined
}

/** A key, and the content of the request that carries it. */
export type Claim = { readonly key: string; readonly fingerprint: string }

/** An event of a backend; its data is a JSON string. */
export type BackendPublication = EventFields & {
  readonly origin: 'backend'
  readonly data: JsonText
  /**
   * The key under which the channel takes the event once: an engine that has accepted a part of a request's events
   * takes only the others when the request is repeated. Undefined where a repeat is another event.
   */
  readonly once: Claim | undefined
}

/** A client event, with the data that its sender sent, if any. */
export type ClientPublication = EventFields & {
  readonly origin: 'client'
  readonly data: JsonText | undefined
}

/** An event on its way to the subscribers of one channel. */
export type EventPublication = BackendPublication | ClientPublication

/** An event with bytes, from a client; subscribers on wires without binary frames do not get it. */
export type BytesPublication = Omit<EventFields, 'type'> & {
  readonly type: 'bytes'
  readonly data: Uint8Array
}

/** What an engine carries. */
export type Publication = EventPublication | BytesPublication

/** What was sent to a channel, whatever it consists of. */
export type SentEvent = {
  readonly app: App
  readonly channel: ChannelName
  readonly event: string
  readonly data: Payload | undefined
}

/** An event that a channel keeps. */
export type KeptEvent = {
  /** 1 for the first event of the stream; each is one more than the last. */
  readonly offset: number
  readonly publication: BackendPublication
  /** When it was published, of the clock's `mono`. */
  readonly at: number
  /** Of its name and data in UTF-8, and what keeping it takes besides. */
  readonly bytes: number
  /** Its number in the store; 0 where it is not stored. Owned by `History`. */
  row: number
}

/** A change of a channel, sent to its other subscribers. */
export type Notice =
  | {
      readonly type: 'member_added' | 'member_removed'
      readonly channel: ChannelName
      readonly member: Member
    }
  /** A connection of a member joined or left, whether it is their only one or not. */
  | {
      readonly type: 'seat_taken' | 'seat_left'
      readonly channel: ChannelName
      readonly userId: UserId
      readonly meta: Meta
    }
  | { readonly type: 'subscription_count'; readonly channel: ChannelName; readonly count: number }
  | {
      readonly type: 'user_status'
      readonly channel: ChannelName
      readonly userId: UserId
      readonly online: boolean
    }

export type Broadcast = Publication | Notice

type AppMember = {
  readonly app: App
  readonly channel: ChannelName
  readonly userId: UserId
}

type SubscriptionOf = {
  readonly app: App
  readonly channel: ChannelName
  readonly socketId: SocketId
  /** Of a presence channel. */
  readonly userId: UserId | undefined
}

/** Who was refused, and what, as far as it is known. */
type RefusedCaller =
  | {
      readonly where: 'socket'
      readonly app: App | undefined
      readonly socketId: SocketId
      readonly remoteAddress: string
      /** As the client wrote it. */
      readonly channel: string | undefined
      readonly event: string | undefined
    }
  | {
      readonly where: 'http'
      readonly app: App | undefined
      readonly remoteAddress: string
      readonly requestId: string | undefined
      readonly path: string
    }

/** Something that happened, for webhooks and metrics; FACTS says what each is. */
export type Fact =
  | { readonly type: 'app_changed'; readonly app: App }
  | {
      readonly type: 'connected'
      readonly app: App
      readonly socketId: SocketId
      readonly remoteAddress: string
      /** The name of its encoder. */
      readonly protocol: string
      readonly software: Software | undefined
    }
  | {
      readonly type: 'disconnected'
      readonly app: App
      readonly socketId: SocketId
      readonly closing: ClosingView | undefined
    }
  | ({ readonly type: 'subscribed' } & SubscriptionOf)
  | ({ readonly type: 'unsubscribed' } & SubscriptionOf)
  | { readonly type: 'channel_occupied'; readonly app: App; readonly channel: ChannelName }
  | { readonly type: 'channel_vacated'; readonly app: App; readonly channel: ChannelName }
  | { readonly type: 'cache_miss'; readonly app: App; readonly channel: ChannelName }
  | {
      readonly type: 'subscription_count'
      readonly app: App
      readonly channel: ChannelName
      readonly count: number
    }
  | ({ readonly type: 'member_added' } & AppMember)
  | ({ readonly type: 'member_removed' } & AppMember)
  | {
      readonly type: 'client_event'
      readonly app: App
      readonly channel: ChannelName
      readonly event: string
      readonly data: JsonText | undefined
      readonly socketId: SocketId
      readonly userId: UserId | undefined
    }
  | (SentEvent & {
      readonly type: 'published'
      readonly origin: 'backend' | 'client'
      /** The client that sent it; undefined for a backend's. */
      readonly socketId: SocketId | undefined
      /** The label of the API that it came by; undefined for a client's. */
      readonly api: string | undefined
    })
  | ({ readonly type: 'refused' } & RefusedCaller & {
        readonly code: ErrorCode
        readonly message: string
        /** The plugin that has refused, or has failed. */
        readonly plugin: string | undefined
        readonly wrongSignature: WrongSignature | undefined
      })
  | {
      readonly type: 'requested'
      /** Undefined where the path names none that exists. */
      readonly app: App | undefined
      readonly method: string
      /** As it was routed: without the prefix of the settings. */
      readonly path: string
      readonly status: number
      /** From its arrival to the answer, in milliseconds. */
      readonly ms: number
      readonly requestId: string | undefined
    }
  | {
      readonly type: 'cut'
      /** Undefined for connections that name none. */
      readonly app: App | undefined
      readonly socketId: SocketId
      /** How much it had not read. */
      readonly bytes: number
    }
  | {
      readonly type: 'webhook_answered'
      readonly app: App
      readonly endpoint: string
      readonly attempt: Attempt
      readonly exchange: Exchange
      readonly isTest: boolean
    }

export type FactType = Fact['type']
export type ArrivalFact = Extract<Fact, { readonly type: 'channel_occupied' | 'member_added' }>
export type DepartureFact = Extract<Fact, { readonly type: 'channel_vacated' | 'member_removed' }>

/** The receiver of a refusal. */
export type Peer = {
  readonly id: SocketId
  readonly established: boolean
  readonly app: App | undefined
}

/** Core's half of a codec: messages to frames. */
export interface Encoder {
  /** Unique, without a slash: the first part of its topics. */
  readonly name: string
  /** Its clients send heartbeats unasked: silent ones are not pinged, and only frames show that they are alive. */
  readonly heartbeats: boolean
  /** The same wire, for subscribers that want the position of each event. */
  readonly positioned: Encoder | undefined
  /** Its reply to a subscriber that asked has the replayed events in it; else they follow as frames. */
  readonly repliesWithEvents: boolean
  /** Undefined where the wire has no such message; so is `reply`. Only a positioned encoder writes the position. */
  broadcast(broadcast: Broadcast, position: Position | undefined): Frame | undefined
  reply(reply: Reply): Frame | undefined
  /** The frames of a refusal, before or after the connection was established. */
  refusal(refusal: Refusal, peer: Peer): readonly Frame[]
  /** Close code and reason of a refusal that ends the connection. */
  closeFrame(refusal: Refusal): { readonly code: number; readonly reason: string } | undefined
}
