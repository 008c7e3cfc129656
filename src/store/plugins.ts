/**
 * Plugins' values: one for each (plugin, key), as JSON. Readers do not see expired values; the next writes
 * of the same plugin delete them from the file.
 */
import type { Database } from 'bun:sqlite'
import type { PluginStore } from '../core/plugin-means'
import { readJson } from './rows'
import type { Writes } from './writes'

const GET = `
  SELECT key, value FROM plugin_values
   WHERE plugin = $plugin AND key = $key AND (expires_at IS NULL OR expires_at > $now)`
const SET = `
  INSERT INTO plugin_values (plugin, key, value, expires_at) VALUES ($plugin, $key, $value, $expiresAt)
  ON CONFLICT (plugin, key) DO UPDATE SET value = $value, expires_at = $expiresAt`
const DELETE = 'DELETE FROM plugin_values WHERE plugin = $plugin AND key = $key'
const ENTRIES = `
  SELECT key, value FROM plugin_values
   WHERE plugin = $plugin AND key >= $from AND key >= $prefix AND ($end IS NULL OR key < $end)
     AND (expires_at IS NULL OR expires_at > $now)
   ORDER BY key LIMIT $limit`
const ADD = `
  INSERT INTO plugin_values (plugin, key, value, expires_at) VALUES ($plugin, $key, $value, $expiresAt)
  ON CONFLICT (plugin, key) DO UPDATE SET value = $value,
    expires_at = iif(expires_at <= $now, $expiresAt, expires_at)`
const DROP_EXPIRED = `
  DELETE FROM plugin_values WHERE rowid IN (
    SELECT rowid FROM plugin_values
     WHERE plugin = $plugin AND expires_at IS NOT NULL AND expires_at <= $now LIMIT $limit)`

/** Hooks read and write in a turn of the event loop: 5 MB took 1 ms for a read, 4 ms for a write. */
const MAX_VALUE_BYTES = 65_536
const MAX_KEY_BYTES = 1024
/** Expired values that a write deletes. */
const MAX_DROPPED_PER_WRITE = 16

type Row = { key: string; value: string }

/** The values of an owner, a plugin or `<plugin>/shared`. Writes are refused while the database cannot write. */
export const openPluginStore = (writes: Writes, owner: string, now: () => number): PluginStore =>
  writes.guard(pluginStore(writes.db, owner, now), ['set', 'delete', 'increment', 'transaction'])

/** `now` returns epoch milliseconds. */
export function pluginStore(db: Database, plugin: string, now: () => number): PluginStore {
  const valueIn = ({ key, value }: Row): unknown =>
    readJson(value, { table: 'plugin_values', row: `${plugin}, ${key}`, column: 'value' })
  const get = (key: string): unknown => {
    const row = db
      .query<Row, { plugin: string; key: string; now: number }>(GET)
      .get({ plugin, key, now: now() })
    return row ? valueIn(row) : undefined
  }
  return {
    get,
    set: (key, value, { expiresAt } = {}) => {
      const json = jsonFor(key, value)
      db.query(DROP_EXPIRED).run({ plugin, now: now(), limit: MAX_DROPPED_PER_WRITE })
      db.query(SET).run({ plugin, key, value: json, expiresAt: timeOf(expiresAt) })
    },
    delete: (key) => {
      db.query(DELETE).run({ plugin, key })
    },
    entries: ({ prefix = '', after, limit } = {}) => {
      if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0))
        throw new RangeError(`a limit must be an integer from 0 on, not ${limit}`)
      // The next key in order has one NUL more.
      const from = after === undefined ? '' : `${after}\0`
      const end = endOf(prefix) ?? null
      type Page = {
        plugin: string
        from: string
        prefix: string
        end: string | null
        now: number
        limit: number
      }
      const rows = db.query<Row, Page>(ENTRIES)
      return rows
        .all({ plugin, from, prefix, end, now: now(), limit: limit ?? -1 })
        .map((row) => [row.key, valueIn(row)])
    },
    increment: (key, by = 1, { expiresAt } = {}) => {
      const before = get(key) ?? 0
      if (typeof before !== 'number') throw new TypeError(`a plugin's value ${key} is no number`)
      const sum = before + by
      if (!Number.isFinite(sum) || Math.abs(sum) > Number.MAX_SAFE_INTEGER)
        throw new RangeError(`a plugin's number ${key} would be ${sum}`)
      const value = jsonFor(key, sum)
      db.query(ADD).run({ plugin, key, value, expiresAt: timeOf(expiresAt), now: now() })
      return sum
    },
    transaction: (write) =>
      db.transaction(() => {
        const result = write()
        if (result instanceof Promise) {
          result.catch(() => undefined) // the error below is the one that counts
          throw new TypeError('a transaction of a plugin may not wait')
        }
        return result
      })(),
  }
}

/** The first text in order after all that begin with the prefix; undefined where there is none. */
function endOf(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0)!)
  while (points.at(-1) === LAST_POINT) points.pop()
  const last = points.pop()
  if (last === undefined) return undefined
  const next = last === BEFORE_SURROGATES ? AFTER_SURROGATES : last + 1
  return String.fromCodePoint(...points, next)
}

const LAST_POINT = 0x10_ffff
const [BEFORE_SURROGATES, AFTER_SURROGATES] = [0xd7ff, 0xe000]

/** Null for values that last. @throws TypeError for what is no time: such a value would never expire */
function timeOf(expiresAt: number | undefined): number | null {
  if (expiresAt === undefined) return null
  if (!Number.isFinite(expiresAt))
    throw new TypeError("expiresAt of a plugin's value must be a time in epoch milliseconds")
  return Math.min(Math.max(0, Math.ceil(expiresAt)), Number.MAX_SAFE_INTEGER)
}

/** @throws TypeError for a value that is no JSON, or no text as key, RangeError for one that is too large */
function jsonFor(key: string, value: unknown): string {
  // The file holds UTF-8, where all lone surrogates are one character: such keys would be each other's.
  if (typeof key !== 'string' || !key.isWellFormed())
    throw new TypeError("a plugin's key must be a well-formed text")
  const keyBytes = Buffer.byteLength(key)
  if (keyBytes > MAX_KEY_BYTES)
    throw new RangeError(`a plugin's key has ${keyBytes} bytes; the limit is ${MAX_KEY_BYTES}`)
  const json = JSON.stringify(value)
  if (json === undefined) throw new TypeError(`a plugin's value must be JSON, ${key} has none`)
  const bytes = Buffer.byteLength(json)
  if (bytes > MAX_VALUE_BYTES)
    throw new RangeError(
      `a plugin's value has ${bytes} bytes as JSON; the limit is ${MAX_VALUE_BYTES} (key ${key})`,
    )
  return json
}
