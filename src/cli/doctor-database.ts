/**
 * What `carillon doctor` finds out about the database file: its rights, its lock, the disk, its content. Nothing is
 * written to it.
 */
import { Database } from 'bun:sqlite'
import { existsSync, realpathSync, statfsSync, statSync, type Stats } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { exposure, type Config } from '../config/config'
import { isPublished } from '../core/published-credentials'
import { appStore } from '../store/apps'
import { guard, StoreError } from '../store/errors'
import { isFile, lockDatabase } from '../store/files'
import { checkSchema } from '../store/sqlite'
import type { Finding } from './findings'

const check = 'database'

export function checkDatabase(config: Config, folder: string, isServed: boolean): Finding[] {
  if (!isFile(config.databasePath))
    return [
      { state: 'warn', check, about: 'it is in memory: apps and webhooks end with the process' },
    ]
  const path = resolve(folder, config.databasePath)
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found) return [checkAbsent(path, isServed), ...checkDisk(dirname(path))]
  if (!found.isFile()) return [{ state: 'fail', check, about: `${path} is no file` }]
  return [
    ...checkRights(path, found),
    ...checkContent(path, config),
    ...checkLock(path, isServed),
    ...checkDisk(path),
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
