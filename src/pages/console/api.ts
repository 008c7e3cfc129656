/** Requests to the server that the page comes from, as whoever is signed in. */
import { ROOT } from './place'
import { csrfToken, forgetSession } from './session'

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
 * @throws ApiError
 */
export async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await send(method, path, body)
  const text = await answer.text()
  if (answer.ok) return (text === '' ? undefined : JSON.parse(text)) as T
  if (answer.status === 401) forgetSession()
  throw errorOf(answer, text)
}

async function send(method: string, path: string, body: unknown): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (method !== 'GET') headers['x-csrf-token'] = csrfToken()
  if (body !== undefined) headers['content-type'] = 'application/json'
  const content = body === undefined ? {} : { body: JSON.stringify(body) }
  try {
    return await fetch(new URL(path, ROOT), { method, headers, ...content })
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
