/** What is known of a connection that has sent a token: the token, and what it has opened. */
import type { Grant, Token } from './claims'
import type { Lease } from './leases'
import type { Found } from './token-sources'

/** A channel that a token let the connection into. */
type TokenSubscription = { readonly mayPublish: boolean; readonly lease: Lease | undefined }

/** A connection that has sent a token. */
export type Bearer = {
  /** The token that was sent when connecting. */
  grant: Grant | undefined
  /** Found when connecting, where a join names the app later. */
  foundAtConnect: Found | undefined
  lease: Lease | undefined
  /** By channel; without those that a signature allowed. */
  readonly subscriptions: Map<string, TokenSubscription>
  /** The last one that was allowed and is not a subscription yet; another plugin may still refuse it. */
  pending:
    { readonly channel: string; readonly token: Token; readonly mayPublish: boolean } | undefined
}

export const createBearer = (): Bearer => ({
  grant: undefined,
  foundAtConnect: undefined,
  lease: undefined,
  subscriptions: new Map(),
  pending: undefined,
})
