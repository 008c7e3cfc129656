/**
 * Who is asking: Pusher's request signature, and the admin's Basic credentials.
 * The signature covers the bytes as received, before any schema is looked at. SDKs differ in what
 * they percent-encode: values are signed decoded, paths as the SDK wrote them.
 * Spec: contract 6.2, vectors H1 to H13.
 */
import { Elysia } from 'elysia'
import { keyPairOf, type App } from '../core/apps'
import type { Core } from '../core/core'
import { quoted, RealtimeError } from '../core/errors'
import { equalInConstantTime } from '../core/signature'
import { NO_BODY } from './body'
import { decoded, pairsOf, pathOf, type Pair } from './url'

/** Gives a route its `app`: that of the path, whose key signed the request. Runs before the schema. */
export function signed(core: Core, pathPrefix: string) {
  return new Elysia()
    .decorate({ ...NO_BODY })
    .derive({ as: 'scoped' }, ({ request, params, raw, mistake }) => {
      const appId = (params as { appId?: string }).appId ?? ''
      const app = authenticate(core, {
        method: request.method,
        url: request.url,
        appId,
        raw,
        pathPrefix,
      })
      if (mistake !== undefined) throw new RealtimeError('request_invalid', mistake)
      return { app }
    })
}

export type SignedRequest = {
  readonly method: string
  readonly url: string
  readonly appId: string
  readonly raw: Uint8Array
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
  const pairs = pairsOf(request.url)
  const given = (name: string): string | undefined =>
    decoded(pairs.findLast(([key]) => key.toLowerCase() === name)?.[1])
  const key = given('auth_key')
  if (!key) throw unauthorized('Authentication key required')
  if (!core.apps.byKey(key)) throw unauthorized('Invalid authentication key')
  const pair = keyPairOf(app, key)
  if (!pair) throw unauthorized('Invalid key for app')
  checkVersion(given('auth_version'))
  checkTimestamp(given('auth_timestamp'), core.clock.now())

  const signature = given('auth_signature') ?? ''
  const texts = textsToSign(request, pairs)
  if (!texts.some((text) => pair.verify(text, signature))) {
    const text = JSON.stringify(texts[0])
    throw unauthorized(
      `Invalid signature: you should have sent HmacSHA256Hex(${text}, your_secret_key), but you sent "${quoted(signature)}"`,
    )
  }
  checkBody(given('body_md5'), request.raw)
  if (!app.active) throw new RealtimeError('app_disabled', `App ${app.id} is disabled`)
  return app
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
  if (md5 === undefined || !equalInConstantTime(Bun.MD5.hash(raw, 'hex'), md5))
    throw unauthorized('body_md5 does not match the request body')
}

// ---------------------------------------------------------------- what was signed

/** How SDKs read a value before they sign it; the first is nearly always right. */
const READINGS: readonly ((value: string) => string)[] = [
  (value) => decoded(value) ?? '',
  (value) => decoded(value.replaceAll('+', ' ')) ?? '',
  (value) => value,
]

/** Every text that an SDK may have signed for this request, likeliest first, without repetition. */
function textsToSign({ method, url, pathPrefix }: SignedRequest, pairs: readonly Pair[]): string[] {
  const query = READINGS.map((read) => canonicalQuery(pairs, read))
  const wire = pathOf(url)
  const bare =
    pathPrefix !== '' && wire.startsWith(pathPrefix) ? wire.slice(pathPrefix.length) : wire
  const paths = [wire, decoded(wire) ?? wire, bare, decoded(bare) ?? bare]
  return [...new Set(paths.flatMap((path) => query.map((text) => `${method}\n${path}\n${text}`)))]
}

/** Keys in lower case, sorted; the last of a repeated key counts, arrays keep their order. */
function canonicalQuery(pairs: readonly Pair[], read: (value: string) => string): string {
  const single = new Map<string, string>()
  const listed: Pair[] = []
  for (const [rawKey, rawValue] of pairs) {
    const key = read(rawKey).toLowerCase()
    if (key === 'auth_signature') continue
    if (key.endsWith('[]')) listed.push([key, read(rawValue)])
    else single.set(key, read(rawValue))
  }
  return [...single, ...listed]
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, value]) => `${key}=${value}`)
    .join('&')
}

// ---------------------------------------------------------------- the admin

/** @throws RealtimeError('admin_unauthorized') unless the header carries the admin's Basic credentials */
export function checkAdmin(
  header: string | null,
  admin: { readonly username: string; readonly passwordSha256: string },
): void {
  const [scheme = '', encoded = ''] = (header ?? '').split(' ')
  const credentials = Buffer.from(encoded, 'base64').toString()
  const colon = credentials.indexOf(':')
  const password = new Bun.CryptoHasher('sha256').update(credentials.slice(colon + 1)).digest('hex')
  const right = [
    scheme.toLowerCase() === 'basic' && colon !== -1,
    equalInConstantTime(admin.username, credentials.slice(0, Math.max(0, colon))),
    equalInConstantTime(admin.passwordSha256, password),
  ]
  if (right.includes(false)) throw new RealtimeError('admin_unauthorized', '')
}
