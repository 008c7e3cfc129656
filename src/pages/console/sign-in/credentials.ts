/** Signing in: with the admin's password, or with a token. */
import { ApiError, errorOf, UNREACHABLE } from '../api'
import { ROOT } from '../place'
import { sessionOf, type Session, type SessionAnswer } from '../session'

export type Credentials = {
  /** Empty for a token. */
  readonly user: string
  readonly secret: string
}

/** What tokens begin with. */
const TOKEN_PREFIX = 'carillon_'

export const isToken = ({ user, secret }: Credentials): boolean =>
  user === '' || secret.startsWith(TOKEN_PREFIX)

/** @throws ApiError */
export async function signIn(credentials: Credentials): Promise<Session> {
  const answer = await ask('api/admin/sessions', {
    method: 'POST',
    headers: { accept: 'application/json', authorization: authorizationOf(credentials) },
  })
  const text = await answer.text()
  if (!answer.ok) throw errorOf(answer, text)
  return sessionOf((JSON.parse(text) as { readonly data: SessionAnswer }).data)
}

function authorizationOf(credentials: Credentials): string {
  const { user, secret } = credentials
  if (isToken(credentials)) return `Bearer ${secret.trim()}`
  const pair = new TextEncoder().encode(`${user}:${secret}`)
  return `Basic ${btoa(String.fromCharCode(...pair))}`
}

/** The published password of a server that one develops with, or why it is not good from here. */
export type Published = { readonly credentials?: Credentials; readonly refusal?: string }

export async function findPublished(): Promise<Published> {
  const answer = await ask('console/defaults', {})
  const text = await answer.text()
  if (answer.status === 403) return { refusal: text.trim() }
  if (!answer.ok) return {}
  const { username, password } = JSON.parse(text) as { username?: string; password?: string }
  if (username === undefined || password === undefined) return {}
  return { credentials: { user: username, secret: password } }
}

/** @throws ApiError where the server cannot be reached */
async function ask(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(new URL(path, ROOT), init)
  } catch {
    throw new ApiError(0, UNREACHABLE)
  }
}
