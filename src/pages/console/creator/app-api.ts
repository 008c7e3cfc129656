/**
 * Requests to an app's own API, as its backend would send them: signed in the page where the app's secret may be
 * seen, else as the session, which has no more to show than its scope.
 */
import { api, ApiError, errorOf, UNREACHABLE } from '../api'
import { appPath, ROOT } from '../place'
import { signQuery } from '../../signature'
import { requestOf, type Form } from './form'

/** What is used of an app as the admin API shows it. */
export type AppAccess = {
  readonly id: string
  readonly slug: string
  readonly key: string
  /** Undefined for whoever may not see it. */
  readonly secret: string | undefined
}

/** The app of a resource; secrets are masked for tokens that only read. */
export function accessOf(app: {
  readonly id: string | number
  readonly slug: string
  readonly key: string
  readonly secret: string
}): AppAccess {
  const { slug, key, secret } = app
  return { id: String(app.id), slug, key, secret: secret === MASK ? undefined : secret }
}

const MASK = '***'

type Asked = {
  readonly method: string
  /** Below the app's. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Whatever the app's API answers. @throws ApiError with the words of the API */
export async function askApp<T>(
  app: AppAccess,
  { method, path, query = {}, body }: Asked,
): Promise<T> {
  const { id, key, secret } = app
  const pairs = Object.entries(query)
  if (secret === undefined) {
    const search = new URLSearchParams(pairs).toString()
    const content = body === undefined ? undefined : JSON.parse(body)
    return api<T>(method, `${appPath(id, path)}${search && `?${search}`}`, content)
  }
  const signed = { method, path: `/apps/${id}/${path}`, query: pairs, body }
  const search = signQuery(signed, { key, secret }, Date.now())
  const answer = await request(new URL(`${appPath(id, path)}?${search}`, ROOT), method, body)
  const text = await answer.text()
  if (!answer.ok) throw errorOf(answer, text)
  return JSON.parse(text) as T
}

async function request(url: URL, method: string, body: string | undefined): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const content = body === undefined ? {} : { body }
  try {
    return await fetch(url, { method, credentials: 'omit', headers, ...content })
  } catch {
    throw new ApiError(0, UNREACHABLE)
  }
}

export type Outcome = {
  /** 0 where no answer came. */
  readonly status: number
  /** The answer, or why there is none. */
  readonly answer: string
  /** Milliseconds until the answer. */
  readonly ms: number
}

/** Sends what a form holds. A refusal is an outcome. */
export async function sendForm(app: AppAccess, form: Form): Promise<Outcome> {
  const { path, body } = requestOf(form)
  const begun = performance.now()
  try {
    const answer = await askApp<unknown>(app, { method: 'POST', path, body })
    return { status: 200, answer: JSON.stringify(answer), ms: performance.now() - begun }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return { status: error.status, answer: error.message, ms: performance.now() - begun }
  }
}

/** More are not offered: whoever types goes on until these are fewer. */
const MAX_OFFERED = 100

/** Occupied channels whose names begin so, in the order of their names. */
export async function loadOccupied(app: AppAccess, prefix: string): Promise<readonly Occupied[]> {
  type Answer = { readonly channels: Readonly<Record<string, { subscription_count?: number }>> }
  const query = {
    filter_by_prefix: prefix,
    info: 'subscription_count',
    limit: String(MAX_OFFERED),
  }
  const { channels } = await askApp<Answer>(app, { method: 'GET', path: 'channels', query })
  return Object.entries(channels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { subscription_count: count }]) => ({ name, count }))
}

export type Occupied = { readonly name: string; readonly count: number | undefined }
