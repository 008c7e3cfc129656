/**
 * The words of the house as types: ids, members, and the interfaces that core needs from the rim (a sink
 * to write to, a clock, a log). Imports nothing.
 */

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
 * What a client calls its message and its subscription, on wires whose answers repeat it. Only the wire
 * that made it can look into it. Undefined on wires that have no such thing.
 */
export type Ref = Brand<object, 'Ref'>

/** One connection of a member: a tab, a device. */
export type Meta = {
  /** Unique, and no secret: what the connection is called among the member's. */
  readonly id: string
  /** Epoch seconds. */
  readonly since: number
  /** As this connection described the member. */
  readonly userInfo: JsonText
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
