/**
 * Verifies Pusher's request signature. It covers the bytes as received, so it comes before any schema.
 * SDKs differ in what they percent-encode: values are signed decoded, paths as the SDK wrote them.
 * Spec: contract 6.2, vectors H1 to H13.
 */
import { Elysia } from 'elysia'
import { findKeyPair, type App } from '../core/app'
import { checkActive } from '../core/apps'
import type { Core } from '../core/core'
import { appNotFound, percentDecode, quote, raise, RealtimeError } from '../core/errors'
import { maxRequestBytes } from '../core/limits'
import type { KeyPair, WrongSignature } from '../core/signature'
import type { AdminChanges } from './admin-changes'
import type { ReceivedBody } from './body'
import { readBytes, type BodyCodes } from './bytes'
import { NO_BODY, type ApiHooks, type ReceivedRequest } from './hooks'
import type { Locality } from './local'
import {
  canonicalQuery,
  parseSignedQuery,
  splitQuery,
  type Decode,
  type SignedQuery,
} from './signed-query'
import { requirePrefix, pathOf, placeOf, sentUrl } from './place'

const BODY_CODES: BodyCodes = { tooLarge: 'data_too_large', brokenOff: 'request_invalid' }

/**
 * Gives a route its `app`, that of the path, whose key signed the request, and its `received` body. In place of a
 * signature somebody may vouch: a plugin, or a session or token of the admin's side that has the app. The body
 * was not parsed yet: only authenticated callers learn what is wrong with it. It is read after all other
 * checks, so that bodies of strangers hold no memory.
 */
export function requireSignature(core: Core, access: SignedAccess) {
  const { pathPrefix, hooks, locality, changes } = access
  const mayVouch = core.hooks.authenticate.length > 0
  const maxBytes = maxRequestBytes(core.limits)
  return new Elysia().derive({ as: 'scoped' }, async ({ request, params }) => {
    const url = sentUrl(request)
    requirePrefix(url, pathPrefix)
    const { appId = '' } = params as { appId?: string }
    const query = parseSignedQuery(url)
    const isPost = request.method === 'POST'
    const area = isPost || request.method === 'DELETE' ? 'trigger' : 'read'
    const view: ReceivedRequest = { request, area, app: core.apps.byId(appId), body: NO_BODY }
    let vouched = mayVouch && view.app && (await hooks.authenticate(view)) ? view.app : undefined
    if (query.credentials.auth_key === undefined)
      vouched ??= changes.vouch(request, appId, area === 'read' ? 'see_app' : 'change_app')
    const app = vouched ?? authenticate(core, { request, url, appId, query, pathPrefix, locality })
    const refused = checkActive(app) ?? hooks.addresses.checkEncrypted(app, request)
    if (refused) raise(refused)
    app.counters.requestsAccepted++
    const raw = isPost ? await readBytes(core.uploads, request, maxBytes, BODY_CODES) : NO_BODY
    app.counters.bodyBytesReceived += raw.length
    if (!vouched) requireBodyMd5(query.credentials.body_md5, raw)
    view.body = raw
    hooks.authorize(view)
    const received: ReceivedBody = { raw, url, hasParameters: query.hasParameters }
    return { app, received }
  })
}

/** What signed routes need of the server. */
export type SignedAccess = {
  readonly pathPrefix: string
  readonly hooks: ApiHooks
  readonly locality: Locality
  readonly changes: AdminChanges
}

type SignedRequest = Omit<SignedAccess, 'hooks' | 'changes'> & {
  readonly request: Request
  /** As it was sent. */
  readonly url: string
  readonly appId: string
  readonly query: SignedQuery
}

const VERSION = '1.0'
const WINDOW_SECONDS = 600

const unauthorized = (message: string, wrongSignature?: WrongSignature): RealtimeError =>
  new RealtimeError('request_unauthorized', message, { wrongSignature })

