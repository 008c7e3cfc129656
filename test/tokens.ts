/** Tokens for the admin API, for tests. */
import type { Actor } from '../src/core/audit'
import type { Grant, TokenRecord } from '../src/core/tokens'
import { newToken } from '../src/http/token-text'
import type { TestServer } from './harness'

/** Who makes what a test finds made. */
export const NOBODY: Actor = {
  kind: 'user',
  id: undefined,
  name: 'nobody',
  address: '127.0.0.1',
  requestId: undefined,
}

/** A record whose token nobody knows, unless its hash is given. */
export const makeTokenRecord = (
  name: string,
  grant: Grant,
  { hash = newToken().hash, expiresAt }: { hash?: string; expiresAt?: number } = {},
): TokenRecord => ({
  id: `id-of-${name}`,
  name,
  grant,
  hash,
  createdAt: 0,
  createdBy: 'nobody',
  expiresAt,
  revokedAt: undefined,
  lastUsedAt: undefined,
})

type MadeToken = { readonly id: string; readonly token: string }

/** Makes a token by the admin API. */
export async function makeToken(
  server: TestServer,
  fields: { readonly name: string; readonly scope: string; readonly expires_at?: number },
): Promise<MadeToken> {
  const response = await server.admin('/api/admin/tokens', {
    method: 'POST',
    body: JSON.stringify({ token: fields }),
  })
  if (response.status !== 201) throw new Error(await response.text())
  return ((await response.json()) as { data: MadeToken }).data
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
