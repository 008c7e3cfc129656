/**
 * The audit: rows of what was changed by whom, written in the transaction of the change; read in pages, the newest
 * first; the oldest are deleted. No statement looks at more than SCANNED_ROWS of them.
 */
import type { Database } from 'bun:sqlite'
import type { AuditedChange } from '../core/app'
import type { Core } from '../core/core'
import type { Action, AuditEntry, AuditPage, AuditQuery, AuditRow, AuditStore } from '../core/audit'
import { differenceOf } from '../apps/masks'
import { readJson } from './rows'
import { commitDurably } from './sqlite'
import type { Writes } from './writes'

/** Rows that are older than those of a table that this node came to have negative ids. */
const LOWEST_ID = Number.MIN_SAFE_INTEGER

const INSERT = `
  INSERT INTO audit (at, action, by_kind, by_id, by_name, address, request_id, app_id, target, before, after)
  VALUES ($at, $action, $kind, $byId, $name, $address, $requestId, $appId, $target, $before, $after)`
const INSERT_NUMBERED = INSERT.replace('INSERT', 'INSERT OR IGNORE')
  .replace('(at', '(id, at')
  .replace('($at', '($id, $at')
const HOLD = 'INSERT INTO audit_pending (once, entry) VALUES ($once, $entry)'
const NARROW = 'SELECT id, at, action, by_id, by_name FROM audit'
const NEWEST = `${NARROW} WHERE id < $before ORDER BY id DESC LIMIT $limit`
const NEWEST_OF_APP = `
  ${NARROW} WHERE app_id = $appId AND id < $before AND id > $after ORDER BY id DESC LIMIT $limit`
/** An app's last deletion: what came before it was another app with the same id. */
const LAST_DELETED = `
  SELECT MAX(id) AS id FROM audit WHERE app_id = $appId AND action = 'app.deleted'`
const SHOW = 'SELECT * FROM audit WHERE id IN (SELECT value FROM json_each($ids)) ORDER BY id DESC'
const NEWEST_ID = 'SELECT MAX(id) AS id FROM audit'
const OLDEST = `SELECT id, at FROM audit WHERE id > ${LOWEST_ID} ORDER BY id LIMIT 1`
const DELETE_OLDEST = `
  DELETE FROM audit
   WHERE id IN (SELECT id FROM audit WHERE id > ${LOWEST_ID} ORDER BY id LIMIT $limit)
     AND (at < $before OR id <= $lastId)`

/** Rows that a page looks at: a millisecond. */
const SCANNED_ROWS = 500
/** Of a row without what was before and after. */
const BYTES_BESIDES = 500
/** Of a field before or after a change; a longer one is left out, and its length told. */
const MAX_FIELD_BYTES = 8192
/** Rows that are deleted in one go: a millisecond. */
const DELETED_ROWS = 200

/** A row as it is stored. */
export type AuditColumns = {
  readonly id: number
  readonly at: number
  readonly action: Action
  readonly by_kind: 'user' | 'token'
  readonly by_id: string | null
  readonly by_name: string
  readonly address: string
  readonly request_id: string | null
  readonly app_id: string | null
  readonly target: string | null
  readonly before: string | null
  readonly after: string | null
}
type NarrowRow = Pick<AuditColumns, 'id' | 'at' | 'action' | 'by_id' | 'by_name'>
type Values = Record<string, string | number>

export type AuditRetention = { readonly days: number; readonly maxRows: number }

/** Runs a write of the admin's side and writes its row, both or neither; they last through a power cut. */
export function writeAudited<T>(db: Database, entry: AuditEntry | undefined, write: () => T): T {
  return commitDurably(db, () => {
    const done = write()
    if (entry) insert(db, entry)
    return done
  })
}

/** The entry of a change of an app; undefined for one that leaves it as it was. */
export function entryOf(audited: AuditedChange | undefined): AuditEntry | undefined {
  if (!audited) return undefined
  const { deed, at, before, after } = audited
  const difference = differenceOf(before, after)
  const isNone = before && after && Object.keys(difference.after ?? {}).length === 0
  if (isNone) return undefined
  return { ...deed, at, appId: (after ?? before)?.id, target: undefined, ...difference }
}

export type SqliteAuditStore = AuditStore & {
  /** Deletes some of the rows that are too old or too many; true while there may be more. `now` is epoch milliseconds. */
  trim(retention: AuditRetention, now: number): boolean
}

export function auditStore(db: Database): SqliteAuditStore {
  const all = <T>(sql: string, values: Values): T[] => db.query<T, [Values]>(sql).all(values)
  const lastDeletedOf = (appId: string): number =>
    all<{ id: number | null }>(LAST_DELETED, { appId })[0]?.id ?? LOWEST_ID
  const newest = ({ appId, before, ofThisLife }: AuditQuery): NarrowRow[] => {
    const values = { before, limit: SCANNED_ROWS }
    if (appId === undefined) return all(NEWEST, values)
    const after = ofThisLife ? lastDeletedOf(appId) : LOWEST_ID
    return all(NEWEST_OF_APP, { ...values, appId, after })
  }
  return {
    write: (entry) => writeAudited(db, entry, () => undefined),
    page: (query) => {
      const scanned = newest(query)
      const found = scanned.filter((row) => matches(row, query)).slice(0, query.limit)
      const rows = all<AuditColumns>(SHOW, { ids: JSON.stringify(found.map(({ id }) => id)) })
      return pageOf(rows, scanned, query)
    },
    trim: ({ days, maxRows }, now) => {
      const [oldest] = all<{ id: number; at: number }>(OLDEST, {})
      if (!oldest) return false
      const [{ id: newest }] = all<{ id: number }>(NEWEST_ID, {}) as [{ id: number }]
      const [before, lastId] = [now - days * 86_400_000, newest - maxRows]
      if (oldest.at >= before && oldest.id > lastId) return false // most sweeps write nothing
      const terms = { before, lastId, limit: DELETED_ROWS }
      return db.query<unknown, [Values]>(DELETE_OLDEST).run(terms).changes === DELETED_ROWS
    },
  }
}

