/**
 * WIRE_ERRORS: what each refusal is called on each wire. The only place where numbers live; a code
 * without a row does not compile.
 *
 * The ranges are promises to clients: 40xx never again unchanged, 41xx back off, 42xx at once; 43xx
 * are told in frames only, since pusher-js gives up for good on a close of 4300 and above.
 */
import type { ErrorCode } from '../core/errors'
import type { Logged } from '../core/refusal-log'

export type WireError = {
  /** Pusher's number, or null where the hosted service gives none. Those that close need one. */
  readonly pusher: number | null
  readonly closes: boolean
  readonly http: number
  /**
   * `reason` of an error reply, null where the refusal's own text says it; or the code that closes a
   * Phoenix socket. Never 1000, after which clients of 1.6 to 1.8 stay away for ever; after any other
   * they come back.
   */
  readonly phoenix: string | number | null
  /** `type` of `pusher:subscription_error`, for refusals that a subscribe can meet. */
  readonly subscription?: 'AuthError' | 'LimitReached' | 'InvalidChannel'
  /** What lines in the log say besides the code. */
  readonly log?: Logged
}

/** What can be wrong with a signature; plugins have words of their own. */
const UNSIGNED = [
  'Authentication key required',
  'Invalid authentication key',
  'Invalid key for app',
  'Invalid signature',
  'Timestamp expired',
  'Timestamp required',
  'Version',
  'body_md5',
] as const

