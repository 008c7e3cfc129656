/**
 * CAUSES: why a caller was refused, and what to do, for whoever watches. What often goes wrong with a signature is
 * tried: some fifty digests of a microsecond, for a row that is shown. No digest and no secret is in what is said.
 */
import { findKeyPair, type App } from '../core/app'
import type { Core } from '../core/core'
import type { ErrorCode } from '../core/errors'
import { jsonOf, parseRecord } from '../core/json'
import type { Fact } from '../core/messages'
import { KeyPair, type WrongSignature } from '../core/signature'

const cause = (likely: string, remedy: string) => ({ likely, remedy }) as const
const SAME_APP = 'Take id, key and secret from the same app.'
const AS_RECEIVED = 'Sign the text as it is sent, and send the text that was signed.'

export const CAUSES = {
  app_unknown: cause(
    'No app of this server has this key or id.',
    'Compare the key in the client, or the id in the backend, with the app; is it the right server?',
  ),
  key_unknown: cause(
    'No app of this server has this key; it may be one that was retired.',
    'Give the backend the key and secret that the app has now.',
  ),
  key_of_other_app: cause('The key is that of another app.', SAME_APP),
  secret_of_other_app: cause('It was signed with the secret of another app.', SAME_APP),
  secret_of_other_key: cause(
    'It was signed with the secret of another key of this app.',
    'Send the key that belongs to the secret: after a rotation both are new.',
  ),
  key_as_secret: cause(
    'It was signed with the key or id of the app instead of the secret.',
    'Give the backend the secret.',
  ),
  secret_with_space: cause(
    'The secret has a space, a quote or a line end around it.',
    'Write the secret in the environment of the backend without them; a file may have line ends of Windows.',
  ),
  secret_sent: cause(
    'The secret itself was sent, and whoever saw it has it.',
    'Send the digest in hex instead, and rotate the keys of the app.',
  ),
  signature_missing: cause(
    'Nothing was sent after the key.',
    'The answer of the endpoint is `KEY:SIGNATURE`.',
  ),
  signature_upper_case: cause('It is right, but in upper case.', 'Write the hex in lower case.'),
  signature_base64: cause('It is right, but in Base64.', 'Write the digest as hex.'),
  signature_with_space: cause('It is right, with a space around it.', 'Send it without.'),
  not_a_digest: cause(
    'It is no HMAC SHA256 in hex, which has 64 characters.',
    'Let a server library of Pusher sign, or write the digest as hex.',
  ),
  other_connection: cause(
    'It was signed for the socket id of another connection.',
    'Sign for the socket_id of each request: a client that comes back has a new one, and an answer may not be cached.',
  ),
  data_not_signed: cause('It covers the text without the data at its end.', AS_RECEIVED),
  data_encoded_anew: cause('The data was encoded anew after it was signed.', AS_RECEIVED),
  prefix_missing: cause(
    'It covers the name of the channel without its prefix.',
    'Sign the name as the client sends it, with private- or presence-.',
  ),
  parts_swapped: cause(
    'It covers the channel first, and the socket id after it.',
    'Sign `SOCKET_ID:CHANNEL`.',
  ),
  signed_as_signin: cause(
    'It was signed as a sign-in.',
    'The endpoint for channels authorizes a channel; that for users authenticates a user.',
  ),
  signed_as_subscription: cause(
    'It was not signed as a sign-in.',
    'The endpoint for users signs `SOCKET_ID::user::USER_DATA`.',
  ),
  query_unsorted: cause(
    'The parameters were signed in another order.',
    'Sort them by name before they are signed.',
  ),
  md5_not_signed: cause('body_md5 was not signed.', 'Add body_md5 before the request is signed.'),
  other_method: cause('Another method was signed.', 'Sign the method of the request, as in POST.'),
  line_ends_written: cause(
    'A backslash and an n were signed instead of line ends.',
    'Write "\\n" in double quotes where the language tells them from single ones.',
  ),
  another: cause(
    'The secret is another one, or another text was signed.',
    'Compare what the backend signs with the text that it should sign, byte for byte; where they are the same, compare the secret.',
  ),
  clock: cause(
    'The clock of the backend is wrong, or its request waited for more than ten minutes.',
    'Set the clock by NTP; sign a request again when it is repeated.',
  ),
  body_changed: cause(
    'The body is not the one that was signed.',
    'Take the MD5 of the bytes that are sent; a proxy may have changed them.',
  ),
  pair_wrong: cause(
    'It came without a key and secret of this app, or with wrong ones.',
    'Give the backend the key and secret that the app has now.',
  ),
  auth_malformed: cause(
    'What the client sent has no colon between key and signature.',
    'The endpoint answers with `{"auth":"KEY:SIGNATURE"}`: look at its answer in the network pane of the browser.',
  ),
  auth_missing: cause(
    'The client sent no signature: it has no endpoint that signs, or that has answered without `auth`.',
    'Give the client the URL of its endpoint, and look at the answer of that in the network pane of the browser.',
  ),
  origin_refused: cause(
    'The page of the client has an origin that the app does not allow.',
    'Add the origin to the settings of the app, under Pages that may connect: the log has it, and so has the network pane of the browser.',
  ),
  client_events_off: cause(
    'The app allows no client events.',
    'Switch `client_events` on in the settings of the app.',
  ),
} as const satisfies Readonly<Record<string, { readonly likely: string; readonly remedy: string }>>

