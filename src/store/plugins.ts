/**
 * Plugins' values: one for each (plugin, key), as JSON. Readers do not see expired values; the next writes
 * of the same plugin delete them from the file.
 */
import type { Database } from 'bun:sqlite'
import type { PluginStore } from '../core/plugin-means'
import { endOf, inexact, jsonFor, noNumber, requireLimit, timeOf } from '../core/plugin-values'
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

/** Expired values that a write deletes. */
const MAX_DROPPED_PER_WRITE = 16

type Row = { key: string; value: string }

/** The values of an owner, a plugin or `<plugin>/shared`. Writes are refused while the database cannot write. */
export const openPluginStore = (writes: Writes, owner: string, now: () => number): PluginStore =>
  writes.guard(pluginStore(writes.db, owner, now), ['set', 'delete', 'increment', 'transaction'])

/** Where this node keeps what each plugin shares. */
export function sharedStores(writes: Writes, now: () => number): (plugin: string) => PluginStore {
  const stores = new Map<string, PluginStore>()
  return (plugin) =>
    stores.getOrInsertComputed(`${plugin}/shared`, (owner) => openPluginStore(writes, owner, now))
}

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
      requireLimit(limit)
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
      if (typeof before !== 'number') throw noNumber(key)
      const sum = before + by
      if (!Number.isFinite(sum) || Math.abs(sum) > Number.MAX_SAFE_INTEGER) throw inexact(key, sum)
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