/**
 * The app that signed the request; the body's MD5 is checked later.
 * @throws RealtimeError('app_not_found' | 'not_local' | 'request_unauthorized'), in the order of contract 6.2
 */
function authenticate(core: Core, request: SignedRequest): App {
  const app = core.apps.byId(request.appId)
  if (!app) raise(appNotFound(request.appId))
  const { text: signedQuery, credentials } = request.query
  const pair = requireKeyPair(core, app, credentials.auth_key)
  if (pair.isPublished) request.locality.requireLocal(request.request)
  if (!credentials.auth_version) throw unauthorized('Version required')
  if (credentials.auth_version !== VERSION) throw unauthorized('Version not supported')
  requireTimestamp(credentials.auth_timestamp, core.clock.now())

  const signature = credentials.auth_signature ?? ''
  const text = `${request.request.method}\n${pathOf(request.url)}\n${signedQuery}`
  if (!pair.verify(text, signature) && !isSignedOtherwise(request, pair, signature)) {
    throw unauthorized(
      `Invalid signature: you should have sent HmacSHA256Hex(${JSON.stringify(shorten(text))}, your_secret_key), but you sent "${quote(signature)}"`,
      { of: 'request', key: pair.key, text, signature },
    )
  }
  return app
}

const MAX_SHOWN_CHARS = 1000

const shorten = (text: string): string =>
  text.length <= MAX_SHOWN_CHARS ? text : `${text.slice(0, MAX_SHOWN_CHARS)}…`

function requireKeyPair(core: Core, app: App, key: string | undefined): KeyPair {
  if (!key) throw unauthorized('Authentication key required')
  const pair = findKeyPair(app, key)
  if (pair) return pair
  throw unauthorized(core.apps.byKey(key) ? 'Invalid key for app' : 'Invalid authentication key')
}

function requireTimestamp(timestamp: string | undefined, now: number): void {
  if (!timestamp || !/^\d{1,15}$/.test(timestamp)) throw unauthorized('Timestamp required')
  const seconds = Number(timestamp)
  if (Math.abs(now / 1000 - seconds) < WINDOW_SECONDS) return
  const iso = (ms: number): string => (ms < 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`)
  throw unauthorized(
    `Timestamp expired: Given timestamp (${iso(seconds * 1000)}) not within ${WINDOW_SECONDS}s of server time (${iso(now)})`,
  )
}

function requireBodyMd5(md5: string | undefined, raw: Uint8Array): void {
  if (md5 === undefined && raw.length === 0) return
  if (md5 === undefined || Bun.MD5.hash(raw, 'hex') !== md5)
    throw unauthorized('body_md5 does not match the request body')
}

// ---------------------------------------------------------------- what was signed

const DECODERS: readonly Decode[] = [
  percentDecode,
  (value) => percentDecode(value.replaceAll('+', ' ')),
  (value) => value,
]

/** A longer address is signed in the usual form or not at all: eighteen digests of 15 KB take a millisecond, of anybody. */
const MAX_TRIED_CHARS = 4096

/** True where the signature covers the request as some SDKs write it. Tried only after the usual form. */
function isSignedOtherwise(signed: SignedRequest, pair: KeyPair, signature: string): boolean {
  const { request, url, pathPrefix } = signed
  if (url.length > MAX_TRIED_CHARS) return false
  const pairs = splitQuery(url)
  const queries = DECODERS.map((read) => canonicalQuery(pairs, read).text)
  const wire = pathOf(url)
  const bare = wire.startsWith(pathPrefix) ? wire.slice(pathPrefix.length) : wire
  const paths = [wire, bare, placeOf(wire, pathPrefix).path]
  const texts = new Set(
    [...paths, ...paths.map(percentDecode)].flatMap((path) =>
      queries.map((query) => `${request.method}\n${path}\n${query}`),
    ),
  )
  return [...texts].some((text) => pair.verify(text, signature))
}
