/**
 * Lanes: the endpoints that have, or had, events to send, and how many rows each has. Triggers keep the
 * numbers in the transaction that changes a row; nothing is counted. Owns the lanes' ids and, to save
 * queries, how many rows are stored.
 */
import type { Database } from 'bun:sqlite'
import type { LaneReport } from '../core/deliveries'
import { noteSecretChange } from './sqlite'

/** The rows of one endpoint of one app. */
export type LaneKey = { readonly appId: string; readonly endpoint: string }

/** A lane with its counts of rows. */
export type LaneRow = Omit<LaneReport, 'oldest' | 'attempts'> & { readonly id: number }

const ALL = 'SELECT id, app_id AS appId, endpoint, pending + dead AS stored FROM webhook_lanes'
const ADD = 'INSERT INTO webhook_lanes (app_id, endpoint) VALUES ($appId, $endpoint) RETURNING id'
const OF_APP = `
  SELECT id, endpoint, pending, failing, dead FROM webhook_lanes WHERE app_id = $appId ORDER BY id`
const REMOVE = 'DELETE FROM webhook_lanes WHERE id = $id'

type Lane = LaneKey & { readonly id: number; stored: number }

export class Lanes {
  /** Rows of all lanes. */
  size = 0
  readonly #lanes = new Map<string, Lane>()
  /** Rows by app. */
  readonly #rowsByApp = new Map<string, number>()

  constructor(readonly db: Database) {
    for (const lane of db.query<Lane, []>(ALL).all()) {
      this.#lanes.set(nameOf(lane), lane)
      this.#countRows(lane.appId, lane.stored)
    }
  }

  all(): LaneKey[] {
    return Array.from(this.#lanes.values(), ({ appId, endpoint }) => ({ appId, endpoint }))
  }

  stored(key: LaneKey): number {
    return this.#lanes.get(nameOf(key))?.stored ?? 0
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

  /** True where the app has any. */
  hasRows(appId: string): boolean {
    return this.#rowsByApp.has(appId)
  }

  #countRows(appId: string, rows: number): void {
    this.size += rows
    const left = (this.#rowsByApp.get(appId) ?? 0) + rows
    if (left === 0) this.#rowsByApp.delete(appId)
    else this.#rowsByApp.set(appId, left)
  }

  ofApp(appId: string): LaneRow[] {
    return this.db.query<LaneRow, [{ appId: string }]>(OF_APP).all({ appId })
  }

  remove(key: LaneKey): void {
    this.db.query(REMOVE).run({ id: this.idOf(key) })
    this.#lanes.delete(nameOf(key))
    noteSecretChange(this.db) // the endpoint's URL
  }

  #laneOf({ appId, endpoint }: LaneKey): Lane {
    return this.#lanes.getOrInsertComputed(nameOf({ appId, endpoint }), () => {
      const { id } = this.db.query<{ id: number }, [LaneKey]>(ADD).get({ appId, endpoint })!
      return { appId, endpoint, id, stored: 0 }
    })
  }
}

export const nameOf = ({ appId, endpoint }: LaneKey): string => `${appId} ${endpoint}`
