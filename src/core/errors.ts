/**
 * Refusals: what a caller did wrong, as a code and a message. The numbers that each wire gives a code
 * live in `protocols/errors.ts`, in one table that does not compile with a code missing.
 */
import type { WrongSignature } from './signature'
import type { Ref } from './types'

export type ErrorCode =
  | 'app_not_found'
  | 'app_disabled'
  | 'tls_required'
  | 'app_over_quota'
  | 'address_over_quota'
  | 'node_over_capacity'
  | 'node_draining'
  | 'connect_failed'
  | 'path_not_found'
  | 'upgrade_missing'
  | 'protocol_unsupported'
  | 'protocol_invalid'
  | 'connection_refused'
  | 'not_local'
  | 'connection_throttled'
  | 'reconnect_requested'
  | 'too_many_commands'
  | 'pong_timeout'
  | 'shutting_down'
  | 'message_invalid'
  | 'frame_invalid'
  | 'message_too_large'
  | 'message_too_slow'
  | 'message_refused'
  | 'too_often'
  | 'event_unknown'
  | 'event_invalid'
  | 'event_reserved'
  | 'channel_invalid'
  | 'already_subscribed'
  | 'history_invalid'
  | 'history_unavailable'
  | 'too_many_channels'
  | 'auth_missing'
  | 'auth_malformed'
  | 'auth_key_unknown'
  | 'auth_signature_invalid'
  | 'user_channel_denied'
  | 'channel_data_invalid'
  | 'members_full'
  | 'subscription_refused'
  | 'listen_denied'
  | 'topic_unmatched'
  | 'signin_refused'
  | 'watchlist_too_long'
  | 'client_events_disabled'
  | 'client_event_invalid'
  | 'client_event_channel'
  | 'client_event_not_subscribed'
  | 'client_event_rate'
  | 'client_event_refused'
  | 'client_event_unsupported'
  | 'publish_refused'
  | 'webhook_refused'
  | 'data_too_large'
  | 'body_too_slow'
  | 'request_invalid'
  | 'request_unauthorized'
  | 'request_refused'
  | 'backend_rate'
  | 'key_reused'
  | 'key_in_use'
  | 'too_many_keys'
  | 'login_rate'
  | 'admin_unauthorized'
  | 'login_failed'
  | 'token_refused'
  | 'session_refused'
  | 'csrf_refused'
  | 'admin_forbidden'
  | 'admin_foreign_page'
  | 'admin_bad_request'
  | 'admin_body_too_large'
  | 'admin_not_found'
  | 'app_invalid'
  | 'not_acceptable'
  | 'store_unavailable'
  | 'engine_unavailable'
  | 'too_many_watchers'
  | 'too_many_sessions'
  | 'too_many_tests'
  | 'internal'

/** The error that socket verbs return; `message` is shown to the caller. */
export type Refusal = {
  readonly code: ErrorCode
  readonly message: string
  /** The channel whose subscription is refused, as the client wrote it. */
  readonly subscribing?: string
  /** The reference of the refused message, on wires whose replies repeat it. */
  readonly ref?: Ref | undefined
  /** When it makes sense to try again. */
  readonly retryAfterSeconds?: number | undefined
  /** The plugin that refuses, or has failed. */
  readonly plugin?: string | undefined
  /** Told to whoever watches the app, and to no caller. */
  readonly wrongSignature?: WrongSignature | undefined
}

/** A refusal as HTTP-side code throws it. Socket-side code returns refusals: a throw costs 30 times as much. */
export class RealtimeError extends Error {
  override readonly name = 'RealtimeError'
  readonly retryAfterSeconds: number | undefined
  readonly plugin: string | undefined
  readonly wrongSignature: WrongSignature | undefined

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: ErrorOptions & Pick<Refusal, 'retryAfterSeconds' | 'plugin' | 'wrongSignature'> = {},
  ) {
    super(message, options)
    this.retryAfterSeconds = options.retryAfterSeconds
    this.plugin = options.plugin
    this.wrongSignature = options.wrongSignature
  }
}

export function refusal(code: ErrorCode, message: string): Refusal {
  return { code, message }
}

export function isRefusal(value: object | undefined): value is Refusal {
  return value !== undefined && 'code' in value
}

/** @throws RealtimeError with what the refusal has */
export function raise(refused: Refusal): never {
  const { code, message, retryAfterSeconds, plugin } = refused
  throw new RealtimeError(code, message, { retryAfterSeconds, plugin })
}

/** @throws RealtimeError for a refusal */
export function raiseIfRefused(answer: object): void {
  if (isRefusal(answer)) raise(answer)
}

/** The message of what plugins and the runtime throw, whatever it is. */
export const messageOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause)

