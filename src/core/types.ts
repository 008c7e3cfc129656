/**
 * The words of the house as types: ids, commands, replies, publications, facts, and the interfaces
 * that core needs from the rim (a sink to write to, an encoder, a clock, a log).
 * Nothing here knows a wire format.
 */
import type { App } from './apps'
import type { Refusal } from './errors'
import type { Members } from './roster'

declare const brand: unique symbol
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** Text; generated ones are digits, which the SDKs' `forURL` needs. */
export type AppId = Brand<string, 'AppId'>
/** `123.456`: two random integers, the public name of a connection. */
export type SocketId = Brand<string, 'SocketId'>
/** Made only by `parseChannelName`, so one in your hand is valid. */
export type ChannelName = Brand<string, 'ChannelName'>
export type UserId = Brand<string, 'UserId'>
/** Names a server process; every seat in a presence channel says on which node it is. */
export type NodeId = Brand<string, 'NodeId'>
/** Text that is known to be JSON, made only by `core/json.ts`; encoders splice it into frames. */
export type JsonText = Brand<string, 'JsonText'>

/** What an event carries: JSON, or bytes on the wires that have them. */
export type Payload = JsonText | Uint8Array

/** An encoded message, ready for a sink: text goes out as a text frame, bytes as a binary one. */
export type Frame = string | Uint8Array<ArrayBuffer>

/** A user in a presence channel, as the first of their connections described them. */
export type Member = {
  readonly userId: UserId
  /** The id as it was sent: a JSON string or an integer, of the same text. */
  readonly userIdJson: JsonText
  readonly userInfo: JsonText
}

/**
 * What a client calls its message and its subscription, on wires whose answers repeat it. Made and
 * read by codecs; core only carries it. Undefined on wires that have no such thing.
 */
export type Ref = {
  readonly topic: string
  /** The JSON of what the client sent, so that it comes back as it was. */
  readonly join: JsonText
  readonly message: JsonText
}

/** One connection of a member: a tab, a device. */
export type Meta = {
  /** Unique, and no secret: what the connection is called among the member's. */
  readonly id: string
  /** Epoch seconds. */
  readonly since: number
  /** As this connection described the member. */
  readonly userInfo: JsonText
}

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
export type Publication = {
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
export type BackendPublication = Publication & { readonly data: JsonText }

/** Bytes that a client sent; subscribers whose wire has no binary frames do not hear of them. */
export type BytesPublication = Omit<Publication, 'type' | 'data'> & {
  readonly type: 'bytes'
  readonly data: Uint8Array
}

/** What a broker carries. */
export type Published = Publication | BytesPublication

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

export type Broadcast = Published | Notice

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

/**
 * Where a connection's frames go. `Bun.ServerWebSocket` is one as it stands; a pull transport
 * brings a queue with the same few methods, which never ends its connection inside `send`.
 */
export interface Sink {
  /** True for a queue, which has no native topics: frames of its channels are handed to it one by one. */
  readonly queued?: true
  /** Negative or 0: the peer reads too slowly. */
  send(frame: Frame): number
  ping(): unknown
  close(code: number, reason: string): void
  subscribe(topic: string): unknown
  unsubscribe(topic: string): unknown
  /** To every subscriber of the topic but this sink. Negative or 0: some subscriber reads too slowly. */
  publish(topic: string, frame: Frame): number
  /** Bytes accepted but not yet taken by the peer. */
  getBufferedAmount(): number
}

/** Hands one frame to every sink that is subscribed to a topic. Negative or 0: some of them read too slowly. */
export interface Topics {
  publish(topic: string, frame: Frame): number
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
  farewell(refusal: Refusal): { readonly code: number; readonly reason: string } | undefined
}

/** Every wait goes through this, so that tests can move time. */
export interface Clock {
  /** The time of day, for what is stored or shown: epoch milliseconds. Somebody may set it back or ahead. */
  now(): number
  /** For durations: milliseconds since some moment before the start of the process, never set back or ahead. */
  mono(): number
  after(delayMs: number, run: () => void): Cancel
  every(intervalMs: number, run: () => void): Cancel
}
export type Cancel = () => void

/** Structured log lines: a stable lower-case message, fields for values. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export type MaybePromise<T> = T | Promise<T>
