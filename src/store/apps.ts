/**
 * Stored apps, changes of provided apps, and admins: prepared statements, one function each.
 */
import type { Database } from 'bun:sqlite'
import { asRecord, recordedSwitches, SWITCHES, switchesOf, type SwitchName } from '../apps/switches'
import type {
  AppOverrides,
  AppRecord,
  AppStore,
  AuditedChange,
  KeyRecord,
  Overridden,
} from '../core/app'
import { entryOf, writeAudited } from './audit'
import { APP_CHANGES, brokenRowError, readJson, SHAPES } from './rows'
import { commitDurably } from './sqlite'
import { revokeTokensOf } from './tokens'

type AppRow = Record<'id' | 'name' | 'slug' | keyof typeof SHAPES, string> &
  Record<SwitchName, number> & { readonly created_by: string | null; readonly created_at: number }

type KeyRow = KeyRecord & { readonly app_id: string }
const pairOf = ({ key, secret }: KeyRow): KeyRecord => ({ key, secret })

/** What is stored of an app besides its id and when it was created: columns, and parameters of statements. */
const COLUMNS = ['name', 'slug', ...Object.keys(SWITCHES), ...Object.keys(SHAPES)]
const listColumns = (write: (column: string) => string): string => COLUMNS.map(write).join(', ')

const ALL = `SELECT id, created_by, created_at, ${COLUMNS.join(', ')} FROM apps ORDER BY created_at, rowid`
const KEYS = 'SELECT key, secret FROM app_keys WHERE app_id = $id ORDER BY created_at, rowid'
const ALL_KEYS = 'SELECT app_id, key, secret FROM app_keys ORDER BY created_at, rowid'
const INSERT = `
  INSERT INTO apps (id, ${COLUMNS.join(', ')}, created_at, created_by)
  VALUES ($id, ${listColumns((column) => `$${column}`)}, $now, $createdBy)`
const UPDATE = `UPDATE apps SET ${listColumns((column) => `${column} = $${column}`)} WHERE id = $id`
const INSERT_KEY = `
  INSERT INTO app_keys (app_id, key, secret, created_at) VALUES ($id, $key, $secret, $now)`
const DROP_KEY = 'DELETE FROM app_keys WHERE app_id = $id AND key = $key'
const REMOVE = 'DELETE FROM apps WHERE id = $id'
const OVERRIDES = 'SELECT app_id, changes FROM app_overrides'
const OVERRIDE = `
  INSERT INTO app_overrides (app_id, changes, changed_at, seen_at) VALUES ($id, $changes, $now, $now)
  ON CONFLICT (app_id) DO UPDATE SET changes = $changes, changed_at = $now, seen_at = $now`
const SEEN = `
  UPDATE app_overrides SET seen_at = $now WHERE app_id IN (SELECT value FROM json_each($ids))`
const FORGET_OVERRIDES = 'DELETE FROM app_overrides WHERE seen_at < $before RETURNING app_id'
/** How long the changes of an app are kept that is not provided any more: a month. */
const KEEP_OVERRIDES_MS = 30 * 86_400_000
const ADMIN = 'SELECT username, password_sha256 FROM admins LIMIT 1'
const INSERT_ADMIN = `
  INSERT INTO admins (username, password_sha256, created_at) VALUES ($username, $passwordSha256, $now)`

export type StoredAdmin = { readonly username: string; readonly password_sha256: string }

export type SqliteAppStore = AppStore &
  ReturnType<typeof overrideStore> &
  ReturnType<typeof adminStore>

export function appStore(db: Database): SqliteAppStore {
  const keysOf = (id: string): KeyRecord[] => db.query<KeyRecord, { id: string }>(KEYS).all({ id })
  const insertKeys = (id: string, keys: readonly KeyRecord[], now: number): void => {
    for (const { key, secret } of keys) db.query(INSERT_KEY).run({ id, key, secret, now })
  }
  const updateKeys = (id: string, keys: readonly KeyRecord[], now: number): void => {
    const before = keysOf(id)
    const missingIn = (list: readonly KeyRecord[]) => (pair: KeyRecord) =>
      !list.some(({ key }) => key === pair.key)
    for (const { key } of before.filter(missingIn(keys))) db.query(DROP_KEY).run({ id, key })
    insertKeys(id, keys.filter(missingIn(before)), now)
  }
  return {
    all: () => {
      const keys = Map.groupBy(db.query<KeyRow, []>(ALL_KEYS).all(), ({ app_id: id }) => id)
      return db
        .query<AppRow, []>(ALL)
        .all()
        .map((row) => recordOf(row, (keys.get(row.id) ?? []).map(pairOf)))
    },
    insert: (record, now, audited) =>
      writeAudited(db, entryOf(audited), () => {
        const createdBy = record.createdBy ?? null
        revokeTokensOf(db, record.id, now) // of one that the settings brought once
        db.query(INSERT).run({ ...rowOf(record), now: record.createdAt ?? now, createdBy })
        insertKeys(record.id, record.keys, now)
      }),
    update: (record, now, audited) =>
      writeAudited(db, entryOf(audited), () => {
        db.query(UPDATE).run(rowOf(record))
        updateKeys(record.id, record.keys, now)
      }),
    remove: (id, now, audited) =>
      writeAudited(db, entryOf(audited), () => {
        db.query(REMOVE).run({ id })
        revokeTokensOf(db, id, now)
      }),
    ...overrideStore(db),
    ...adminStore(db),
  }
}

