/**
 * Revocations: valid tokens that are refused, by `jti` or by user. They live in what all nodes share, so they
 * outlast a restart and hold everywhere; the store drops those that are over.
 */
import { createHash } from 'node:crypto'
import type { PluginStore, SharedStore } from 'carillon/plugin'
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
  constructor(readonly shared: SharedStore) {}

  /** Replaces an earlier one of the same token or user. */
  async add(revocation: Revocation): Promise<NamedRevocation> {
    const id = idOf(revocation)
    await this.#set(id, revocation)
    return { id, ...revocation }
  }

  #set(id: string, revocation: Revocation): Promise<void> {
    return this.shared.set(id, revocation, { expiresAt: revocation.until * 1000 })
  }

  /** Takes over those that are in a node's own store, where they were before. */
  async adopt(store: PluginStore): Promise<void> {
    for (const [id, revocation] of store.entries()) {
      await this.#set(id, revocation as Revocation)
      store.delete(id)
    }
  }

  /** A function that returns the next page of those that are not over, at last an empty one. */
  pages(): () => Promise<NamedRevocation[]> {
    let after: string | undefined
    return async () => {
      const entries = await this.shared.entries({ after, limit: PAGE })
      after = entries.at(-1)?.[0] ?? after
      return entries.map(([id, revocation]) => ({ id, ...(revocation as Revocation) }))
    }
  }

  /** False where there was none. */
  async remove(id: string): Promise<boolean> {
    const known = (await this.shared.get(id)) !== undefined
    if (known) await this.shared.delete(id)
    return known
  }

  async refuses(token: Token): Promise<boolean> {
    const { appId: app, jti = null, user = null } = token
    for (const key of [
      { app, jti, user: null },
      { app, jti: null, user },
    ]) {
      if (key.jti === null && key.user === null) continue
      const found = (await this.shared.get(idOf(key))) as Revocation | undefined
      if (found && concerns(found, token)) return true
    }
    return false
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
