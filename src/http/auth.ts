/**
 * Who is asking: Pusher's request signature.
 * The signature covers the bytes as received, before any schema is looked at. SDKs differ in what
 * they percent-encode: values are signed decoded, paths as the SDK wrote them.
 * Spec: contract 6.2, vectors H1 to H13.
 */
import { Elysia } from 'elysia'
import { keyPairOf, type App } from '../core/apps'
import type { Core } from '../core/core'
import { quoted, RealtimeError } from '../core/errors'
import type { KeyPair } from '../core/signature'
import { NO_BODY } from './body'
import type { ApiHooks, Received } from './hooks'
import { decoded, pairsOf, pathOf, SIGNATURE_KEYS, type Pair } from './url'

/** Gives a route its `app`: that of the path, whose key signed the request. Runs before the schema. */
export function signed(core: Core, pathPrefix: string, hooks: ApiHooks) {
  const receivedBy = (request: Request, app: App | undefined, body: Uint8Array): Received => ({
    request,
    area: request.method === 'POST' ? 'trigger' : 'read',
    app,
    body,
  })
  const accept = (
    request: Request,
    app: App,
    raw: Uint8Array,
    mistake: RealtimeError | undefined,
  ) => {
    hooks.check(receivedBy(request, app, raw))
    if (mistake) throw mistake
    return { app }
  }
  const bySignature = (
    request: Request,
    params: unknown,
    raw: Uint8Array,
    pairs?: readonly Pair[],
  ) =>
    authenticate(core, {
      method: request.method,
      url: request.url,
      appId: appIdOf(params),
      raw,
      pairs: pairs ?? pairsOf(request.url),
      pathPrefix,
    })
  const api = new Elysia().decorate({ ...NO_BODY })
  if (core.hooks.authenticate.length === 0)
    return api.derive({ as: 'scoped' }, ({ request, params, raw, mistake, pairs }) =>
      accept(request, bySignature(request, params, raw, pairs), raw, mistake),
    )
  return api.derive({ as: 'scoped' }, async ({ request, params, raw, mistake, pairs }) => {
    const app = core.apps.byId(appIdOf(params))
    const vouched = app && (await hooks.authenticate(receivedBy(request, app, raw)))
    if (vouched) checkActive(app)
    else bySignature(request, params, raw, pairs)
    return accept(request, app!, raw, mistake)
  })
}

const appIdOf = (params: unknown): string => (params as { appId?: string }).appId ?? ''

export type SignedRequest = {
  readonly method: string
  readonly url: string
  readonly appId: string
  readonly raw: Uint8Array
  readonly pairs: readonly Pair[]
  readonly pathPrefix: string
}

const VERSION = '1.0'
const WINDOW_SECONDS = 600

const unauthorized = (message: string): RealtimeError =>
  new RealtimeError('request_unauthorized', message)

/**
 * The app that signed the request.
 * @throws RealtimeError('app_not_found' | 'app_disabled' | 'request_unauthorized'), in the order of contract 6.2
 */
export function authenticate(core: Core, request: SignedRequest): App {
  const app = core.apps.byId(request.appId)
  if (!app) throw new RealtimeError('app_not_found', `App ${quoted(request.appId)} does not exist`)
  const { pairs } = request
  const query = plainQuery(pairs) ?? readQuery(pairs, DECODED)
  const key = query.get('auth_key')
  if (!key) throw unauthorized('Authentication key required')
  if (!core.apps.byKey(key)) throw unauthorized('Invalid authentication key')
  const pair = keyPairOf(app, key)
  if (!pair) throw unauthorized('Invalid key for app')
  checkVersion(query.get('auth_version'))
  checkTimestamp(query.get('auth_timestamp'), core.clock.now())

  const signature = query.get('auth_signature') ?? ''
  const text = `${request.method}\n${pathOf(request.url)}\n${query.text}`
  if (!pair.verify(text, signature) && !signedOtherwise(request, pair, signature)) {
    throw unauthorized(
      `Invalid signature: you should have sent HmacSHA256Hex(${JSON.stringify(text)}, your_secret_key), but you sent "${quoted(signature)}"`,
    )
  }
  checkBody(query.get('body_md5'), request.raw)
  checkActive(app)
  return app
}