type CauseName = keyof typeof CAUSES
type Refused = Extract<Fact, { readonly type: 'refused' }>

/** Of a longer text no other signatures are tried: a digest of it takes too long. */
const MAX_TRIED_CHARS = 4096
/** So many other apps are tried. */
const MAX_APPS = 20

const BY_CODE: { readonly [Code in ErrorCode]?: CauseName } = {
  app_not_found: 'app_unknown',
  auth_missing: 'auth_missing',
  auth_malformed: 'auth_malformed',
  login_failed: 'pair_wrong',
  client_events_disabled: 'client_events_off',
}

/** How messages of codes that stand for several mistakes begin. */
const BY_MESSAGE: readonly (readonly [beginning: string, CauseName])[] = [
  ['Invalid key for app', 'key_of_other_app'],
  ['Invalid authentication key', 'key_unknown'],
  ['Timestamp expired', 'clock'],
  ['body_md5 does not match', 'body_changed'],
  ['Origin not allowed', 'origin_refused'],
]

/** `socketIds` are those of connections that there were lately. Undefined where the message says it all. */
export function causeOf(
  core: Core,
  fact: Refused,
  socketIds: Iterable<string>,
): CauseName | undefined {
  const { app, code, message, plugin, wrongSignature } = fact
  if (app && wrongSignature) return causeOfSignature(core, app, wrongSignature, socketIds)
  // PushEx' API says nothing to whoever may not push.
  if (code === 'request_refused' && message === '' && plugin === undefined) return 'pair_wrong'
  return (
    BY_CODE[code] ??
    (code === 'request_unauthorized' || code === 'connection_refused'
      ? BY_MESSAGE.find(([beginning]) => message.startsWith(beginning))?.[1]
      : undefined)
  )
}

function causeOfSignature(
  core: Core,
  app: App,
  wrong: WrongSignature,
  socketIds: Iterable<string>,
): CauseName {
  const { key, text, signature } = wrong
  const pair = findKeyPair(app, key)
  if (!pair) return core.apps.byKey(key) ? 'key_of_other_app' : 'key_unknown'
  if (signature === '') return 'signature_missing'
  if (text.length > MAX_TRIED_CHARS) return 'another'
  if (!/^[\da-f]{64}$/.test(signature)) return causeOfForm(pair, text, signature)
  for (const [name, tried] of otherTexts(wrong, socketIds))
    if (pair.verify(tried, signature)) return name
  for (const [name, secret] of otherSecrets(core, app, key))
    if (new KeyPair(key, secret).verify(text, signature)) return name
  return 'another'
}

function causeOfForm(pair: KeyPair, text: string, signature: string): CauseName {
  if (pair.verify(text, signature.trim())) return 'signature_with_space'
  if (pair.verify(text, signature.toLowerCase())) return 'signature_upper_case'
  const isBase64 = pair.verify(text, Buffer.from(signature, 'base64').toString('hex'))
  return isBase64 ? 'signature_base64' : 'not_a_digest'
}

