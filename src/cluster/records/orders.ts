/**
 * Orders that change the table of apps: one script each, done when this node has carried out what it has written. The
 * script refuses what this node could not know: names that are taken, and apps that somebody has changed meanwhile.
 */
import type { App, AppRecord } from '../../core/app'
import { AppConflict, AppOutdated, type AppChange } from '../../core/apps'
import type { Core } from '../../core/core'
import { raise, REFUSE } from '../../core/errors'
import type { Mirror, PendingRow, StoredAdmin } from '../../core/mirror'
import { overridesOf } from '../../core/provided-apps'
import type { TokenChange, TokenRecord } from '../../core/tokens'
import { RedisAway } from '../link/link'
import type { Records } from './records'
import type { Table, Write } from './table'
import {
  itemOfAdmin,
  itemOfApp,
  itemOfOverrides,
  itemOfToken,
  rowText,
  takenFieldsOf,
  type Item,
} from './wire'

/** Rows of the audit that are told in one go. */
const ROWS_AT_ONCE = 20

export class RecordOrders {
  #isTelling = false

  constructor(
    readonly core: Core,
    readonly table: Table,
    readonly records: Records,
    readonly mirror: Mirror,
  ) {}

  /** @throws AppConflict, AppOutdated, RealtimeError('engine_unavailable' | 'store_unavailable') */
  async changeApp(change: AppChange): Promise<void> {
    const { apps, clock } = this.core
    const id = change.type === 'remove' ? change.id : change.record.id
    const known = change.type === 'create' ? undefined : apps.byId(id)
    const after = change.type === 'remove' ? undefined : change.record
    if (after) this.#requireUnlike(after, known)
    if (change.type !== 'create' && !known) return // deleted meanwhile
    const now = clock.now()
    const audited = change.deed && { deed: change.deed, at: now, before: known?.record, after }
    const row = rowText(this.mirror.rowOfApp(audited))
    const verb = change.type
    await this.#write({ verb, item: this.#itemOf(id, after), row, now }, id)
  }

  /** What another app of this node has, also one that its settings bring. @throws AppConflict */
  #requireUnlike(record: AppRecord, known: App | undefined): void {
    const fields = this.core.apps.findConflicts(record, known)
    if (fields.length > 0) throw new AppConflict(fields)
  }

  #itemOf(id: string, record: AppRecord | undefined): Item {
    if (!record) return ['app', id, '', '']
    const base = this.core.apps.providedAs(id)
    return base ? itemOfOverrides(id, overridesOf(base, record)) : itemOfApp(record)
  }

  /** @throws AppConflict for a name that another token has, RealtimeError as `changeApp` */
  async changeToken(change: TokenChange): Promise<void> {
    const { tokens, clock } = this.core
    const now = clock.now()
    const isNew = change.type === 'create'
    const record: TokenRecord | undefined = isNew ? change.record : tokens.byId(change.id)
    if (!record || (!isNew && record.revokedAt !== undefined)) return
    const row = rowText(this.mirror.rowOfToken(record, change, now))
    const item: Item = isNew ? itemOfToken(record) : ['token', record.id, '', '']
    const forgotten = isNew ? tokens.forgottenAt(now).map(({ id }) => id) : []
    await this.#write({ verb: isNew ? 'create' : 'revoke', item, row, now, forgotten }, record.id)
  }

  /** Makes the first app and the first admin, where this start has generated them. @throws as `changeApp` */
  async found(record: AppRecord | undefined, admin: StoredAdmin | undefined): Promise<void> {
    const now = this.core.clock.now()
    if (record)
      await this.#write({ verb: 'create', item: itemOfApp(record), row: '', now }, record.id)
    if (admin) await this.#write({ verb: 'add', item: itemOfAdmin(admin), row: '', now }, '')
  }

  async #write(write: Write, id: string): Promise<void> {
    const written = await this.table.write(this.records.state, write).catch(raiseAway)
    switch (written.status) {
      case 'OK':
        return this.records.reach(written.rev)?.catch(raiseAway)
      case 'TAKEN':
        throw new AppConflict(takenFieldsOf(written.names, id))
      case 'OUTDATED':
        void this.records.catchUp()
        throw new AppOutdated()
      case 'OTHER':
        void this.records.catchUp()
        return raise(REFUSE.engineUnfilled)
    }
  }

  /** Tells all nodes of rows that were written down here. Never rejects: what is not told is told later. */
  async tellRows(): Promise<void> {
    if (this.#isTelling) return
    this.#isTelling = true
    try {
      while (await this.#tellSome(this.mirror.pendingRows(ROWS_AT_ONCE)));
    } catch (cause) {
      if (!(cause instanceof RedisAway))
        this.core.log.error({ err: cause }, 'redis: rows of the audit wait')
    } finally {
      this.#isTelling = false
    }
  }

  /** True where there may be more. */
  async #tellSome(rows: readonly PendingRow[]): Promise<boolean> {
    for (const { id, once, entry } of rows) {
      const item: Item = ['row', once, '', '']
      const write = { verb: 'note', item, row: rowText(entry), now: entry.at } as const
      const written = await this.table.write(this.records.state, write)
      if (written.status !== 'OK') return false
      await this.records.reach(written.rev)
      this.mirror.forgetPending([id])
    }
    return rows.length === ROWS_AT_ONCE
  }

  /** Done when all nodes know what was written down here, or Redis is away. */
  async settleRows(): Promise<void> {
    if (this.mirror.pendingRows(1).length > 0) await this.tellRows()
  }
}

/** @throws RealtimeError for a RedisAway */
function raiseAway(cause: unknown): never {
  if (!(cause instanceof RedisAway)) throw cause
  return raise(cause.maySent ? REFUSE.changeSilent : REFUSE.engineAway)
}
