/**
 * The mirror: what this database has of the table that all nodes have in common. Its rows are those of a server that
 * is alone, so that it is one again whenever that is wanted.
 */
import type { Database } from 'bun:sqlite'
import type { AuditEntry } from '../core/audit'
import type { Mirror, MirrorState, PendingRow, SharedValue } from '../core/mirror'
import type { TokenRecord } from '../core/tokens'
import { appStore } from './apps'
import { auditStore, entryOf, holdRows, insertNumbered, readRow, type AuditColumns } from './audit'
import { readJson } from './rows'
import { commitDurably } from './sqlite'
import { rowOfNew, rowOfRevoked, tokenStore } from './tokens'
import type { Writes } from './writes'

const STATE = 'SELECT origin, life, rev FROM mirror WHERE rowid = 1'
const NOTE = 'UPDATE mirror SET origin = $origin, life = $life, rev = $rev WHERE rowid = 1'
const DETACH = "UPDATE mirror SET origin = '', life = '', rev = 0 WHERE rowid = 1 AND origin <> ''"
/** Anything that another node might want. */
const HAS_ANY = `
  SELECT EXISTS (SELECT 1 FROM apps) OR EXISTS (SELECT 1 FROM app_overrides) OR EXISTS (SELECT 1 FROM admins)
      OR EXISTS (SELECT 1 FROM admin_tokens) OR EXISTS (SELECT 1 FROM audit)
      OR EXISTS (SELECT 1 FROM plugin_values WHERE plugin LIKE '%/shared') AS any`
const IDS = 'SELECT MAX(id) AS last, MIN(id) AS first FROM audit'
const ROWS = 'SELECT * FROM audit WHERE id > $after ORDER BY id LIMIT $most'
const MOVE_ROWS = 'UPDATE audit SET id = id - $by WHERE id > $after'
const KNOWS_APP = 'SELECT 1 FROM apps WHERE id = $id'
const FORGET_OVERRIDES = 'DELETE FROM app_overrides WHERE app_id = $id'
const FORGET_ADMINS = 'DELETE FROM admins'
const PUT_TOKEN = `
  INSERT INTO admin_tokens (id, name, scope, hash, created_at, created_by, expires_at, revoked_at)
  VALUES ($id, $name, $grant, $hash, $createdAt, $createdBy, $expiresAt, $revokedAt)
  ON CONFLICT (id) DO UPDATE SET revoked_at = $revokedAt`
const REMOVE_TOKEN = 'DELETE FROM admin_tokens WHERE id = $id'
const SHARED = `
  SELECT plugin, key, value, expires_at FROM plugin_values
   WHERE plugin LIKE '%/shared' AND (expires_at IS NULL OR expires_at > $now)`
const PUT_SHARED = `
  INSERT INTO plugin_values (plugin, key, value, expires_at) VALUES ($plugin, $key, $json, $expiresAt)
  ON CONFLICT (plugin, key) DO UPDATE SET value = $json, expires_at = $expiresAt`
const REMOVE_SHARED = 'DELETE FROM plugin_values WHERE plugin = $plugin AND key = $key'
const SET_ASIDE = 'INSERT INTO set_aside (at, kind, id, value) VALUES ($at, $kind, $id, $value)'
const PENDING = 'SELECT id, once, entry FROM audit_pending WHERE id > 0 ORDER BY id LIMIT $most'
const FORGET_PENDING = 'DELETE FROM audit_pending WHERE id IN (SELECT value FROM json_each($ids))'

const MOVED_ROWS = 100

/** Whose the values are that a plugin shares. */
const OWNER_END = '/shared'

type SharedRow = { plugin: string; key: string; value: string; expires_at: number | null }
type Values = Record<string, string | number | null>