export const WIRE_ERRORS = {
  app_not_found: { pusher: 4001, closes: true, http: 404, phoenix: 1001 },
  app_disabled: { pusher: 4003, closes: true, http: 403, phoenix: 1001 },
  app_over_quota: { pusher: 4004, closes: true, http: 403, phoenix: 1001, log: 'message' },
  path_not_found: { pusher: 4005, closes: true, http: 404, phoenix: 1001 },
  upgrade_missing: { pusher: null, closes: false, http: 426, phoenix: null },
  protocol_invalid: { pusher: 4006, closes: true, http: 400, phoenix: 1001 },
  protocol_unsupported: { pusher: 4007, closes: true, http: 400, phoenix: 1001 },
  connection_refused: {
    pusher: 4009,
    closes: true,
    http: 403,
    phoenix: 1001,
    log: ['Connection not authorized within timeout'],
  },
  not_local: { pusher: 4009, closes: true, http: 403, phoenix: null },
  connection_throttled: { pusher: 4100, closes: true, http: 429, phoenix: 1001 },
  address_over_quota: { pusher: 4100, closes: true, http: 429, phoenix: 1012, log: 'message' },
  node_over_capacity: { pusher: 4100, closes: true, http: 503, phoenix: 1012, log: 'message' },
  node_draining: { pusher: 4100, closes: true, http: 503, phoenix: 1012, log: 'quiet' },
  connect_failed: { pusher: 4100, closes: true, http: 503, phoenix: 1011, log: 'quiet' },
  too_many_commands: { pusher: 4100, closes: true, http: 429, phoenix: 1011, log: 'message' },
  reconnect_requested: { pusher: 4200, closes: true, http: 503, phoenix: 1012, log: 'quiet' },
  shutting_down: { pusher: 4200, closes: true, http: 503, phoenix: 1012, log: 'quiet' },
  pong_timeout: { pusher: 4201, closes: true, http: 408, phoenix: 1001, log: 'quiet' },
  message_invalid: { pusher: null, closes: false, http: 400, phoenix: 1011 },
  frame_invalid: { pusher: null, closes: false, http: 400, phoenix: 1011 },
  message_too_large: { pusher: null, closes: false, http: 413, phoenix: 1009 },
  message_refused: { pusher: null, closes: false, http: 403, phoenix: null },
  too_often: {
    pusher: 4301,
    closes: false,
    http: 429,
    phoenix: null,
    subscription: 'LimitReached',
  },
  event_unknown: { pusher: null, closes: false, http: 400, phoenix: null },
  event_invalid: { pusher: null, closes: false, http: 400, phoenix: null },
  event_reserved: { pusher: null, closes: false, http: 400, phoenix: null },
  channel_invalid: {
    pusher: null,
    closes: false,
    http: 400,
    phoenix: 'unmatched topic',
    subscription: 'InvalidChannel',
  },
  already_subscribed: { pusher: null, closes: false, http: 400, phoenix: null },
  too_many_channels: {
    pusher: null,
    closes: false,
    http: 400,
    phoenix: 'too many channels joined',
    subscription: 'LimitReached',
    log: 'message',
  },
  auth_missing: {
    pusher: null,
    closes: false,
    http: 401,
    phoenix: 'unauthorized',
    subscription: 'AuthError',
  },
  auth_malformed: {
    pusher: null,
    closes: false,
    http: 401,
    phoenix: 'unauthorized',
    subscription: 'AuthError',
  },
  auth_key_unknown: {
    pusher: null,
    closes: false,
    http: 401,
    phoenix: 'unauthorized',
    subscription: 'AuthError',
  },
  auth_signature_invalid: {
    pusher: null,
    closes: false,
    http: 401,
    phoenix: 'unauthorized',
    subscription: 'AuthError',
  },
  user_channel_denied: {
    pusher: null,
    closes: false,
    http: 401,
    phoenix: 'unauthorized',
    subscription: 'AuthError',
  },
  channel_data_invalid: {
    pusher: null,
    closes: false,
    http: 401,
    phoenix: null,
    subscription: 'AuthError',
  },
  members_full: {
    pusher: null,
    closes: false,
    http: 403,
    phoenix: null,
    subscription: 'LimitReached',
  },
  subscription_refused: {
    pusher: null,
    closes: false,
    http: 403,
    phoenix: null,
    subscription: 'AuthError',
  },
  listen_denied: {
    pusher: null,
    closes: false,
    http: 401,
    phoenix: 'unauthorized',
    subscription: 'AuthError',
  },
  topic_unmatched: { pusher: null, closes: false, http: 404, phoenix: 'unmatched topic' },
  signin_refused: { pusher: null, closes: false, http: 401, phoenix: null },
  watchlist_too_long: { pusher: 4302, closes: false, http: 400, phoenix: null },
  client_events_disabled: { pusher: null, closes: false, http: 403, phoenix: null },
  client_event_invalid: { pusher: null, closes: false, http: 400, phoenix: null },
  client_event_channel: { pusher: null, closes: false, http: 403, phoenix: null },
  client_event_not_subscribed: {
    pusher: null,
    closes: false,
    http: 403,
    phoenix: 'unmatched topic',
  },
  client_event_rate: { pusher: 4301, closes: false, http: 429, phoenix: 'rate limited' },
  client_event_refused: { pusher: null, closes: false, http: 403, phoenix: null },
  client_event_unsupported: { pusher: null, closes: false, http: 400, phoenix: 'unsupported' },
  publish_refused: { pusher: null, closes: false, http: 403, phoenix: null },
  webhook_refused: { pusher: null, closes: false, http: 403, phoenix: null },
  body_too_slow: { pusher: null, closes: false, http: 408, phoenix: null, log: 'message' },
  data_too_large: { pusher: null, closes: false, http: 413, phoenix: null },
  request_invalid: { pusher: null, closes: false, http: 400, phoenix: null },
  request_unauthorized: { pusher: null, closes: false, http: 401, phoenix: null, log: UNSIGNED },
  request_refused: { pusher: null, closes: false, http: 403, phoenix: null },
  backend_rate: { pusher: null, closes: false, http: 429, phoenix: 'rate limited', log: 'message' },
  login_rate: { pusher: null, closes: false, http: 429, phoenix: null, log: 'message' },
  admin_unauthorized: { pusher: null, closes: false, http: 401, phoenix: null },
  login_failed: { pusher: null, closes: false, http: 401, phoenix: null },
  admin_foreign_page: { pusher: null, closes: false, http: 403, phoenix: null },
  admin_bad_request: { pusher: null, closes: false, http: 400, phoenix: null },
  admin_body_too_large: { pusher: null, closes: false, http: 413, phoenix: null },
  admin_not_found: { pusher: null, closes: false, http: 404, phoenix: null },
  not_acceptable: { pusher: null, closes: false, http: 406, phoenix: null },
  app_invalid: { pusher: null, closes: false, http: 422, phoenix: null },
  store_unavailable: { pusher: null, closes: false, http: 503, phoenix: null, log: 'message' },
  internal: {
    pusher: null,
    closes: false,
    http: 500,
    phoenix: 'internal error',
    subscription: 'AuthError',
    log: 'quiet',
  },
} as const satisfies Record<ErrorCode, WireError>

/** The row of a code, with its optional columns. */
export function wireError(code: ErrorCode): WireError {
  return WIRE_ERRORS[code]
}
