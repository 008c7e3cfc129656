/** Stored tokens of the admin API: their hashes, what they may, and when they were used. */
import type { Database } from 'bun:sqlite'
import type { AuditEntry, Deed } from '../core/audit'
import type { Grant, TokenRecord, TokenStore } from '../core/tokens'
import { writeAudited } from './audit'

const ALL = 'SELECT * FROM admin_tokens ORDER BY created_at, rowid'
const INSERT = `
  INSERT INTO admin_tokens (id, name, scope, hash, created_at, created_by, expires_at)
  VALUES ($id, $name, $scope, $hash, $createdAt, $createdBy, $expiresAt)`
const FORGET = 'DELETE FROM admin_tokens WHERE id IN (SELECT value FROM json_each($ids))'
const REVOKE = 'UPDATE admin_tokens SET revoked_at = $now WHERE id = $id AND revoked_at IS NULL'
const REVOKE_OF_APP = `
  UPDATE admin_tokens SET revoked_at = $now WHERE scope = 'app:' || $appId AND revoked_at IS NULL`
const NOTE_USE = 'UPDATE admin_tokens SET last_used_at = $at WHERE id = $id'

type Row = {
  readonly id: string
  readonly name: string
  readonly scope: Grant
  readonly hash: string
  readonly created_at: number
  readonly created_by: string
  readonly expires_at: number | null
  readonly revoked_at: number | null
  readonly last_used_at: number | null
}

/** Ends the tokens of an app, in the transaction that the caller has begun. */
export function revokeTokensOf(db: Database, appId: string, now: number): void {
  db.query(REVOKE_OF_APP).run({ appId, now })
}

export function tokenStore(db: Database): TokenStore {
  return {
    all: () => db.query<Row, []>(ALL).all().map(recordOf),
    insert: (record, ended, deed) => {
      const { id, name, grant, hash, createdAt, createdBy, expiresAt = null } = record
      const entry = deed && rowOfNew(record, deed)
      writeAudited(db, entry, () => {
        if (ended.length > 0) db.query(FORGET).run({ ids: JSON.stringify(ended) })
        const values = { id, name, scope: grant, hash, createdAt, createdBy, expiresAt }
        db.query(INSERT).run(values)
      })
    },
    revoke: (record, now, deed) => {
      const entry = deed && rowOfRevoked(record, deed, now)
      writeAudited(db, entry, () => db.query(REVOKE).run({ id: record.id, now }))
    },
    noteUses: (uses) => {
      db.transaction(() => {
        for (const { id, at } of uses) db.query(NOTE_USE).run({ id, at })
      }).immediate()
    },
  }
}

/** The row of the audit for a new token. */
export function rowOfNew(record: TokenRecord, deed: Deed): AuditEntry {
  const { name, grant, createdAt, expiresAt = null } = record
  const fields = { name, scope: grant, expires_at: expiresAt }
  return entryOf(record, deed, { at: createdAt, before: undefined, after: fields })
}

/** The row for one that is revoked at `now`, in epoch milliseconds. */
export function rowOfRevoked(record: TokenRecord, deed: Deed, now: number): AuditEntry {
  const { name, grant } = record
  return entryOf(record, deed, { at: now, before: { name, scope: grant }, after: undefined })
}

/** A token of one app is that app's business. */
function entryOf(
  { id, grant }: TokenRecord,
  deed: Deed,
  change: Pick<AuditEntry, 'at' | 'before' | 'after'>,
): AuditEntry {
  const appId = grant.startsWith('app:') ? grant.slice('app:'.length) : undefined
  return { ...deed, ...change, appId, target: id }
}

function recordOf(row: Row): TokenRecord {
  return {
    id: row.id,
    name: row.name,
    grant: row.scope,
    hash: row.hash,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  }
}