/** `now` returns epoch milliseconds. */
export function mirrorOf(writes: Writes, now: () => number): Mirror {
  const { db } = writes
  const all = <T>(sql: string, values: Values = {}): T[] => db.query<T, [Values]>(sql).all(values)
  const run = (sql: string, values: Values = {}): void => void db.query(sql).run(values)
  const apps = appStore(db)
  const tokens = tokenStore(db)
  let state = readState(db)
  return writes.guard<Mirror>(
    {
      state: () => state,
      note: (next) => {
        run(NOTE, { ...next })
        state = next
      },
      apps: () => apps.all(),
      overrides: () => apps.overrides(),
      tokens: () => tokens.all(),
      admin: () => {
        const admin = apps.admin()
        return admin && { username: admin.username, passwordSha256: admin.password_sha256 }
      },
      shared: () => all<SharedRow>(SHARED, { now: now() }).map(sharedOf),
      rows: (after, most) => all<AuditColumns>(ROWS, { after, most }).map(readRow),
      lastRow: () => lastRowOf(db),
      putApp: (record) => {
        const isKnown = all(KNOWS_APP, { id: record.id }).length > 0
        if (isKnown) apps.update(record, now())
        else apps.insert(record, now())
      },
      removeApp: (id) => apps.remove(id, now()),
      putOverrides: (id, overrides) => {
        if (overrides) apps.override({ id, overrides }, now())
        else commitDurably(db, () => run(FORGET_OVERRIDES, { id }))
      },
      putToken: (id, record) =>
        commitDurably(db, () => {
          if (record) run(PUT_TOKEN, tokenValues(record))
          else run(REMOVE_TOKEN, { id })
        }),
      putAdmin: ({ username, passwordSha256 }) =>
        commitDurably(db, () => {
          run(FORGET_ADMINS)
          apps.insertAdmin(username, passwordSha256, now())
        }),
      putShared: (name, key, value) => {
        const plugin = name + OWNER_END
        if (!value) return run(REMOVE_SHARED, { plugin, key })
        const { json, expiresAt = null } = value
        run(PUT_SHARED, { plugin, key, json, expiresAt })
      },
      putRow: (row) => insertNumbered(db, row),
      putRowsAside: (after) => {
        const [{ last, first }] = all<{ last: number | null; first: number }>(IDS) as [
          { last: number | null; first: number },
        ]
        if (last !== null && last > after)
          run(MOVE_ROWS, { by: last - Math.min(first, 0) + 1, after })
      },
      setAside: ({ kind, id, value }) =>
        commitDurably(db, () =>
          run(SET_ASIDE, { at: now(), kind, id, value: JSON.stringify(value) }),
        ),
      together: (write) => commitDurably(db, write),
      rowOfApp: (change) => entryOf(change),
      rowOfToken: (record, change, at) => {
        const { type, deed } = change
        if (!deed) return undefined
        return type === 'create' ? rowOfNew(record, deed) : rowOfRevoked(record, deed, at)
      },
      holdRows: (onRow) => holdRows(db, onRow),
      pendingRows: (most) => all<PendingColumns>(PENDING, { most }).map(pendingOf),
      forgetPending: (ids) => run(FORGET_PENDING, { ids: JSON.stringify(ids) }),
    },
    [
      'note',
      'putApp',
      'removeApp',
      'putOverrides',
      'putToken',
      'putAdmin',
      'putShared',
      'putRow',
      'putRowsAside',
      'setAside',
      'together',
    ],
  )
}

/**
 * Called where this database is changed without the table: it is of none any more. When it comes to one again, what
 * has changed is added, or kept aside. Rows of the audit that have waited for the table wait no more.
 */
export function detach(db: Database): void {
  db.query(DETACH).run()
  const audit = auditStore(db)
  const most = MOVED_ROWS
  const pending = db.query<PendingColumns, [Values]>(PENDING)
  for (let rows = pending.all({ most }); rows.length > 0; rows = pending.all({ most }))
    commitDurably(db, () => {
      for (const row of rows) audit.write(pendingOf(row).entry)
      db.query(FORGET_PENDING).run({ ids: JSON.stringify(rows.map(({ id }) => id)) })
    })
}

/** What was never of a table has a number, too, where there is anything: as many as its audit has rows. */
function readState(db: Database): MirrorState {
  const state = db.query<MirrorState, []>(STATE).get()!
  if (state.origin !== '') return state
  const hasAny = db.query<{ any: number }, []>(HAS_ANY).get()!.any === 1
  return hasAny ? { ...state, rev: Math.max(1, lastRowOf(db)) } : state
}

const lastRowOf = (db: Database): number =>
  Math.max(0, db.query<{ last: number | null }, []>(IDS).get()!.last ?? 0)

const sharedOf = ({ plugin, key, value, expires_at }: SharedRow): SharedValue => ({
  plugin: plugin.slice(0, -OWNER_END.length),
  key,
  json: value,
  expiresAt: expires_at ?? undefined,
})

const tokenValues = (record: TokenRecord) => {
  const { id, name, grant, hash, createdAt, createdBy } = record
  const { expiresAt = null, revokedAt = null } = record
  return { id, name, grant, hash, createdAt, createdBy, expiresAt, revokedAt }
}

type PendingColumns = { id: number; once: string; entry: string }

const pendingOf = ({ id, once, entry }: PendingColumns): PendingRow => ({
  id,
  once,
  entry: readJson(entry, {
    table: 'audit_pending',
    row: String(id),
    column: 'entry',
  }) as AuditEntry,
})
