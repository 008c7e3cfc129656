/**
 * WIRE_ERRORS: how each refusal shows on each wire. The only place where numbers live; a code without
 * a row does not compile.
 *
 * The ranges tell clients when to reconnect: 40xx never unchanged, 41xx after a while, 42xx at once.
 * 43xx go in frames only, since pusher-js gives up for good on a close of 4300 and above.
 */
import type { ErrorCode } from '../core/errors'
import type { LogPolicy } from '../core/refusal-log'

export type WireError = {
  /** Pusher's number, or null where the hosted service gives none. Those that close need one. */
  readonly pusher: number | null
  readonly closes: boolean
  readonly http: number
  /**
   * `reason` of an error reply, null for the refusal's own message; or the code that closes a Phoenix
   * socket. Never 1000, after which clients of 1.6 to 1.8 do not reconnect, as they do after any other.
   */
  readonly phoenix: string | number | null
  /** `type` of `pusher:subscription_error`, for refusals that a subscribe can meet. */
  readonly subscription?: 'AuthError' | 'LimitReached' | 'InvalidChannel' | 'InvalidHistory'
  /** What lines in the log show besides the code. */
  readonly log?: LogPolicy
}

/** Messages about signatures that the log may show; those of plugins are their own. */
const SIGNATURE_ERRORS = [
  'Authentication key required',
  'Invalid authentication key',
  'Invalid key for app',
  'Invalid signature',
  'Timestamp expired',
  'Timestamp required',
  'Version',
  'body_md5',
] as const

/** A refusal that closes nothing; sockets carry its message, and what `more` has for them. */
const keepOpen = (http: number, more: Partial<WireError> = {}): WireError => ({
  pusher: null,
  closes: false,
  http,
  phoenix: null,
  ...more,
})
const UNAUTHORIZED = keepOpen(401, { phoenix: 'unauthorized', subscription: 'AuthError' })

export const WIRE_ERRORS: Readonly<Record<ErrorCode, WireError>> = {
  app_not_found: { pusher: 4001, closes: true, http: 404, phoenix: 1001 },
  app_disabled: { pusher: 4003, closes: true, http: 403, phoenix: 1001 },
  tls_required: { pusher: 4000, closes: true, http: 403, phoenix: null },
  app_over_quota: { pusher: 4004, closes: true, http: 403, phoenix: 1001, log: 'message' },
  path_not_found: { pusher: 4005, closes: true, http: 404, phoenix: 1001 },
  upgrade_missing: keepOpen(426),
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
  message_too_slow: { pusher: 4100, closes: true, http: 408, phoenix: 1008, log: 'message' },
  reconnect_requested: { pusher: 4200, closes: true, http: 503, phoenix: 1012, log: 'quiet' },
  shutting_down: { pusher: 4200, closes: true, http: 503, phoenix: 1012, log: 'quiet' },
  pong_timeout: { pusher: 4201, closes: true, http: 408, phoenix: 1001, log: 'quiet' },
  message_invalid: keepOpen(400, { phoenix: 1011 }),
  frame_invalid: keepOpen(400, { phoenix: 1011 }),
  message_too_large: keepOpen(413, { phoenix: 1009 }),
  message_refused: keepOpen(403),
  too_often: keepOpen(429, { pusher: 4301, subscription: 'LimitReached' }),
  event_unknown: keepOpen(400),
  event_invalid: keepOpen(400),
  event_reserved: keepOpen(400),
  channel_invalid: keepOpen(400, { phoenix: 'unmatched topic', subscription: 'InvalidChannel' }),
  already_subscribed: keepOpen(400),
  history_unavailable: keepOpen(503, { log: 'message' }),
  history_invalid: keepOpen(400, { subscription: 'InvalidHistory' }),
  too_many_channels: keepOpen(400, {
    phoenix: 'too many channels joined',
    subscription: 'LimitReached',
    log: 'message',
  }),
  auth_missing: UNAUTHORIZED,
  auth_malformed: UNAUTHORIZED,
  auth_key_unknown: UNAUTHORIZED,
  auth_signature_invalid: UNAUTHORIZED,
  user_channel_denied: UNAUTHORIZED,
  channel_data_invalid: keepOpen(401, { subscription: 'AuthError' }),
  members_full: keepOpen(403, { subscription: 'LimitReached' }),
  subscription_refused: keepOpen(403, { subscription: 'AuthError' }),
  listen_denied: UNAUTHORIZED,
  topic_unmatched: keepOpen(404, { phoenix: 'unmatched topic' }),
  signin_refused: keepOpen(401),
  watchlist_too_long: keepOpen(400, { pusher: 4302 }),
  client_events_disabled: keepOpen(403),
  client_event_invalid: keepOpen(400),
  client_event_channel: keepOpen(403),
  client_event_not_subscribed: keepOpen(403, { phoenix: 'unmatched topic' }),
  client_event_rate: keepOpen(429, { pusher: 4301, phoenix: 'rate limited' }),
  client_event_refused: keepOpen(403),
  client_event_unsupported: keepOpen(400, { phoenix: 'unsupported' }),
  publish_refused: keepOpen(403),
  webhook_refused: keepOpen(403),
  body_too_slow: keepOpen(408, { log: 'message' }),
  data_too_large: keepOpen(413, { subscription: 'LimitReached' }),
  request_invalid: keepOpen(400),
  request_unauthorized: keepOpen(401, { log: SIGNATURE_ERRORS }),
  request_refused: keepOpen(403),
  backend_rate: keepOpen(429, { phoenix: 'rate limited', log: 'message' }),
  key_reused: keepOpen(422),
  key_in_use: keepOpen(409),
  too_many_keys: keepOpen(503, { log: 'message' }),
  login_rate: keepOpen(429, { log: 'message' }),
  admin_unauthorized: keepOpen(401),
  login_failed: keepOpen(401),
  token_refused: keepOpen(401, { log: 'message' }),
  session_refused: keepOpen(401),
  csrf_refused: keepOpen(403),
  admin_forbidden: keepOpen(403, { log: 'message' }),
  admin_foreign_page: keepOpen(403),
  admin_bad_request: keepOpen(400),
  admin_body_too_large: keepOpen(413),
  admin_not_found: keepOpen(404),
  not_acceptable: keepOpen(406),
  app_invalid: keepOpen(422),
  store_unavailable: keepOpen(503, { log: 'message' }),
  engine_unavailable: keepOpen(503, { subscription: 'AuthError', log: 'message' }),
  too_many_watchers: keepOpen(503),
  too_many_sessions: keepOpen(503),
  too_many_tests: keepOpen(429),
  internal: keepOpen(500, { phoenix: 'internal error', subscription: 'AuthError', log: 'quiet' }),
}
