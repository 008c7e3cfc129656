/**
 * WIRE_ERRORS: what each refusal is called on each wire. The only place where numbers live; a code
 * without a row does not compile.
 *
 * The ranges are promises to clients: 40xx never again unchanged, 41xx back off, 42xx at once; 43xx
 * are told in frames only, since pusher-js gives up for good on a close of 4300 and above.
 */
import type { ErrorCode } from '../core/errors'

export type WireError = {
  /** Pusher's number, or null where the hosted service gives none. Those that close need one. */
  readonly pusher: number | null
  readonly closes: boolean
  readonly http: number
  /** `type` of `pusher:subscription_error`, for refusals that a subscribe can meet. */
  readonly subscription?: 'AuthError' | 'LimitReached' | 'InvalidChannel'
}

export const WIRE_ERRORS = {
  app_not_found: { pusher: 4001, closes: true, http: 404 },
  app_disabled: { pusher: 4003, closes: true, http: 403 },
  app_over_quota: { pusher: 4004, closes: true, http: 403 },
  path_not_found: { pusher: 4005, closes: true, http: 404 },
  protocol_invalid: { pusher: 4006, closes: true, http: 400 },
  protocol_unsupported: { pusher: 4007, closes: true, http: 400 },
  connection_refused: { pusher: 4009, closes: true, http: 403 },
  connection_throttled: { pusher: 4100, closes: true, http: 429 },
  node_over_capacity: { pusher: 4100, closes: true, http: 503 },
  node_draining: { pusher: 4100, closes: true, http: 503 },
  connect_failed: { pusher: 4100, closes: true, http: 503 },
  too_many_commands: { pusher: 4100, closes: true, http: 429 },
  reconnect_requested: { pusher: 4200, closes: true, http: 503 },
  shutting_down: { pusher: 4200, closes: true, http: 503 },
  pong_timeout: { pusher: 4201, closes: true, http: 408 },
  message_invalid: { pusher: null, closes: false, http: 400 },
  message_too_large: { pusher: null, closes: false, http: 413 },
  message_refused: { pusher: null, closes: false, http: 403 },
  too_often: { pusher: 4301, closes: false, http: 429, subscription: 'LimitReached' },
  event_unknown: { pusher: null, closes: false, http: 400 },
  event_invalid: { pusher: null, closes: false, http: 400 },
  event_reserved: { pusher: null, closes: false, http: 400 },
  channel_invalid: { pusher: null, closes: false, http: 400, subscription: 'InvalidChannel' },
  already_subscribed: { pusher: null, closes: false, http: 400 },
  too_many_channels: { pusher: null, closes: false, http: 400, subscription: 'LimitReached' },
  auth_missing: { pusher: null, closes: false, http: 401, subscription: 'AuthError' },
  auth_malformed: { pusher: null, closes: false, http: 401, subscription: 'AuthError' },
  auth_key_unknown: { pusher: null, closes: false, http: 401, subscription: 'AuthError' },
  auth_signature_invalid: { pusher: null, closes: false, http: 401, subscription: 'AuthError' },
  user_channel_denied: { pusher: null, closes: false, http: 401, subscription: 'AuthError' },
  channel_data_invalid: { pusher: null, closes: false, http: 401, subscription: 'AuthError' },
  members_full: { pusher: null, closes: false, http: 403, subscription: 'LimitReached' },
  subscription_refused: { pusher: null, closes: false, http: 403, subscription: 'AuthError' },
  signin_refused: { pusher: null, closes: false, http: 401 },
  watchlist_too_long: { pusher: 4302, closes: false, http: 400 },
  client_events_disabled: { pusher: null, closes: false, http: 403 },
  client_event_invalid: { pusher: null, closes: false, http: 400 },
  client_event_channel: { pusher: null, closes: false, http: 403 },
  client_event_not_subscribed: { pusher: null, closes: false, http: 403 },
  client_event_rate: { pusher: 4301, closes: false, http: 429 },
  client_event_refused: { pusher: null, closes: false, http: 403 },
  publish_refused: { pusher: null, closes: false, http: 403 },
  webhook_refused: { pusher: null, closes: false, http: 403 },
  data_too_large: { pusher: null, closes: false, http: 413 },
  request_invalid: { pusher: null, closes: false, http: 400 },
  request_unauthorized: { pusher: null, closes: false, http: 401 },
  request_refused: { pusher: null, closes: false, http: 403 },
  backend_rate: { pusher: null, closes: false, http: 429 },
  admin_unauthorized: { pusher: null, closes: false, http: 401 },
  admin_foreign_page: { pusher: null, closes: false, http: 403 },
  admin_bad_request: { pusher: null, closes: false, http: 400 },
  admin_body_too_large: { pusher: null, closes: false, http: 413 },
  admin_not_found: { pusher: null, closes: false, http: 404 },
  app_invalid: { pusher: null, closes: false, http: 422 },
  internal: { pusher: null, closes: false, http: 500, subscription: 'AuthError' },
} as const satisfies Record<ErrorCode, WireError>

/** The row of a code, with its optional columns. */
export function wireError(code: ErrorCode): WireError {
  return WIRE_ERRORS[code]
}
