/**
 * The thread of `Checkpoints`: copies the log of a database into its file, with a connection of its own. A commit that
 * comes meanwhile is copied by the next pass; after a pass that has left nothing the log begins anew.
 */
import { Database } from 'bun:sqlite'
import type { LogState } from './sqlite'

/** The path of the database. */
export type CheckpointOrder = string
export type CheckpointReport = 'done' | 'failed'

declare var self: Worker

const MAX_PASSES = 8
/** Pages: a pass that copies no more has left hardly any, or somebody reads what is older. */
const FEW = 32
/** How long the first read waits for another process that recovers the database. */
const BUSY_MS = 5000

function copyLog(path: string): void {
  using db = new Database(path, { readwrite: true })
  db.run(`PRAGMA busy_timeout = ${BUSY_MS}`)
  db.run('PRAGMA fullfsync = ON')
  const pass = db.query<LogState, []>('PRAGMA wal_checkpoint(PASSIVE)')
  let copied = 0
  for (let passes = 0; passes < MAX_PASSES; passes++) {
    const { checkpointed } = pass.get()!
    if (checkpointed <= copied + FEW) return
    copied = checkpointed
  }
}

self.onmessage = ({ data: path }: MessageEvent<CheckpointOrder>) => {
  let report: CheckpointReport = 'done'
  try {
    copyLog(path)
  } catch {
    report = 'failed' // the server's own connection meets what is wrong, and reports it
  }
  self.postMessage(report)
}
