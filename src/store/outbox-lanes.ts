/**
 * Lanes: the endpoints that have, or had, events to send, how many rows each has, and which are paused. Triggers
 * keep the numbers in the transaction that changes a row; nothing is counted. Owns the lanes' ids and, to save
 * queries, how many rows are stored and what is paused.
 */
import type { Database } from 'bun:sqlite'
import { createHmac } from 'node:crypto'
import type { LaneReport } from '../core/deliveries'
import { noteSecretChange } from './sqlite'

/** The rows of one endpoint of one app. */
export type LaneKey = { readonly appId: string; readonly endpoint: string }

/** A lane with its counts of rows. */
export type LaneRow = Omit<LaneReport, 'oldest' | 'attempts'> & { readonly id: number }

const ALL = `
  SELECT id, app_id AS appId, endpoint, pending + dead AS stored, paused_at AS pausedAt
    FROM webhook_lanes`
const ADD = 'INSERT INTO webhook_lanes (app_id, endpoint) VALUES ($appId, $endpoint) RETURNING id'
const OF_APP = `
  SELECT id, endpoint, pending, failing, dead, paused_at AS pausedAt
    FROM webhook_lanes WHERE app_id = $appId ORDER BY id`
const PENDING = 'SELECT 1 FROM webhook_lanes WHERE pending > 0 AND paused_at IS NULL LIMIT 1'
const REMOVE = 'DELETE FROM webhook_lanes WHERE id = $id'
const PAUSE = 'UPDATE webhook_lanes SET paused_at = $pausedAt WHERE id = $id'
const SALT = 'SELECT salt FROM webhook_salt'
/** Of servers that are one: the same in all of their databases. */
const COMMON_SALT = "SELECT origin FROM mirror WHERE rowid = 1 AND origin <> ''"

type Lane = LaneKey & { readonly id: number; stored: number; pausedAt: number | null }

/** Of the id of an endpoint: 64 bits. */
const ID_CHARS = 16

export class Lanes {
  /** Rows of all lanes. */
  size = 0
  readonly #lanes = new Map<string, Lane>()
  /** Rows by app, and paused endpoints. */
  readonly #rowsByApp = new Map<string, number>()
  readonly #pausedByApp = new Map<string, number>()
  readonly #salt: string

  constructor(readonly db: Database) {
    this.#salt = db.query<{ salt: string }, []>(SALT).get()!.salt
    for (const lane of db.query<Lane, []>(ALL).all()) {
      this.#lanes.set(nameOf(lane), lane)
      this.#countRows(lane.appId, lane.stored)
      if (lane.pausedAt !== null) addTo(this.#pausedByApp, lane.appId, 1)
    }
  }

  /**
   * The id of an endpoint in URLs: the same as long as the database lives, and on all servers that are one. It is not to
   * be made from the endpoint without it.
   */
  publicIdOf(key: LaneKey): string {
    const common = this.db.query<{ origin: string }, []>(COMMON_SALT).get()?.origin
    return createHmac('sha256', common ?? this.#salt)
      .update(nameOf(key))
      .digest('hex')
      .slice(0, ID_CHARS)
  }

  /** Since when it is paused; null where it is not. Epoch milliseconds. */
  pausedAt(key: LaneKey): number | null {
    return this.#lanes.get(nameOf(key))?.pausedAt ?? null
  }

  /** Within a transaction; `notePause` follows once it is committed. */
  writePause(key: LaneKey, pausedAt: number | null): void {
    this.db.query(PAUSE).run({ id: this.idOf(key), pausedAt })
  }

  notePause(key: LaneKey, pausedAt: number | null): void {
    const lane = this.#laneOf(key)
    addTo(this.#pausedByApp, key.appId, Number(pausedAt !== null) - Number(lane.pausedAt !== null))
    lane.pausedAt = pausedAt
  }

  /** How many endpoints of the app are paused. */
  pausedOf(appId: string): number {
    return this.#pausedByApp.get(appId) ?? 0
  }

  all(): LaneKey[] {
    return Array.from(this.#lanes.values(), ({ appId, endpoint }) => ({ appId, endpoint }))
  }

  stored(key: LaneKey): number {
    return this.#lanes.get(nameOf(key))?.stored ?? 0
  }

  has(key: LaneKey): boolean {
    return this.#lanes.has(nameOf(key))
  }

  /** Adds the lane where there is none. */
  idOf(key: LaneKey): number {
    return this.#laneOf(key).id
  }

  /** Adds `rows`, which may be negative; called once they are written. */
  count(key: LaneKey, rows: number): void {
    this.#laneOf(key).stored += rows
    this.#countRows(key.appId, rows)
  }

  /** True where one that is not paused has rows that are alive. */
  hasPending(): boolean {
    return this.db.query(PENDING).get() !== null
  }

  /** True where the app has any. */
  hasRows(appId: string): boolean {
    return this.#rowsByApp.has(appId)
  }

  #countRows(appId: string, rows: number): void {
    this.size += rows
    addTo(this.#rowsByApp, appId, rows)
  }

  ofApp(appId: string): LaneRow[] {
    return this.db.query<LaneRow, [{ appId: string }]>(OF_APP).all({ appId })
  }

  remove(key: LaneKey): void {
    this.db.query(REMOVE).run({ id: this.idOf(key) })
    this.notePause(key, null)
    this.#lanes.delete(nameOf(key))
    noteSecretChange(this.db) // the endpoint's URL
  }

  #laneOf({ appId, endpoint }: LaneKey): Lane {
    return this.#lanes.getOrInsertComputed(nameOf({ appId, endpoint }), () => {
      const { id } = this.db.query<{ id: number }, [LaneKey]>(ADD).get({ appId, endpoint })!
      return { appId, endpoint, id, stored: 0, pausedAt: null }
    })
  }
}

/** A count that is nothing is not kept. */
function addTo(counts: Map<string, number>, name: string, more: number): void {
  const count = (counts.get(name) ?? 0) + more
  if (count === 0) counts.delete(name)
  else counts.set(name, count)
}

export const nameOf = ({ appId, endpoint }: LaneKey): string => `${appId} ${endpoint}`
