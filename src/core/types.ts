/**
 * Types that everything shares: ids, members, and the interfaces that core needs from the rim (a sink, a
 * clock, a log). Imports nothing.
 */

declare const brand: unique symbol
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** A string; generated ones are digits, which the SDKs' `forURL` needs. */
export type AppId = Brand<string, 'AppId'>
/** `123.456`: two random integers, the public name of a connection. */
export type SocketId = Brand<string, 'SocketId'>
/** A valid name: only `parseChannelName` makes one. */
export type ChannelName = Brand<string, 'ChannelName'>
export type UserId = Brand<string, 'UserId'>
/** Text known to be JSON: only `core/json.ts` makes it, and encoders splice it into frames. */
export type JsonText = Brand<string, 'JsonText'>

/** An event's data: JSON, or bytes on wires that have them. */
export type Payload = JsonText | Uint8Array

/** An encoded message: a string goes out as a text frame, bytes as a binary one. */
export type Frame = string | Uint8Array<ArrayBuffer>

/** A user in a presence channel, as the first of their connections described them. */
export type Member = {
  readonly userId: UserId
  /** The id as it was sent: a JSON string, or an integer with the same digits. */
  readonly userIdJson: JsonText
  readonly userInfo: JsonText
}

/**
 * The client's own reference to its message and subscription, which replies repeat. Opaque to all but the
 * wire that made it; undefined on wires without references.
 */
export type Ref = Brand<object, 'Ref'>

/** One connection of a member: a tab, a device. */
export type Meta = {
  /** Unique among the member's connections, and no secret. */
  readonly id: string
  /** Epoch seconds. */
  readonly since: number
  /** As this connection described the member. */
  readonly userInfo: JsonText
}

/**
 * The outlet of a connection's frames. `Bun.ServerWebSocket` is one as it stands; a pull transport
 * brings a queue with the same methods, which never ends its connection inside `send`.
 */
export interface Sink {
  /** True for a queue: it has no native topics, so its channels' frames are sent one by one. */
  readonly queued?: true
  /** Negative or 0: the peer reads too slowly. */
  send(frame: Frame): number
  /** Runs what sends several frames, so that they leave in one write; absent where each is none. */
  cork?(send: () => void): unknown
  ping(): unknown
  close(code: number, reason: string): void
  /** Ends it at once, without what it has not read. */
  terminate(): void
  /** Stops reading what the peer sends, until `resume`; absent where there is nothing to read. */
  pause?(): void
  resume?(): void
  subscribe(topic: string): unknown
  unsubscribe(topic: string): unknown
  /** To every subscriber of the topic but this sink. Negative or 0: some subscriber reads too slowly. */
  publish(topic: string, frame: Frame): number
  /** Bytes accepted but not yet taken by the peer. */
  getBufferedAmount(): number
}

/** Sends one frame to every sink subscribed to a topic. Negative or 0: some of them read too slowly. */
export interface Topics {
  publish(topic: string, frame: Frame): number
  /** To all but one, as `Sink.publish` does. */
  publishFrom(sink: Sink, topic: string, frame: Frame): number
}

/** The place of an event among those that a channel keeps. */
export type Position = {
  /** Changes when the channel begins anew; offsets of two epochs have no order. */
  readonly epoch: string
  /** 1 for the first event that is kept, 0 before it. */
  readonly offset: number
}

/** Every wait goes through this, so that tests can move time. */
export interface Clock {
  /** The time of day in epoch milliseconds, for what is stored or shown. It may be set back or ahead. */
  now(): number
  /** Monotonic milliseconds, for durations. */
  mono(): number
  after(delayMs: number, run: () => void): Cancel
  every(intervalMs: number, run: () => void): Cancel
}
export type Cancel = () => void

/** Structured log lines: a stable lower-case message, values in fields. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