type Tried = readonly [CauseName, string]

/** What else a backend may have signed. */
const otherTexts = (wrong: WrongSignature, socketIds: Iterable<string>): Iterable<Tried> =>
  wrong.of === 'request' ? otherRequests(wrong.text) : otherProofs(wrong, socketIds)

/** `1.2:private-a`, `1.2:presence-a:{...}`, `1.2::user::{...}`. */
function* otherProofs({ of, text }: WrongSignature, socketIds: Iterable<string>): Iterable<Tried> {
  const colon = text.indexOf(':')
  const [socketId, rest] = [text.slice(0, colon), text.slice(colon)]
  const brace = rest.indexOf(':{')
  const [about, data] = brace === -1 ? [rest, ''] : [rest.slice(0, brace), rest.slice(brace + 1)]
  for (const json of data === '' ? [] : otherEncodings(data))
    yield ['data_encoded_anew', `${socketId}${about}:${json}`]
  if (of === 'signin') {
    yield ['signed_as_subscription', `${socketId}:user:${data}`]
    yield ['signed_as_subscription', `${socketId}:${data}`]
  } else {
    const channel = about.slice(1)
    yield ['parts_swapped', `${channel}:${socketId}`]
    yield ['signed_as_signin', `${socketId}::user::${data}`]
    const bare = channel.replace(/^(private-encrypted|private|presence)-/, '')
    yield ['prefix_missing', `${socketId}:${bare}${data && `:${data}`}`]
  }
  if (data !== '') yield ['data_not_signed', `${socketId}${about}`]
  for (const other of socketIds) if (other !== socketId) yield ['other_connection', other + rest]
}

/** As JSON is written by JavaScript, PHP and Python. */
function otherEncodings(data: string): string[] {
  const compact = jsonOf(parseRecord(data))
  if (compact === undefined) return []
  const spaced = compact.replaceAll(TOKENS, (token) => (token.length === 1 ? `${token} ` : token))
  return [compact, compact.replaceAll('/', '\\/'), spaced]
}

/** Texts, and what Python writes a space behind. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[,:]/g

/** `POST`, the path and the sorted query, on a line each. */
function* otherRequests(text: string): Iterable<Tried> {
  const [method = '', path = '', query = ''] = text.split('\n')
  yield ['line_ends_written', `${method}\\n${path}\\n${query}`]
  for (const other of ['GET', 'POST', 'DELETE', method.toLowerCase()])
    yield ['other_method', `${other}\n${path}\n${query}`]
  const pairs = query.split('&')
  const withoutMd5 = pairs.filter((pair) => !pair.startsWith('body_md5='))
  yield ['md5_not_signed', `${method}\n${path}\n${withoutMd5.join('&')}`]
  const isOurs = (pair: string): boolean => /^(auth_|body_md5)/.test(pair)
  const others = pairs.filter((pair) => !isOurs(pair))
  const md5 = pairs.filter((pair) => pair.startsWith('body_md5='))
  const auth = pairs.filter((pair) => pair.startsWith('auth_'))
  for (const order of [
    [...auth, ...md5, ...others],
    [...others, ...auth, ...md5],
    [...md5, ...auth, ...others],
    [...auth, ...others, ...md5],
  ])
    yield ['query_unsorted', `${method}\n${path}\n${order.join('&')}`]
}

/** With what else it may have been signed. */
function* otherSecrets(core: Core, app: App, key: string): Iterable<Tried> {
  for (const pair of app.record.keys) {
    if (pair.key !== key) yield ['secret_of_other_key', pair.secret]
    else
      for (const [before, after] of [
        ['', '\n'],
        ['', '\r'],
        ['', '\r\n'],
        ['', ' '],
        [' ', ''],
        ['"', '"'],
        ["'", "'"],
      ])
        yield ['secret_with_space', `${before}${pair.secret}${after}`]
  }
  yield ['key_as_secret', key]
  yield ['key_as_secret', app.id]
  let tried = 0
  for (const other of core.apps.all()) {
    if (tried++ === MAX_APPS) return
    if (other.id === app.id) continue
    for (const { secret } of other.record.keys) yield ['secret_of_other_app', secret]
  }
}
