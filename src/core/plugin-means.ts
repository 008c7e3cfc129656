/**
 * What plugins keep and what they do, as types: counters and stored values, and the actions by which they publish,
 * read who is where and reach connections. The first are given from `setup` on, the actions work from `start` on.
 */
import type { AppView, ConnectionView } from './plugin'

// ---------------------------------------------------------------- what plugins keep

/** A number of the plugin, counted with `counter.count++`, shown at `/api/admin/plugins`. */
export type Counter = {
  /** What is no finite number is not taken, and is a fault of the plugin. */
  count: number
}

/** A counter with labels: one number for each combination of their values. */
export type LabelledCounter<Label extends string = string> = {
  /**
   * The number for these values, texts of at most 200 characters. What has no room (1000 numbers of the plugin) is
   * counted nowhere, and is a fault of the plugin.
   */
  of(values: Readonly<Record<Label, string>>): Counter
}

/** The plugin's own values, kept in the database. Keys are text, values are JSON. */
export interface PluginStore {
  get(key: string): unknown
  /** `expiresAt` is in epoch milliseconds; without it the value stays. */
  set(key: string, value: unknown, options?: { readonly expiresAt?: number }): void
  delete(key: string): void
  /** In the order of their keys: all, or the first `limit` whose keys come after `after` and begin with `prefix`. */
  entries(page?: {
    readonly prefix?: string
    readonly after?: string | undefined
    readonly limit?: number
  }): (readonly [key: string, value: unknown])[]
  /**
   * Adds to a number, 0 where there is none, and returns it. `expiresAt` holds for a number that begins; one that
   * is there keeps its own. Throws where the value is no number, or the sum none that is exact.
   */
  increment(key: string, by?: number, options?: { readonly expiresAt?: number }): number
  /** Writes all that `write` writes, or nothing where it throws. It may not wait. */
  transaction<Result>(write: () => Result): Result
}

/**
 * The plugin's values that all nodes of the server have in common: the methods of its store, as promises. A write is
 * told to the plugin on every node (`sharedChanged`), in one order.
 */
export type SharedStore = {
  readonly [Name in Exclude<keyof PluginStore, 'transaction'>]: (
    ...args: Parameters<PluginStore[Name]>
  ) => Promise<ReturnType<PluginStore[Name]>>
}

// ---------------------------------------------------------------- what plugins do

/** An event that a plugin publishes; data that is no text goes out as its JSON. */
export type PluginEvent = {
  readonly name: string
  readonly data: unknown
  /** The connection that does not receive it. */
  readonly socketId?: string
} & ({ readonly channel: string } | { readonly channels: readonly string[] })

/** A channel that somebody is in, on any node; `users` is 0 without presence. */
export type ChannelView = {
  readonly name: string
  readonly subscriptions: number
  readonly users: number
}

/** A member of a presence channel, as their first connection described them. */
export interface MemberView {
  readonly userId: string
  /** Parsed each time that it is read. */
  readonly userInfo: unknown
}

/**
 * From `start` on. What cannot be done rejects, with a message for the plugin's author: an unknown app, a name or
 * data that the server refuses, a plugin that publishes in its own `publish` or `published` again and again.
 */
export type PluginActions = {
  /** Publishes as `POST /events` does: limits hold, `publish` hooks are asked, the plugin's own too. */
  publish(app: AppView, event: PluginEvent): Promise<void>
  /** Publishes to the connections that are signed in as the user. */
  sendToUser(
    app: AppView,
    userId: string,
    event: { readonly name: string; readonly data: unknown },
  ): Promise<void>
  /** Closes every connection that is signed in as the user, with 4009. */
  terminateUser(app: AppView, userId: string): Promise<void>
  /** Ends one subscription of a connection; `message` is the reason, for its client. False where there is none. */
  unsubscribe(conn: ConnectionView, channel: string, message: string): boolean
  /** Ends the subscriptions to the channel of connections that are signed in as the user, or are this member there. */
  unsubscribeUser(app: AppView, userId: string, channel: string, message: string): Promise<void>
  /** The connections of this process that are signed in as the user. */
  connectionsOf(app: AppView, userId: string): readonly ConnectionView[]
  /** Subscriptions and members of a channel. */
  counts(app: AppView, channel: string): Promise<Omit<ChannelView, 'name'>>
  /** The members of a presence channel, in the order in which they joined. */
  members(app: AppView, channel: string): Promise<readonly MemberView[]>
  /** The occupied channels, those of users left out. */
  channels(app: AppView, filter?: { readonly prefix?: string }): Promise<readonly ChannelView[]>
}
