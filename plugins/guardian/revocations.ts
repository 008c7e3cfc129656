/**
 * Revocations: valid tokens that are refused, by `jti` or by user. They live in the database alone, so they
 * outlast a restart; the store drops those that are over.
 */
import { createHash } from 'node:crypto'
import type { PluginStore } from 'carillon/plugin'
import type { Token } from './claims'

/** Times are epoch seconds, as in tokens. */
export type Revocation = {
  readonly app: string
  readonly jti: string | null
  /** Tokens of this user that were issued up to `revoked_at`, or have no `iat`. */
  readonly user: string | null
  readonly revoked_at: number
  readonly until: number
}

export type NamedRevocation = Revocation & { readonly id: string }

/** A tenth of a millisecond to read. */
const PAGE = 32

export class Revocations {
  constructor(readonly store: PluginStore) {}

  /** Replaces an earlier one of the same token or user. */
  add(revocation: Revocation): NamedRevocation {
    const id = idOf(revocation)
    this.store.set(id, revocation, { expiresAt: revocation.until * 1000 })
    return { id, ...revocation }
  }

  /** A function that returns the next page of those that are not over, at last an empty one. */
  pages(): () => NamedRevocation[] {
    let after: string | undefined
    return () => {
      const entries = this.store.entries({ after, limit: PAGE })
      after = entries.at(-1)?.[0] ?? after
      return entries.map(([id, revocation]) => ({ id, ...(revocation as Revocation) }))
    }
  }

  /** False where there was none. */
  remove(id: string): boolean {
    const known = this.store.get(id) !== undefined
    if (known) this.store.delete(id)
    return known
  }

  refuses(token: Token): boolean {
    const { appId: app, jti = null, user = null } = token
    return [
      { app, jti, user: null },
      { app, jti: null, user },
    ].some((key) => {
      if (key.jti === null && key.user === null) return false
      const found = this.store.get(idOf(key)) as Revocation | undefined
      return found !== undefined && concerns(found, token)
    })
  }
}

export function concerns({ app, jti, user, revoked_at }: Revocation, token: Token): boolean {
  if (app !== token.appId) return false
  if (jti !== null) return jti === token.jti
  if (user !== token.user) return false
  return token.issuedAt === undefined || Math.floor(token.issuedAt) <= revoked_at
}

/** The id for a token or user of an app, fit for a path. */
const idOf = ({ app, jti, user }: Pick<Revocation, 'app' | 'jti' | 'user'>): string =>
  createHash('sha256')
    .update(JSON.stringify([app, jti, user]))
    .digest('base64url')
    .slice(0, 22)
