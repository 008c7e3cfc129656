/**
 * Answers of plugins, read once and copied: their objects may have getters that throw, a `then`, or be no
 * objects at all, and nothing of that may reach the code that acts on the answer.
 */
import { quote, refusal, type ErrorCode, type Refusal } from './errors'
import { jsonOf } from './json'
import { scanObject } from './json-scan'
import {
  HOOKS,
  type AllowOptions,
  type GivenUser,
  type HookName,
  type Reject,
  type Replace,
} from './plugin'
import type { JsonText } from './types'
import { isHeader } from './webhooks'

/** A parsed answer: our own objects, without getters. A rejection is a refusal. */
export type Answer =
  | undefined
  | Refusal
  | Allowed
  | Replace
  | { readonly type: 'headers'; readonly headers: Readonly<Record<string, string>> }

/** A permission, and what comes with it. */
export type Allowed = {
  readonly type: 'allow'
  readonly channelData: string | undefined
  readonly params: unknown
  /** When a subscription is asked about again, in epoch milliseconds. */
  readonly expiresAt: number | undefined
  /** For the client of a subscription: an object. */
  readonly data: JsonText | undefined
  /** The user of a connection, in the form that a backend signs. */
  readonly userData: JsonText | undefined
}

/** Reads an answer once, field by field. @throws TypeError for one that this hook may not give */
export function parseAnswer(name: HookName, answer: unknown): Answer {
  if (answer === undefined || answer === null) return undefined
  const row = HOOKS[name]
  if (name === 'response') return { type: 'headers', headers: parseHeaders(answer) }
  if (row.kind === 'tap') return undefined // an arrow function's value means nothing
  const given = answer as Partial<Reject & AllowOptions & Omit<Replace, 'type'>>
  const type: string = typeof given === 'object' ? String(given.type) : ''
  if (type === 'reject' && row.refusal) {
    const { message, retryAfterSeconds: seconds } = given
    const retryAfterSeconds = Number.isFinite(seconds) ? toDelay(Number(seconds)) : undefined
    const code = retryAfterSeconds === undefined ? row.refusal : row.throttled
    return { ...refusal(code as ErrorCode, reasonOf(message)), retryAfterSeconds }
  }
  const options = type === 'allow' ? ALLOWS[name] : undefined
  if (options) return parseAllow(name, options, given)
  if (type === 'replace' && row.kind === 'filter') return { type, data: given.data }
  throw new TypeError(`answered neither nothing nor what ${name} may answer`)
}

/** Seconds that a header may have, which takes digits only. */
const toDelay = (seconds: number): number => Math.min(Math.max(0, seconds), Number.MAX_SAFE_INTEGER)

/** A plugin's reason, as a client is told it: a text also where the plugin has none. */
export const reasonOf = (given: unknown): string =>
  typeof given === 'string' && given !== '' ? given : 'Refused, and no reason was given'

type OptionName = keyof AllowOptions

/** ALLOWS: the hooks that may allow, and what each may give with it. */
const ALLOWS: { readonly [Name in HookName]?: readonly OptionName[] } = {
  connect: ['user'],
  subscribe: ['data'],
  authorize: ['channelData', 'data', 'expiresAt'],
  authenticate: [],
  authorizePush: ['params'],
}

const OPTIONS: readonly OptionName[] = ['channelData', 'data', 'expiresAt', 'params', 'user']

/** A misspelt `expiresAt` would allow for good. */
const FIELDS: ReadonlySet<string> = new Set(['type', ...OPTIONS])

/** @throws TypeError for what would be without effect, too */
function parseAllow(name: HookName, own: readonly OptionName[], given: AllowOptions): Allowed {
  for (const field of Object.keys(given))
    if (!FIELDS.has(field)) throw new TypeError(`allow of ${name} may not have ${quote(field)}`)
  const options: { [Name in OptionName]?: unknown } = {}
  for (const option of OPTIONS) {
    const value = given[option]
    if (value === undefined || value === null) continue // null: a column without a value
    if (!own.includes(option)) throw new TypeError(`allow of ${name} may not have ${option}`)
    options[option] = value
  }
  const { channelData, data, expiresAt, params, user } = options
  if (channelData !== undefined && typeof channelData !== 'string')
    throw new TypeError('channelData must be text')
  if (expiresAt !== undefined && !isTime(expiresAt))
    throw new TypeError('expiresAt must be a time in epoch milliseconds')
  return {
    type: 'allow',
    channelData,
    data: data === undefined ? data : dataOf(data),
    expiresAt,
    params,
    userData: user === undefined ? user : userDataOf(user),
  }
}

const isTime = (given: unknown): given is number => Number.isFinite(given)

/** An object as JSON. The key is the server's: it has the members there. */
function dataOf(given: unknown): JsonText {
  const json = jsonOf(given)
  const [presence] = (json === undefined ? undefined : scanObject(json, ['presence'])) ?? [null]
  if (json === undefined || presence === null) throw new TypeError('data must be an object')
  if (presence) throw new TypeError('data may not have the key presence')
  return json
}

/** What is no user of any app is a fault of the plugin; the limits of the app are checked later. */
function userDataOf(given: unknown): JsonText {
  const { id, info, watchlist } = given as Partial<Record<keyof GivenUser, unknown>>
  if (typeof id !== 'string' || id === '') throw new TypeError('user.id must be a text, not empty')
  if (info !== undefined && (typeof info !== 'object' || info === null || Array.isArray(info)))
    throw new TypeError('user.info must be an object')
  const data = jsonOf({ id, user_info: info, watchlist })
  if (data === undefined) throw new TypeError('user has no JSON')
  return data
}

export const isThenable = (answer: unknown): answer is PromiseLike<unknown> =>
  typeof answer === 'object' &&
  answer !== null &&
  'then' in answer &&
  typeof answer.then === 'function'

/** Headers that only the server sets. */
const OWN_HEADERS = /^(content-(type|length|encoding)|transfer-encoding|connection|x-request-id)$/i

/** From a plain object, or from what lists pairs: a Headers object, a Map, an array. */
function parseHeaders(answer: unknown): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of entriesOf(answer)) {
    if (typeof name !== 'string' || !isHeader(name, value) || OWN_HEADERS.test(name))
      throw new TypeError(`answered a header that cannot be sent: ${quote(String(name))}`)
    headers[name] = value
  }
  return headers
}

function entriesOf(answer: unknown): Iterable<readonly [name: unknown, value?: unknown]> {
  if (typeof answer !== 'object' || answer === null) throw new TypeError(NO_HEADERS)
  if (Symbol.iterator in answer)
    return Array.from(answer as Iterable<unknown>, (pair) => {
      if (Array.isArray(pair) && pair.length === 2) return pair as [unknown, unknown]
      throw new TypeError(NO_HEADERS)
    })
  const prototype: unknown = Object.getPrototypeOf(answer)
  if (prototype === Object.prototype || prototype === null) return Object.entries(answer)
  throw new TypeError(NO_HEADERS) // a Response, say: it has no fields of its own
}

const NO_HEADERS = 'answered what is neither an object of headers nor pairs of name and value'