function overrideStore(db: Database) {
  return {
    overrides: (): ReadonlyMap<string, AppOverrides> => {
      const rows = db.query<{ app_id: string; changes: string }, []>(OVERRIDES).all()
      return new Map(rows.map((row) => [row.app_id, readChanges(row)]))
    },
    override: ({ id, overrides }: Overridden, now: number, audited?: AuditedChange): void => {
      const { dialects, ...changes } = overrides
      writeAudited(db, entryOf(audited), () =>
        db.query(OVERRIDE).run({ id, changes: JSON.stringify({ ...changes, ...dialects }), now }),
      )
    },
    /** Notes that these apps are provided now. Returns the apps whose changes were deleted, since they are not. */
    markProvided: (ids: readonly string[], now: number): string[] =>
      commitDurably(db, () => {
        db.query(SEEN).run({ ids: JSON.stringify(ids), now })
        const before = now - KEEP_OVERRIDES_MS
        const rows = db.query<{ app_id: string }, [{ before: number }]>(FORGET_OVERRIDES)
        return rows.all({ before }).map((row) => row.app_id)
      }),
  }
}

function adminStore(db: Database) {
  return {
    admin: (): StoredAdmin | undefined => {
      const admin = db.query<StoredAdmin, []>(ADMIN).get() ?? undefined
      if (admin && !/^[\da-f]{64}$/.test(admin.password_sha256))
        throw brokenRowError(
          { table: 'admins', row: admin.username, column: 'password_sha256' },
          'is not 64 hexadecimal digits',
        )
      return admin
    },
    /** `now` is epoch milliseconds. */
    insertAdmin: (username: string, passwordSha256: string, now: number): void => {
      commitDurably(db, () => void db.query(INSERT_ADMIN).run({ username, passwordSha256, now }))
    },
  }
}

function readChanges({ app_id: row, changes }: { app_id: string; changes: string }): AppOverrides {
  const cell = { table: 'app_overrides', row, column: 'changes' }
  return asRecord(readJson(changes, cell, APP_CHANGES) as Record<string, unknown>)
}

/** @throws Error that names the row, where it is broken */
function recordOf(row: AppRow, keys: readonly KeyRecord[]): AppRecord {
  const cellOf = (column: string) => ({ table: 'apps', row: row.id, column })
  const read = (column: keyof typeof SHAPES): unknown =>
    readJson(row[column], cellOf(column), SHAPES[column])
  for (const { key, secret } of keys)
    if (secret === '')
      throw brokenRowError({ table: 'app_keys', row: key, column: 'secret' }, 'is empty')
  if (keys.length === 0) throw brokenRowError(cellOf('id'), 'has no key in the table app_keys')
  const { id, name, slug } = row
  return {
    id,
    name,
    slug,
    ...recordedSwitches((column) => row[column] === 1),
    hosts: read('hosts') as AppRecord['hosts'],
    webhooks: read('webhooks') as AppRecord['webhooks'],
    history: read('history') as AppRecord['history'],
    limits: read('limits') as AppRecord['limits'],
    plugins: read('plugins') as AppRecord['plugins'],
    keys,
    createdBy: row.created_by ?? undefined,
    createdAt: row.created_at,
  }
}

function rowOf(record: AppRecord) {
  const { id, name, slug, hosts, webhooks, history, limits, plugins } = record
  return {
    id,
    name,
    slug,
    ...switchesOf(record),
    hosts: JSON.stringify(hosts),
    webhooks: JSON.stringify(webhooks),
    history: JSON.stringify(history),
    limits: JSON.stringify(limits),
    plugins: JSON.stringify(plugins),
  }
}