/** Refusals that never vary; clients can cause them at message rate. */
export const REFUSE = {
  internal: refusal('internal', 'Internal server error'),
  clientEventRate: refusal('client_event_rate', 'Client event rejected due to rate limit'),
  clientEventsDisabled: refusal(
    'client_events_disabled',
    'To send client events, you must enable this feature in the Settings page of your dashboard.',
  ),
  clientEventIncomplete: refusal(
    'client_event_invalid',
    'Invalid client event (must contain channel and data)',
  ),
  clientEventTooDeep: refusal(
    'client_event_invalid',
    'Invalid client event (data is nested too deep)',
  ),
  messageNotJson: refusal(
    'message_invalid',
    'Invalid message: expected a JSON object with a string "event"',
  ),
  crowded: refusal('too_often', 'Too many wait to enter the channel; try again'),
  tooManyWait: {
    ...refusal('too_often', 'Too many events wait for a plugin; try again'),
    retryAfterSeconds: 1,
  },
  connectFailed: refusal('connect_failed', 'The server could not accept the connection; try again'),
  engineAway: {
    ...refusal('engine_unavailable', 'The server cannot reach Redis at the moment; try again'),
    retryAfterSeconds: 1,
  },
  engineUnfilled: {
    ...refusal('engine_unavailable', 'Redis is being told of the apps; try again in some seconds'),
    retryAfterSeconds: 5,
  },
  engineSilent: {
    ...refusal(
      'engine_unavailable',
      'Redis has not answered; it may have been published. Try again: with an idempotency key that is harmless',
    ),
    retryAfterSeconds: 1,
  },
  changeSilent: {
    ...refusal(
      'engine_unavailable',
      'Redis has not answered; the change may have been made. Look before you try again',
    ),
    retryAfterSeconds: 1,
  },
  draining: refusal('node_draining', 'The server is shutting down; try again'),
  unauthorized: refusal('connection_refused', 'Connection not authorized within timeout'),
  frameInvalid: refusal('frame_invalid', 'Undecodable frame'),
  frameOfOtherVersion: refusal(
    'frame_invalid',
    'Undecodable frame: it is not of the vsn that was asked for',
  ),
  upgradeMissing: refusal('upgrade_missing', 'Expected a WebSocket handshake'),
  crowdedOut: refusal('node_over_capacity', 'Too many requests wait for a turn of the event loop'),
  topicUnmatched: refusal('topic_unmatched', 'unmatched topic'),
  pushUnsupported: refusal('client_event_unsupported', 'Clients push nothing here'),
  clientEventPrefix: refusal('client_event_invalid', 'Names of client events begin with client-'),
  clientEventReserved: refusal('client_event_invalid', 'The name of the event is reserved'),
  listenDenied: refusal('listen_denied', 'authentication_required'),
  terminated: refusal('connection_refused', 'You got disconnected by the app.'),
  messageTooSlow: refusal(
    'message_too_slow',
    'A message has ten seconds, and one of this connection did not end',
  ),
  pongTimeout: refusal('pong_timeout', 'Pong reply not received'),
  tlsRequired: refusal('tls_required', 'Only TLS is accepted: connect to wss:// or https://'),
  shuttingDown: refusal('shutting_down', 'Please reconnect immediately'),
} as const satisfies Record<string, Refusal>

export const appNotFound = (id: string): Refusal =>
  refusal('app_not_found', `App ${quote(id)} does not exist`)

export const membersFull = (channel: string, limit: number): Refusal =>
  refusal('members_full', `${channel} is over its limit of ${limit} members (maxPresenceMembers)`)

/** `size` shows actual and allowed bytes. */
export const dataTooLarge = (size: string): Refusal =>
  refusal('data_too_large', `The data content of this event exceeds the allowed maximum (${size})`)

export const eventNameTooLong = (chars: number, most: number): Refusal =>
  refusal(
    'event_invalid',
    `Event name of ${chars} characters exceeds the limit of ${most} (maxEventNameChars)`,
  )

const QUOTED_CHARS = 120

/** A caller's text on one line, cut to a length that an error message can carry. */
export const quote = (value: string): string => toOneLine(value, QUOTED_CHARS)

/** Text without what a terminal obeys: control characters of both sets, changes of direction. */
export function toOneLine(text: string, most: number): string {
  const line = text.slice(0, most).replace(OBEYED, ' ')
  return text.length <= most ? line : `${line}…`
}
/** And lone surrogates, as a cut leaves them: strict JSON parsers fail at their escapes. */
const OBEYED = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/** Percent-decoded; text with a stray percent sign stays as it is. */
export function percentDecode(value: string): string {
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return value // URIError
  }
}
