/**
 * Mirror: what this node keeps in its own database of the table that all nodes have in common. It starts with it while
 * the table is away, and fills the table with it where that was lost.
 */
import type { AppOverrides, AppRecord, AuditedChange } from './app'
import type { AuditEntry, AuditRow } from './audit'
import type { TokenChange, TokenRecord } from './tokens'

/**
 * Which table it is of: where that was born, its life, and the number of the last change that is here. What was never
 * of one has no origin; its number is 0 where there is nothing.
 */
export type MirrorState = { readonly origin: string; readonly life: string; readonly rev: number }

export type StoredAdmin = { readonly username: string; readonly passwordSha256: string }

/** A value that plugins share. */
export type SharedValue = {
  readonly plugin: string
  readonly key: string
  readonly json: string
  /** Epoch milliseconds; undefined where it stays. */
  readonly expiresAt: number | undefined
}

/** A row of the audit that waits for the table. */
export type PendingRow = { readonly id: number; readonly once: string; readonly entry: AuditEntry }

/** Its methods throw where the database does. */
export interface Mirror {
  state(): MirrorState
  note(state: MirrorState): void
  apps(): readonly AppRecord[]
  overrides(): ReadonlyMap<string, AppOverrides>
  tokens(): readonly TokenRecord[]
  admin(): StoredAdmin | undefined
  shared(): readonly SharedValue[]
  /** Those with higher numbers, the lowest first. */
  rows(after: number, most: number): readonly AuditRow[]
  /** The highest number of a row; 0 where there is none. */
  lastRow(): number
  putApp(record: AppRecord): void
  removeApp(id: string): void
  /** Undefined forgets them, here and below. */
  putOverrides(id: string, overrides: AppOverrides | undefined): void
  putToken(id: string, record: TokenRecord | undefined): void
  putAdmin(admin: StoredAdmin): void
  putShared(plugin: string, key: string, value: SharedValue | undefined): void
  /** Nothing happens to a row that is there. */
  putRow(row: AuditRow): void
  /** Rows with higher numbers are those of another table: they are older than all that come from now on. */
  putRowsAside(after: number): void
  /** Keeps what the table has otherwise, or not at all. */
  setAside(what: { readonly kind: string; readonly id: string; readonly value: unknown }): void
  /** All or nothing. */
  together(write: () => void): void
  /** The row of a change; undefined for one that changes nothing. */
  rowOfApp(change: AuditedChange | undefined): AuditEntry | undefined
  /** `now` is epoch milliseconds. */
  rowOfToken(record: TokenRecord, change: TokenChange, now: number): AuditEntry | undefined
  /** From now on rows of the audit are not written here, but wait for the table. */
  holdRows(onRow: () => void): void
  /** The oldest that wait. */
  pendingRows(most: number): readonly PendingRow[]
  forgetPending(ids: readonly number[]): void
}
