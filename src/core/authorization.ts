/**
 * Authorization: may a connection subscribe? What plugins answer, what they give with it, and the signature, which
 * decides where they leave it to that. Changes nothing.
 */
import { findKeyPair } from './app'
import type { Connection } from './connection'
import type { Core } from './core'
import { quote, refusal, type Refusal } from './errors'
import { runGates, type Hook, type Verdict } from './hooks'
import { copyText, jsonOf, parseRecord } from './json'
import { scanObject } from './json-scan'
import type { MaybePromise } from './maybe-promise'
import { notAnObject } from './member'
import type { Grant, SubscribeCommand } from './messages'
import type { Allowed } from './plugin-answers'
import { subscriptionToSign, type WrongSignature } from './signature'
import { SubscribeReader } from './views'

/** Asks gates about a subscription, all with one view of it. */
export const askGates = (
  core: Core,
  gates: readonly Hook[],
  conn: Connection,
  command: SubscribeCommand,
): MaybePromise<Verdict> =>
  runGates(
    core,
    gates,
    conn,
    new SubscribeReader(conn, command, core.groups.nameOf(command.channel)),
  )

/** Characters of what a client sent that are kept for a subscription that expires. */
const MAX_KEPT_CHARS = 16_384

/** The command with what a gate has given; data of `authorize` replaces that of `subscribe`. */
export function withGrant(
  core: Core,
  command: SubscribeCommand,
  { data, expiresAt }: Allowed,
): SubscribeCommand | Refusal {
  if (data === undefined && expiresAt === undefined) return command
  const bytes = data === undefined ? 0 : Buffer.byteLength(data)
  const { maxEventDataBytes: most } = command.app.limits
  if (bytes > most)
    return refusal(
      'data_too_large',
      `Data of ${bytes} bytes for a subscriber exceeds the limit of ${most} (maxEventDataBytes)`,
    )
  const expiry = expiresAt === undefined ? undefined : expiryOf(core, command, expiresAt)
  if (expiry && 'code' in expiry) return expiry
  return { ...command, grant: { data: data ?? command.grant?.data, expiry } }
}

/** Keeps what the client sent, but not the frame that it came in. */
function expiryOf(
  { clock }: Core,
  command: SubscribeCommand,
  expiresAt: number,
): NonNullable<Grant['expiry']> | Refusal {
  const { auth, channelData, params } = command
  const sent = jsonOf(params())
  const chars = (auth?.length ?? 0) + (channelData?.length ?? 0) + (sent?.length ?? 0)
  if (sent === undefined || chars > MAX_KEPT_CHARS)
    return refusal(
      'data_too_large',
      `What came with the subscription is too long, or too deep, to be asked about again: ${chars} characters of ${MAX_KEPT_CHARS}`,
    )
  const kept: SubscribeCommand = {
    ...command,
    channel: copyText(command.channel),
    auth: auth && copyText(auth),
    channelData: channelData && copyText(channelData),
    params: () => parseRecord(sent) ?? {},
    grant: undefined,
  }
  // A time of day, once: the clock may be set.
  return { at: clock.mono() + expiresAt - clock.now(), command: kept }
}

/** Checks `auth`: presence, form, key and signature, in that order (contract 3.2, 3.8). */
export function checkSignature(
  conn: Connection,
  { app, channel, auth, channelData }: SubscribeCommand,
): Refusal | undefined {
  if (!auth) return refusal('auth_missing', `Auth info required to subscribe to ${channel}`)
  const colon = auth.indexOf(':')
  if (colon === -1)
    return refusal(
      'auth_malformed',
      `Auth value for subscription to ${channel} is invalid: should be of format 'key:signature'`,
    )
  const key = auth.slice(0, colon)
  const pair = findKeyPair(app, key)
  const text = subscriptionToSign(conn.id, channel, channelData)
  const signature = auth.slice(colon + 1)
  if (!pair?.verify(text, signature))
    return refuseSignature({ of: 'subscription', key, text, signature }, pair !== undefined)
  // Any other text may be the end of a longer name, which is what was signed.
  return channelData && !scanObject(channelData, []) ? notAnObject(channel) : undefined
}

function refuseSignature(wrongSignature: WrongSignature, isKeyKnown: boolean): Refusal {
  const { key, text, signature } = wrongSignature
  const message = isKeyKnown
    ? `Invalid signature: Expected HMAC SHA256 hex digest of ${quote(text)}, but got ${quote(signature)}`
    : `Invalid key in subscription auth data: '${quote(key)}'`
  return {
    ...refusal(isKeyKnown ? 'auth_signature_invalid' : 'auth_key_unknown', message),
    wrongSignature,
  }
}
