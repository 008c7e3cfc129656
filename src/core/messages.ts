/**
 * Messages: what clients ask, what they are told, what happens; and the encoder that core needs from a
 * codec to tell it. Nothing here knows a wire format.
 */
import type { App } from './app'
import type { Refusal } from './errors'
import type { Members } from './roster'
import type {
  ChannelName,
  Frame,
  JsonText,
  Member,
  Meta,
  Payload,
  Ref,
  SocketId,
  UserId,
} from './types'

/** What a client asked, decoded. Every command names its app: a socket may serve several. */
export type Command =
  | SubscribeCommand
  | UnsubscribeCommand
  | ClientEventCommand
  | SigninCommand
  | { readonly type: 'ping'; readonly ref: Ref | undefined }
  | { readonly type: 'pong' }
  /** There is nothing to do but to answer; without a reply, not even that. */
  | { readonly type: 'done'; readonly reply: Reply | undefined }

export type SubscribeCommand = {
  readonly type: 'subscribe'
  readonly app: App
  readonly channel: ChannelName
  /** As received, unverified. */
  readonly auth: string | undefined
  /** As received: it is verified as text and parsed after. */
  readonly channelData: string | undefined
  /** All that the client sent with it, on wires that have room for more than `auth`; read when a plugin asks. */
  readonly params: () => Readonly<Record<string, unknown>>
  readonly ref: Ref | undefined
  /** What the connection called a subscription to the same channel, which this one takes the place of. */
  readonly replaces: Ref | undefined
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
  /** As the client wrote it: nobody has read it yet. Undefined where it wrote none. */
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

/** What one connection is told. */
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
    }
  /** It has left as it asked. */
  | { readonly type: 'unsubscribed'; readonly ref: Ref | undefined }
  /** A subscription is over: as the client asked, because a later one of its own has `replaced` it, or because the app has ended it. */
  | { readonly type: 'ended'; readonly ref: Ref | undefined; readonly replaced: boolean }
  /** A client event is on its way. */
  | { readonly type: 'accepted'; readonly ref: Ref | undefined }
  /** Who is in a presence channel, with each of their connections; on wires that tell of them. */
  | {
      readonly type: 'present'
      readonly channel: ChannelName
      readonly ref: Ref
      readonly members: Members
    }
  /** Nothing is kept for a cache channel. */
  | { readonly type: 'cache_miss'; readonly channel: ChannelName }
  /** How the users are that the client watches. */
  | {
      readonly type: 'watched'
      readonly online: readonly UserId[]
      readonly offline: readonly UserId[]
    }
  /** `userData` is the text that was signed. */
  | { readonly type: 'signed_in'; readonly userData: string }
  | { readonly type: 'ping' }
  | { readonly type: 'pong'; readonly ref: Ref | undefined }

/** An event on its way to the subscribers of one channel. */
export type EventPublication = {
  readonly type: 'event'
  readonly app: App
  readonly channel: ChannelName
  readonly event: string
  /** The JSON of the wire's `data`: a JSON string for triggers, whatever the sender sent for client events, or nothing. */
  readonly data: JsonText | undefined
  /** On client events of presence channels only. */
  readonly sender: Member | undefined
  /** The connection that is left out. */
  readonly except: SocketId | undefined
}

/** An event of a backend, which always has data. */
export type BackendPublication = EventPublication & { readonly data: JsonText }

/** Bytes that a client sent; subscribers whose wire has no binary frames do not hear of them. */
export type BytesPublication = Omit<EventPublication, 'type' | 'data'> & {
  readonly type: 'bytes'
  readonly data: Uint8Array
}

/** What a broker carries. */
export type Publication = EventPublication | BytesPublication

/** News about a channel that its other subscribers are told. */
export type Notice =
  | {
      readonly type: 'member_added' | 'member_removed'
      readonly channel: ChannelName
      readonly member: Member
    }
  /** A connection of a member came or went, whether it is their only one or not. */
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

/** Something that happened, for webhooks, metrics and the console. Emitted after the change is whole. */
export type Fact =
  /** By the admin API, or deleted by it. */
  | { readonly type: 'app_changed'; readonly app: App }
  | { readonly type: 'connected'; readonly app: App; readonly socketId: SocketId }
  | { readonly type: 'disconnected'; readonly app: App; readonly socketId: SocketId }
  | { readonly type: 'channel_occupied'; readonly app: App; readonly channel: ChannelName }
  | { readonly type: 'channel_vacated'; readonly app: App; readonly channel: ChannelName }
  | { readonly type: 'cache_miss'; readonly app: App; readonly channel: ChannelName }
  | {
      readonly type: 'subscription_count'
      readonly app: App
      readonly channel: ChannelName
      readonly count: number
    }
  | {
      readonly type: 'member_added' | 'member_removed'
      readonly app: App
      readonly channel: ChannelName
      readonly userId: UserId
    }
  | {
      readonly type: 'client_event'
      readonly app: App
      readonly channel: ChannelName
      readonly event: string
      readonly data: JsonText | undefined
      readonly socketId: SocketId
      readonly userId: UserId | undefined
    }

/** Who is told a refusal. */
export type Peer = {
  readonly id: SocketId
  readonly established: boolean
  readonly app: App | undefined
}

/** Core's half of a codec: words to frames. */
export interface Encoder {
  /** Unique, without a slash: the first part of its topics. */
  readonly name: string
  /** Its clients send heartbeats by themselves: nobody asks the silent for one, and nothing else counts. */
  readonly heartbeats: boolean
  /** Undefined where the wire has no word for it. */
  broadcast(broadcast: Broadcast): Frame | undefined
  /** Undefined where the wire has no word for it. */
  reply(reply: Reply): Frame | undefined
  /** The frames that tell a refusal, before or after the connection was established. */
  refusal(refusal: Refusal, peer: Peer): readonly Frame[]
  /** The close code of a refusal that ends the connection, and its reason. */
  closeFrame(refusal: Refusal): { readonly code: number; readonly reason: string } | undefined
}
