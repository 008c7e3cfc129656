/**
 * What `carillon doctor` finds out about the database file: its rights, its lock, its content, the disk, its
 * backups. Nothing is written.
 */
import { Database } from 'bun:sqlite'
import { existsSync, readdirSync, realpathSync, statfsSync, statSync, type Stats } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { exposure, type Config } from '../config/config'
import { isPublished } from '../core/published-credentials'
import { appStore } from '../store/apps'
import { guard, StoreError } from '../store/errors'
import { isFile, lockDatabase } from '../store/files'
import { MIGRATIONS } from '../store/migrations'
import { checkSchema, versionOf } from '../store/sqlite'
import type { Finding } from './findings'
import { showDuration } from './times'

const check = 'database'

export function checkDatabase(config: Config, folder: string, isServed: boolean): Finding[] {
  if (!isFile(config.databasePath))
    return [
      { state: 'warn', check, about: 'it is in memory: apps and webhooks end with the process' },
    ]
  const path = resolve(folder, config.databasePath)
  const found = statSync(path, { throwIfNoEntry: false })
  const backups = checkBackups(config, folder)
  if (!found) return [checkAbsent(path, isServed), ...checkDisk(dirname(path)), ...backups]
  if (!found.isFile()) return [{ state: 'fail', check, about: `${path} is no file` }]
  return [
    ...checkRights(path, found),
    ...checkContent(path, config),
    ...checkLock(path, isServed),
    ...checkDisk(path),
    ...backups,
  ]
}

const OTHER_FILE = 'the server that answers uses another one: was it started in another folder?'

const checkAbsent = (path: string, isServed: boolean): Finding =>
  isServed
    ? { state: 'warn', check, about: `${path} does not exist; ${OTHER_FILE}` }
    : { state: 'ok', check, about: `${path} does not exist yet: a start makes it` }

function checkRights(path: string, { mode, uid }: Stats): Finding[] {
  const rights = (mode & 0o777).toString(8)
  if ((mode & 0o007) !== 0)
    return [
      {
        state: 'fail',
        check,
        about: `${path} has rights ${rights}: every user of this machine can read its secrets; chmod 600`,
      },
    ]
  const isForeign = ![uid, 0].includes(process.getuid?.() ?? uid)
  if (isForeign)
    return [
      {
        state: 'fail',
        check,
        about: `${path} belongs to the user ${uid}, and not to this one: a server that this user starts cannot write it`,
      },
    ]
  return [{ state: 'ok', check, about: `${path} is for its owner (${rights})` }]
}

/** The schema, and published secrets of apps where others can reach the server. */
function checkContent(path: string, config: Config): Finding[] {
  try {
    return guard(path, () => {
      using db = new Database(path, { readonly: true, strict: true })
      checkSchema(db, path)
      if (versionOf(db) < MIGRATIONS.length)
        return [{ state: 'ok', check, about: 'its schema is older: the next start changes it' }]
      const ids = appStore(db)
        .all()
        .filter(({ keys }) => keys.some(({ secret }) => isPublished(secret)))
        .map(({ id }) => id)
      const reason = exposure(config)
      if (ids.length === 0 || reason === undefined) return []
      const about = `the apps ${ids.join(', ')} have the published secret, which is refused from other machines, and ${reason}: carillon apps rotate`
      return [{ state: 'warn', check: 'credentials', about }]
    })
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause
    return [{ state: 'fail', check, about: cause.message }]
  }
}

function checkLock(path: string, isServed: boolean): Finding[] {
  let unlock: (() => void) | undefined = () => undefined
  try {
    if (existsSync(`${realpathSync(path)}.lock`)) unlock = lockDatabase(path, 0)
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause
    return [{ state: 'fail', check, about: cause.message }]
  }
  unlock?.()
  const isLocked = unlock === undefined
  if (isLocked && !isServed)
    return [{ state: 'warn', check, about: 'a server uses it that answers at another address' }]
  if (!isLocked && isServed) return [{ state: 'warn', check, about: OTHER_FILE }]
  return [{ state: 'ok', check, about: isLocked ? 'the server uses it' : 'no server uses it' }]
}

const LITTLE_BYTES = 1_000_000_000
const NO_BYTES = 50_000_000

function checkDisk(path: string): Finding[] {
  const folder = statSync(path, { throwIfNoEntry: false }) ? path : '.'
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  const about = `${(free / 1_000_000_000).toFixed(1)} GB are free on its disk`
  return [
    { state: free < NO_BYTES ? 'fail' : free < LITTLE_BYTES ? 'warn' : 'ok', check: 'disk', about },
  ]
}

/** The age of the newest file, where the server makes backups. */
function checkBackups({ backupPath, backupEveryMinutes }: Config, folder: string): Finding[] {
  const check = 'backups'
  if (backupPath === undefined) {
    const about = 'the server makes none: CARILLON_BACKUP_PATH names a folder for them'
    return [{ state: 'ok', check, about }]
  }
  const ages = timesOf(resolve(folder, backupPath)).map((time) => Date.now() - time)
  const age = Math.min(...ages)
  if (age === Infinity) return [{ state: 'warn', check, about: `${backupPath} has none` }]
  const isLate = age > 2 * backupEveryMinutes * 60_000
  const about = `the newest one in ${backupPath} is ${showDuration(age)} old${isLate ? ', and another one is due' : ''}`
  return [{ state: isLate ? 'fail' : 'ok', check, about }]
}

/** When the backups of a folder were made; epoch milliseconds. None where it cannot be read. */
function timesOf(folder: string): number[] {
  try {
    const files = readdirSync(folder).filter((name) => name.endsWith('.sqlite'))
    return files.map((name) => statSync(join(folder, name)).mtimeMs)
  } catch {
    return [] // ENOENT, EACCES
  }
}
