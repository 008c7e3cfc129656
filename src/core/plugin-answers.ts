/**
 * Answers of plugins, read once and copied: their objects may have getters that throw, a `then`, or be no
 * objects at all, and nothing of that may reach the code that acts on the answer.
 */
import { quote, refusal, type ErrorCode, type Refusal } from './errors'
import { HOOKS, type Allow, type HookName, type Reject, type Replace } from './plugin'
import { isHeader } from './webhooks'

/** A parsed answer: our own objects, without getters. A rejection is a refusal. */
export type Answer =
  | undefined
  | Refusal
  | Allow
  | Replace
  | { readonly type: 'headers'; readonly headers: Readonly<Record<string, string>> }

/** Reads an answer once, field by field. @throws TypeError for one that this hook may not give */
export function parseAnswer(name: HookName, answer: unknown): Answer {
  if (answer === undefined || answer === null) return undefined
  const row = HOOKS[name]
  if (name === 'response') return { type: 'headers', headers: parseHeaders(answer) }
  if (row.kind === 'tap') return undefined // an arrow function's value means nothing
  const given = answer as Partial<Reject & Omit<Allow, 'type'> & Omit<Replace, 'type'>>
  const type: string = typeof given === 'object' ? String(given.type) : ''
  if (type === 'reject' && row.refusal) {
    const { message, retryAfterSeconds: seconds } = given
    const retryAfterSeconds = Number.isFinite(seconds) ? Number(seconds) : undefined
    const code = retryAfterSeconds === undefined ? row.refusal : row.throttled
    const text = typeof message === 'string' && message !== '' ? message : NO_REASON
    return { ...refusal(code as ErrorCode, text), retryAfterSeconds }
  }
  if (type === 'allow' && ALLOWING.has(name))
    return { type, channelData: parseChannelData(given.channelData), params: given.params }
  if (type === 'replace' && row.kind === 'filter') return { type, data: given.data }
  throw new TypeError(`answered neither nothing nor what ${name} may answer`)
}

/** For rejections without a text. */
const NO_REASON = 'Refused, and no reason was given'

const ALLOWING: ReadonlySet<HookName> = new Set(['authorize', 'authenticate', 'authorizePush'])

export const isThenable = (answer: unknown): answer is PromiseLike<unknown> =>
  typeof answer === 'object' &&
  answer !== null &&
  'then' in answer &&
  typeof answer.then === 'function'

function parseChannelData(given: unknown): string | undefined {
  if (given === undefined || given === null) return undefined // null: a column without a value
  if (typeof given === 'string') return given
  throw new TypeError('channelData must be text')
}

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
