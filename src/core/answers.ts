/**
 * What plugins answer, read once and copied: their objects may have getters that throw, a `then`, or be
 * no objects at all, and nothing of that may reach the code that acts on the answer.
 */
import { quote } from './errors'
import { HOOKS, type Allow, type HookName, type HookRow, type Reject, type Replace } from './plugin'
import { isHeader } from './webhooks'

/** Stands for an answer that never came or that means nothing: the hook failed, and that is known. */
export const FAULT: unique symbol = Symbol('fault')

/** What a hook's answer was found to be; made by us, so that nothing in it can surprise. */
export type Answer =
  | undefined
  | typeof FAULT
  | Reject
  | Allow
  | Replace
  | Readonly<Record<string, string>>
  | Promise<unknown>

/** Reads an answer once, field by field. @throws for one that this hook may not give */
export function parseAnswer(name: HookName, answer: unknown): Answer {
  if (answer === undefined || answer === null) return undefined
  const row: HookRow = HOOKS[name]
  if (isThenable(answer)) return Promise.resolve(answer)
  if (name === 'response') return parseHeaders(answer)
  if (row.kind === 'tap') return undefined // an arrow function's value means nothing
  const given = answer as Partial<Reject & Omit<Allow, 'type'> & Omit<Replace, 'type'>>
  const type: string = typeof given === 'object' ? String(given.type) : ''
  if (type === 'reject' && row.refusal) {
    const { message, retryAfterSeconds: seconds } = given
    const retryAfterSeconds = Number.isFinite(seconds) ? Number(seconds) : undefined
    return { type, message: String(message), retryAfterSeconds }
  }
  if (type === 'allow' && ALLOWING.has(name))
    return { type, channelData: parseChannelData(given.channelData), params: given.params }
  if (type === 'replace' && row.kind === 'filter') return { type, data: given.data }
  throw new TypeError(`answered neither nothing nor what ${name} may answer`)
}

const ALLOWING: ReadonlySet<HookName> = new Set(['authorize', 'authenticate', 'authorizePush'])

const isThenable = (answer: unknown): boolean =>
  typeof answer === 'object' && typeof (answer as { then?: unknown }).then === 'function'

/** A column that is NULL says nothing. */
function parseChannelData(given: unknown): string | undefined {
  if (given === undefined || given === null) return undefined
  if (typeof given === 'string') return given
  throw new TypeError('channelData must be text')
}

/** Those are the server's own. */
const OWN_HEADERS = /^(content-(type|length|encoding)|transfer-encoding|connection|x-request-id)$/i

function parseHeaders(answer: unknown): Record<string, string> {
  if (typeof answer !== 'object') throw new TypeError('answered headers that are no object')
  const headers = Object.entries(answer as Record<string, unknown>)
  for (const [name, value] of headers) {
    if (!isHeader(name, value) || OWN_HEADERS.test(name))
      throw new TypeError(`answered a header that cannot be sent: ${quote(name)}`)
  }
  return Object.fromEntries(headers) as Record<string, string>
}

/** An error as a log can show it, whatever was thrown. */
export function describeError(cause: unknown): {
  readonly message: string
  readonly stack?: string
} {
  try {
    const { message, stack } = cause as Error
    return cause instanceof Error ? { message, stack: String(stack) } : { message: String(cause) }
  } catch {
    return { message: 'an error that cannot be shown' } // its getters throw
  }
}
