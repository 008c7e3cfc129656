/**
 * Revocations: tokens that are refused although nothing is wrong with them, by `jti` or by user. They
 * live in the database alone, so they outlast a restart; one that is over is gone by itself.
 */
import { createHash } from 'node:crypto'
import type { PluginStore } from 'carillon/plugin'
import type { Token } from './claims'

/** Times are epoch seconds, as in tokens. */
export type Revocation = {
  readonly app: string
  readonly jti: string | null
  /** Tokens of this user that were issued up to `revoked_at`, or do not say when. */
  readonly user: string | null
  readonly revoked_at: number
  readonly until: number
}

export type NamedRevocation = Revocation & { readonly id: string }

/** So many are read in a tenth of a millisecond. */
const PAGE = 32

export class Revocations {
  constructor(readonly store: PluginStore) {}

  /** In the place of an earlier one of the same token or user. */
  add(revocation: Revocation): NamedRevocation {
    const id = idOf(revocation)
    this.store.set(id, revocation, { expiresAt: revocation.until * 1000 })
    return { id, ...revocation }
  }

  /** What gives some of those that are not over each time it is called, in order, until there are none. */
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

  /** Whether any concerns the token. */
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

/** Whether a revocation concerns a token. */
export function concerns({ app, jti, user, revoked_at }: Revocation, token: Token): boolean {
  if (app !== token.appId) return false
  if (jti !== null) return jti === token.jti
  if (user !== token.user) return false
  return token.issuedAt === undefined || Math.floor(token.issuedAt) <= revoked_at
}

/** One for each token or user of an app, fit for a path. */
const idOf = ({ app, jti, user }: Pick<Revocation, 'app' | 'jti' | 'user'>): string =>
  createHash('sha256')
    .update(JSON.stringify([app, jti, user]))
    .digest('base64url')
    .slice(0, 22)
