/**
 * Stored apps and admins: prepared statements, one function each.
 */
import type { Database } from 'bun:sqlite'
import type { AppRecord } from '../core/apps'

type AppRow = Omit<AppRecord, 'active' | 'clientEvents'> & { active: number; client_events: number }

const ALL =
  'SELECT id, name, slug, key, secret, active, client_events FROM apps ORDER BY created_at, id'
const INSERT = `
  INSERT INTO apps (id, name, slug, key, secret, active, client_events, created_at)
  VALUES ($id, $name, $slug, $key, $secret, $active, $clientEvents, $createdAt)`
const ADMIN = 'SELECT username, password_sha256 FROM admins LIMIT 1'
const INSERT_ADMIN = `
  INSERT INTO admins (username, password_sha256, created_at) VALUES ($username, $passwordSha256, $createdAt)`

export type StoredAdmin = { readonly username: string; readonly password_sha256: string }

export function appStore(db: Database) {
  const all = db.query<AppRow, []>(ALL)
  const admin = db.query<StoredAdmin, []>(ADMIN)
  return {
    all: (): AppRecord[] =>
      all.all().map(({ active, client_events, ...row }) => ({
        ...row,
        active: active === 1,
        clientEvents: client_events === 1,
      })),
    /** `now` is epoch milliseconds. */
    insert: ({ active, clientEvents, ...record }: AppRecord, now: number): void => {
      db.query(INSERT).run({
        ...record,
        active: Number(active),
        clientEvents: Number(clientEvents),
        createdAt: now,
      })
    },
    admin: (): StoredAdmin | undefined => admin.get() ?? undefined,
    insertAdmin: (username: string, passwordSha256: string, now: number): void => {
      db.query(INSERT_ADMIN).run({ username, passwordSha256, createdAt: now })
    },
  }
}

export type AppStore = ReturnType<typeof appStore>
