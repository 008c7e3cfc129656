/**
 * First start: the file for generated credentials where no terminal shows them. Printed without one, they
 * would end in collected logs; a file beside the database is for its owner only.
 */
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fsyncSync,
  openSync,
  realpathSync,
  writeSync,
} from 'node:fs'
import { SETTINGS } from './config'
import type { Credentials } from './credentials'
import { messageOf } from '../core/errors'
import type { Log } from '../core/types'
import { StoreError } from '../store/errors'
import { isFile } from '../store/files'

/** The file beside a database that exists; undefined for one in memory. */
export function credentialsFile(databasePath: string): string | undefined {
  return isFile(databasePath) ? `${realpathSync(databasePath)}.credentials` : undefined
}

/**
 * Appends generated credentials to the file, as lines of settings. Call it before they are stored:
 * credentials that nobody can read must not be in use.
 * @throws StoreError where the file can't be written
 */
export function writeGenerated(credentials: Credentials, databasePath: string, now: number): void {
  const file = credentialsFile(databasePath)
  const lines = generatedLines(credentials)
  if (file === undefined || lines.length === 0) return
  const head = `# Made at the start of ${new Date(now).toISOString()}. Note it down, then delete this file.`
  try {
    append(file, `${[head, ...lines].join('\n')}\n`)
  } catch (cause) {
    throw new StoreError(
      `${file}: can't be written, and no terminal shows the generated credentials: ${messageOf(cause)}`,
      { cause },
    )
  }
}

/** Warns of a file that is still there: it holds secrets. */
export function warnLeftOver({ app, admin }: Credentials, databasePath: string, log: Log): void {
  const file = credentialsFile(databasePath)
  if (file === undefined || [app.origin, admin.origin].includes('generated')) return
  if (existsSync(file))
    log.warn({ file }, 'generated credentials are still in a file: note them down and delete it')
}

function generatedLines({ app, admin }: Credentials): string[] {
  const rows = [
    [SETTINGS.appId, app.id, app],
    [SETTINGS.appKey, app.key, app],
    [SETTINGS.appSecret, app.secret, app],
    [SETTINGS.adminUsername, admin.username, admin],
    [SETTINGS.adminPassword, admin.password, admin],
  ] as const
  const generated = rows.filter(([, , { origin }]) => origin === 'generated')
  return generated.map(([{ env }, value]) => `${env}=${value}`)
}

/** Appends, and takes others' rights to the file away. A link in its place is not followed. */
function append(file: string, lines: string): void {
  // O_NONBLOCK: a pipe in its place would be waited for.
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants
  const fd = openSync(file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0o600)
  try {
    fchmodSync(fd, 0o600)
    writeSync(fd, lines)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
