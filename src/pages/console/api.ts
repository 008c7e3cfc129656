/** Requests to the server that the page comes from, as whoever is signed in. */
import { ROOT } from './place'
import {
  currentSession,
  forgetSession,
  hasEnded,
  isSameCaller,
  sessionOf,
  setSession,
  untilSignedIn,
  type SessionAnswer,
} from './session'

/** A request that was refused, or that has not reached the server: `status` is 0 then. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** What is wrong with each field of a form. */
    readonly fields: Readonly<Record<string, readonly string[]>> = {},
    /** Until it may be tried again, where the server says so. */
    readonly retryAfterSeconds?: number,
  ) {
    super(message)
  }
}

export const UNREACHABLE = 'The server cannot be reached'

/**
 * The answer to a request; `path` is below the server's root and begins without a slash. A body is sent as JSON.
 * Where the session has ended, a change waits until the same caller has signed in again.
 * @throws ApiError
 */
export async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  const { answer, text } = await sendAgain(method, path, body)
  if (answer.ok) return (text === '' ? undefined : JSON.parse(text)) as T
  throw errorOf(answer, text)
}

type Received = { readonly answer: Response; readonly text: string }

async function sendAgain(method: string, path: string, body: unknown): Promise<Received> {
  const caller = currentSession()
  const first = await send(method, path, body)
  if (!isOfSession(first)) return first
  await findSession()
  if (method !== 'GET') await untilSignedIn()
  const isSame = !hasEnded() && isSameCaller(caller, currentSession())
  return isSame ? send(method, path, body) : first
}

/** True for a refusal because of the session: it has ended, or another page has signed in since. */
const isOfSession = ({ answer: { status }, text }: Received): boolean =>
  status === 401 || (status === 403 && text.startsWith('Expected x-csrf-token'))

/** Asks who is signed in. @throws ApiError where the server does not say */
export async function findSession(): Promise<void> {
  const { answer, text } = await send('GET', 'api/admin/session', undefined)
  if (answer.status === 401) return forgetSession()
  if (!answer.ok) throw errorOf(answer, text)
  const { data } = JSON.parse(text) as { readonly data: SessionAnswer }
  setSession(sessionOf(data))
}

async function send(method: string, path: string, body: unknown): Promise<Received> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (method !== 'GET') headers['x-csrf-token'] = currentSession()?.csrf ?? ''
  if (body !== undefined) headers['content-type'] = 'application/json'
  const content = body === undefined ? {} : { body: JSON.stringify(body) }
  try {
    const answer = await fetch(new URL(path, ROOT), { method, headers, ...content })
    return { answer, text: await answer.text() }
  } catch {
    throw new ApiError(0, UNREACHABLE)
  }
}

/** The API answers with `{errors: {field: [..]}}`, `{error: ..}`, or with a line of text. */
export function errorOf(answer: Pick<Response, 'status' | 'headers'>, text: string): ApiError {
  const { fields, message } = readRefusal(text)
  const after = Number(answer.headers.get('retry-after')) || undefined
  return new ApiError(answer.status, message || `The answer was ${answer.status}`, fields, after)
}

type Refused = {
  readonly message: string
  readonly fields?: Readonly<Record<string, readonly string[]>>
}

function readRefusal(text: string): Refused {
  if (!text.startsWith('{')) return { message: text.trim() }
  const {
    errors = {},
    error,
    message,
  } = JSON.parse(text) as {
    readonly errors?: Readonly<Record<string, string | readonly string[]>>
    readonly error?: string
    readonly message?: string
  }
  const fields = Object.fromEntries(
    Object.entries(errors).map(([name, all]) => [name, [all].flat()]),
  )
  const lines = Object.entries(fields).map(([name, all]) =>
    name === 'detail' ? all.join('; ') : `${name} ${all.join('; ')}`,
  )
  return { message: error ?? message ?? lines.join('. '), fields }
}

/** The URL of a stream of server-sent events. */
export const streamUrl = (path: string): string => new URL(path, ROOT).href
