/** What delivers and keeps what has happened, built as the settings say: webhooks and scheduled backups; their ticks. */
import type { Config } from './config/config'
import type { Core } from './core/core'
import { runSafely } from './core/faults'
import { newLoopTick } from './core/latencies'
import type { NetworkRules } from './core/networks'
import { OPERATORS_WRITES, outboxStore } from './store/outbox'
import { ScheduledBackups } from './store/scheduled-backups'
import type { Upkeep } from './store/upkeep'
import type { Writes } from './store/writes'
import { RETRIES } from './webhooks/retries'
import { Webhooks } from './webhooks/webhooks'

export function webhooksOf(
  core: Core,
  writes: Writes,
  config: Config,
  networks: NetworkRules,
): Webhooks {
  const outbox = writes.guard(outboxStore(writes.db, RETRIES), OPERATORS_WRITES)
  return new Webhooks(core, outbox, {
    flushMs: config.webhookFlushMs,
    batchEvents: config.webhookBatchEvents,
    timeoutMs: config.webhookTimeoutMs,
    maxStored: config.webhookMaxStored,
    maxStoredPerEndpoint: config.webhookMaxStoredPerEndpoint,
    networks,
  })
}

/** Undefined where none are made. */
export function backupsOf(core: Core, config: Config): ScheduledBackups | undefined {
  const { databasePath, backupPath: folder, backupKeep: keep, backupEveryMinutes } = config
  if (folder === undefined) return undefined
  const everyMs = backupEveryMinutes * 60_000
  return new ScheduledBackups({ databasePath, folder, everyMs, keep }, core)
}

/** What is looked at several times a second: how late the event loop is, and how long the database's log. */
export function tickOf(core: Core, { checkpoints }: Upkeep): () => void {
  const tick = newLoopTick(core)
  return () => {
    tick()
    runSafely(core, 'checkpoints', () => checkpoints.look(core.slices))
  }
}