/** Deletes what is too old or too many, a slice a turn, whenever a sweep asks for it. */
export function auditTrimmer(
  { slices, clock }: Pick<Core, 'slices' | 'clock'>,
  writes: Writes,
  retention: AuditRetention,
) {
  const { trim } = auditStore(writes.db)
  let isRunning = false
  let isStopped = false
  const step = (): boolean => {
    isRunning = false
    writes.runChore(() => {
      isRunning = trim(retention, clock.now()) && !isStopped
    })
    return isRunning
  }
  return {
    sweep: (): void => {
      if (isRunning) return
      isRunning = true
      slices.add({ part: 'audit', step })
    },
    stop: (): void => {
      isStopped = true
    },
  }
}

function matches(row: NarrowRow, { actor, action, from, to }: AuditQuery): boolean {
  if (actor !== undefined && actor !== row.by_id && actor !== row.by_name) return false
  if (action !== undefined && action !== row.action) return false
  return row.at >= (from ?? 0) && row.at < (to ?? Infinity)
}

/** What fits in a page; the next one begins after the last row of it, or the last that was looked at. */
function pageOf(
  found: readonly AuditColumns[],
  scanned: readonly NarrowRow[],
  { limit, maxBytes }: AuditQuery,
): AuditPage {
  const rows: AuditRow[] = []
  let bytes = 0
  for (const row of found) {
    const rowBytes = BYTES_BESIDES + (row.before?.length ?? 0) + (row.after?.length ?? 0)
    if (rows.length > 0 && bytes + rowBytes > maxBytes) break
    bytes += rowBytes
    rows.push(readRow(row))
  }
  const isFull = rows.length < found.length
  if (isFull || rows.length === limit) return { rows, bytes, next: rows.at(-1)?.id, isFull }
  const next = scanned.length === SCANNED_ROWS ? scanned.at(-1)?.id : undefined
  return { rows, bytes, next, isFull }
}

export function readRow(row: AuditColumns): AuditRow {
  const read = (column: 'before' | 'after') => {
    const text = row[column]
    const cell = { table: 'audit', row: String(row.id), column }
    return text === null ? undefined : (readJson(text, cell) as AuditRow['before'])
  }
  return {
    id: row.id,
    at: row.at,
    action: row.action,
    by: {
      kind: row.by_kind,
      id: row.by_id ?? undefined,
      name: row.by_name,
      address: row.address,
      requestId: row.request_id ?? undefined,
    },
    appId: row.app_id ?? undefined,
    target: row.target ?? undefined,
    before: read('before'),
    after: read('after'),
  }
}

/** Databases whose rows wait for the table that all nodes have in common, and who is told of each. */
const holders = new WeakMap<Database, () => void>()

/** From now on rows wait in `audit_pending`. */
export const holdRows = (db: Database, onRow: () => void): void => void holders.set(db, onRow)

function insert(db: Database, entry: AuditEntry): void {
  const onRow = holders.get(db)
  if (!onRow) return void db.query(INSERT).run(valuesOf(entry))
  db.query(HOLD).run({ once: crypto.randomUUID(), entry: JSON.stringify(boundEntry(entry)) })
  setImmediate(onRow)
}

/** A row that has its number already; nothing happens where that is there. */
export function insertNumbered(db: Database, { id, ...entry }: AuditRow): void {
  db.query(INSERT_NUMBERED).run({ id, ...valuesOf(entry) })
}

/** Without fields that are too long to be kept. */
export const boundEntry = (entry: AuditEntry): AuditEntry => ({
  ...entry,
  before: boundFields(entry.before),
  after: boundFields(entry.after),
})

function valuesOf({ by, ...entry }: AuditEntry) {
  return {
    at: entry.at,
    action: entry.action,
    kind: by.kind,
    byId: by.id ?? null,
    name: by.name,
    address: by.address,
    requestId: by.requestId ?? null,
    appId: entry.appId ?? null,
    target: entry.target ?? null,
    before: write(entry.before),
    after: write(entry.after),
  }
}

const write = (fields: AuditEntry['before']): string | null =>
  fields ? JSON.stringify(boundFields(fields)) : null

function boundFields(fields: AuditEntry['before']): AuditEntry['before'] {
  if (!fields) return undefined
  const entries = Object.entries(fields).map(([name, value]) => {
    const bytes = Buffer.byteLength(JSON.stringify(value) ?? '')
    return [name, bytes <= MAX_FIELD_BYTES ? value : { omitted_bytes: bytes }]
  })
  return Object.fromEntries(entries)
}
