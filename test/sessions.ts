/** Sessions of the console, for tests. */
import { newSession, type Session } from '../src/http/sessions'
import type { TestServer } from './harness'
import { makeTokenRecord } from './tokens'

/** A session of a token, unless another is named, that nobody has the cookie of. */
export function makeSession(id: string, token = makeTokenRecord(`token-of-${id}`, 'all')): Session {
  const { session } = newSession({
    name: token.name,
    token,
    address: '127.0.0.1',
    userAgent: '',
    path: '/',
    createdAt: 0,
    expiresAt: Infinity,
  })
  return { ...session, id }
}

/** What a browser that has signed in sends: `reading` with each request, `changing` with those that change something. */
export type SignedIn = {
  readonly id: string
  readonly csrf: string
  /** `name=secret`. */
  readonly cookie: string
  readonly reading: { readonly cookie: string }
  readonly changing: { readonly cookie: string; readonly 'x-csrf-token': string }
}

/** Signs in with credentials: headers as `makeBasicAuth` and `bearer` make them. */
export async function signIn(
  server: Pick<TestServer, 'http'>,
  credentials: Readonly<Record<string, string>>,
): Promise<SignedIn> {
  const response = await server.http('/api/admin/sessions', {
    method: 'POST',
    headers: credentials,
  })
  if (response.status !== 201) throw new Error(await response.text())
  const [cookie = ''] = (response.headers.get('set-cookie') ?? '').split(';')
  const { data } = (await response.json()) as { data: { id: string; csrf: string } }
  const reading = { cookie }
  return { ...data, cookie, reading, changing: { ...reading, 'x-csrf-token': data.csrf } }
}
