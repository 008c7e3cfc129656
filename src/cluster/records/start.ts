/**
 * Before the start: what the table of apps has is taken into this node's database, which the server then reads as ever.
 * So a server that starts has the apps of all, and starts with those of before while Redis is away.
 */
import type { Clock } from '../../core/types'
import type { Mirror } from '../../core/mirror'
import { RedisAway, RedisUnfit } from '../link/away'
import { newNumbers } from '../context'
import { openLink, type LinkEvents, type LinkOptions } from '../link/link'
import { NO_LOG } from '../link/link-settings'
import { Records } from './records'
import { Table } from './table'
import { storedTarget } from './targets'
import { TABLE_SCRIPTS } from './scripts'

/** Between two looks at whether somebody else has made the first credentials. */
const LOOK_MS = 250
/** A node that was to make them and has not is given up within half a minute. */
const FOUNDING_MS = 45_000

export type EarlyRecords = {
  /**
   * Waits for the right to make the first credentials, or until somebody has made them: until `isNeeded` says no.
   * @throws (rejects with) RedisAway, RedisUnfit
   */
  found(isNeeded: () => boolean): Promise<void>
  close(): Promise<void>
}

/** Done when this node has what the table has, or Redis is away. @throws (rejects with) RedisUnfit */
export async function takeRecords(options: LinkOptions, mirror: Mirror): Promise<EarlyRecords> {
  const { clock, log } = options
  // The link of the engine follows, and says the same of Redis in the log.
  const link = await openLink(
    { ...options, log: NO_LOG, scripts: Object.values(TABLE_SCRIPTS) },
    NO_EVENTS,
  )
  const table = new Table(() => link, crypto.randomUUID())
  const numbers = newNumbers()
  const records = new Records(
    { table, mirror, clock, log, numbers, isStored: true },
    storedTarget(mirror),
  )
  await records.catchUp()
  return {
    found: (isNeeded) => waitToFound(clock, isNeeded, { table, records }),
    close: async () => {
      records.stop()
      await link.close()
    },
  }
}

async function waitToFound(
  clock: Clock,
  isNeeded: () => boolean,
  { table, records }: { readonly table: Table; readonly records: Records },
): Promise<void> {
  const end = clock.mono() + FOUNDING_MS
  while (isNeeded()) {
    try {
      if (await table.found()) return
    } catch (cause) {
      if (!(cause instanceof RedisAway)) throw cause
      throw new RedisUnfit(
        `Redis is away (${cause.message}), and the first app and the password of the admin are made there`,
      )
    }
    if (clock.mono() > end)
      throw new RedisUnfit('another node makes the first app, and does not finish')
    const { promise, resolve } = Promise.withResolvers<void>()
    clock.after(LOOK_MS, resolve)
    await promise
    await records.catchUp()
  }
}

const NO_EVENTS: LinkEvents = {
  message: () => undefined,
  connected: () => undefined,
  lost: () => undefined,
  deaf: () => undefined,
}
