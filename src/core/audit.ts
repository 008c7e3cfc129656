/**
 * Audit: what was changed from the admin's side, and by whom. Whoever makes a change passes a deed along; the store
 * writes the change and its row in one transaction.
 */

/** ACTIONS: what the audit tells of. */
export const ACTIONS = {
  'app.created': 'an app was created',
  'app.changed': 'fields of an app were changed',
  'app.deleted': 'an app was deleted',
  'key.added': 'an app got a second pair of key and secret',
  'key.retired': 'a pair of key and secret was retired',
  'webhooks.replayed': 'the dead letters of an app were sent again',
  'connection.closed': 'a connection was closed',
  'user.terminated': 'the connections of a user were closed',
  'webhook.tested': 'a test event was sent to an endpoint of an app',
  'webhook.paused': 'an endpoint of an app was paused',
  'webhook.resumed': 'an endpoint of an app was resumed',
  'token.created': 'a token for the admin API was made',
  'token.revoked': 'a token was revoked',
  'session.ended': 'a session of somebody else was ended',
  'plugin.requested': 'a route of a plugin that only admins may use was called',
} as const

export type Action = keyof typeof ACTIONS

/** Who makes a change: the admin by password, or a token. */
export type Actor = {
  readonly kind: 'user' | 'token'
  /** Undefined for the admin. */
  readonly id: string | undefined
  readonly name: string
  /** Where the request came from. */
  readonly address: string
  /** Finds its lines in the log. */
  readonly requestId: string | undefined
}

export type Deed = { readonly by: Actor; readonly action: Action }

/** Fields by name, as they are shown: without secrets. */
type Fields = Readonly<Record<string, unknown>>

export type AuditEntry = Deed & {
  /** Epoch milliseconds. */
  readonly at: number
  readonly appId: string | undefined
  /** What else it is about: the id of a token, connection or user, the route of a plugin. */
  readonly target: string | undefined
  /** The fields that have changed; undefined where there were none, or are none any more. */
  readonly before: Fields | undefined
  readonly after: Fields | undefined
}

export type AuditRow = AuditEntry & { readonly id: number }

export type AuditQuery = {
  readonly appId: string | undefined
  /** Id or name of a token, or the name of the admin. */
  readonly actor: string | undefined
  readonly action: string | undefined
  /** Epoch milliseconds; the first that counts, and the first that does not. */
  readonly from: number | undefined
  readonly to: number | undefined
  /** Of the rows that come after it, the newest first, that is of lower ids. */
  readonly before: number
  readonly limit: number
  /** The page ends before its rows exceed this. */
  readonly maxBytes: number
  /** Rows from before the app was last deleted are another tenant's. */
  readonly ofThisLife: boolean
}

export type AuditPage = {
  readonly rows: readonly AuditRow[]
  readonly bytes: number
  /** Where to go on; undefined at the end. */
  readonly next: number | undefined
  /** Rows were left out that would exceed the bytes. */
  readonly isFull: boolean
}

/** Storage of the audit. Its methods throw where the database does. */
export interface AuditStore {
  /** For what has no transaction of its own. */
  write(entry: AuditEntry): void
  /** Looks at a bounded number of rows: a page may be empty, and have a next one. */
  page(query: AuditQuery): AuditPage
}