function checkActive(app: App): void {
  if (!app.record.active) throw new RealtimeError('app_disabled', `App ${app.id} is disabled`)
}

function checkVersion(version: string | undefined): void {
  if (!version) throw unauthorized('Version required')
  if (version !== VERSION) throw unauthorized('Version not supported')
}

function checkTimestamp(timestamp: string | undefined, now: number): void {
  if (!timestamp || !/^\d{1,15}$/.test(timestamp)) throw unauthorized('Timestamp required')
  const seconds = Number(timestamp)
  if (Math.abs(now / 1000 - seconds) < WINDOW_SECONDS) return
  const iso = (ms: number): string => (ms < 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`)
  throw unauthorized(
    `Timestamp expired: Given timestamp (${iso(seconds * 1000)}) not within ${WINDOW_SECONDS}s of server time (${iso(now)})`,
  )
}

function checkBody(md5: string | undefined, raw: Uint8Array): void {
  if (md5 === undefined && raw.length === 0) return
  if (md5 === undefined || Bun.MD5.hash(raw, 'hex') !== md5)
    throw unauthorized('body_md5 does not match the request body')
}

// ---------------------------------------------------------------- what was signed

/** How an SDK may read a value before it signs it. */
type Reading = (value: string) => string

const DECODED: Reading = decoded
const OTHER_READINGS: readonly Reading[] = [
  (value) => decoded(value.replaceAll('+', ' ')),
  (value) => value,
]

/** True where the signature covers the request as some SDKs write it; tried only after the usual text. */
function signedOtherwise(
  { method, url, pairs, pathPrefix }: SignedRequest,
  pair: KeyPair,
  signature: string,
): boolean {
  const queries = [DECODED, ...OTHER_READINGS].map((read) => readQuery(pairs, read).text)
  const wire = pathOf(url)
  const bare = wire.startsWith(pathPrefix) ? wire.slice(pathPrefix.length) : wire
  const paths = [wire, decoded(wire), bare, decoded(bare)]
  const texts = new Set(
    paths.flatMap((path) => queries.map((query) => `${method}\n${path}\n${query}`)),
  )
  return [...texts].some((text) => pair.verify(text, signature))
}

/** A query as it was signed: `key=value`, sorted by key, joined, without the signature itself. */
type SignedQuery = { readonly text: string; get(name: string): string | undefined }

/**
 * What nearly every SDK sends, read without a copy: lower-case keys in order, nothing encoded, the
 * signature wherever it is. It costs a third of the general reading. Undefined for anything else.
 */
function plainQuery(pairs: readonly Pair[]): SignedQuery | undefined {
  let text = ''
  let before = ''
  let signatures = 0
  for (const [key, value] of pairs) {
    if (value.includes('%')) return undefined
    if (key === 'auth_signature') {
      if (signatures++ > 0) return undefined
      continue // appended to what was sorted, as a rule
    }
    const plain = SIGNATURE_KEYS.has(key) || !NOT_PLAIN.test(key)
    if (!plain || key <= before) return undefined
    before = key
    text += text === '' ? `${key}=${value}` : `&${key}=${value}`
  }
  return { text, get: (name) => valueOf(pairs, name) }
}

function valueOf(pairs: readonly Pair[], name: string): string | undefined {
  for (const [key, value] of pairs) if (key === name) return value
  return undefined
}

const NOT_PLAIN = /[^a-z0-9_]/

/** Keys in lower case. The last of a repeated key counts; a list (`key[]`) keeps its values, in order. */
function readQuery(pairs: readonly Pair[], read: Reading): SignedQuery {
  const query = new Map<string, string>()
  for (const [rawKey, rawValue] of pairs) {
    const key = read(rawKey).toLowerCase()
    const value = read(rawValue)
    const before = key.endsWith('[]') ? query.get(key) : undefined
    query.set(key, before === undefined ? value : `${before}&${key}=${value}`)
  }
  const keys = [...query.keys()].filter((key) => key !== 'auth_signature').sort()
  const text = keys.map((key) => `${key}=${query.get(key)}`).join('&')
  return { text, get: (name) => query.get(name) }
}
