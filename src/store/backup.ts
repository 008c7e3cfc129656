/**
 * Backup: copies a database to a file, whether or not a server uses it. The file appears once it is whole.
 */
import { realpathSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { copyDatabase, find, flushFolder, type CopyOptions } from './copy'
import { errorAbout, StoreError } from './errors'
import { filesOf, isFile } from './files'

export type BackupOptions = CopyOptions & {
  /** Replaces a file of that name. */
  readonly overwrite?: boolean | undefined
}

/**
 * Copies the database file `from` to `to`, mode 0600, and resolves to the length of the copy. The event loop goes on.
 * A copy that fails or is given up leaves nothing, and an older file of that name as it was.
 * @throws StoreError, whose message is one line for the operator
 */
export async function backup(
  from: string,
  to: string,
  { overwrite = false, ...options }: BackupOptions = {},
): Promise<number> {
  const toName = `backup ${to}`
  const check = (): void => checkTarget(from, to, overwrite)
  check()
  const order = { from, to, fromName: `database ${from}`, toName }
  const { file, bytes } = await copyDatabase(order, options)
  try {
    check() // the name may have been taken meanwhile
    renameSync(file, to)
    flushFolder(dirname(to))
    return bytes
  } catch (cause) {
    rmSync(file, { force: true })
    throw errorAbout(toName, cause)
  }
}

/** @throws StoreError */
function checkTarget(from: string, to: string, overwrite: boolean): void {
  const found = find(`backup ${to}`, to)
  if (!found) return
  if (found.isDirectory()) throw new StoreError(`backup ${to}: is a folder`)
  if (!overwrite) throw new StoreError(`backup ${to}: exists already`)
  if (isFile(from) && filesOf(from).includes(realpathSync(to)))
    throw new StoreError(`backup ${to}: is a file of the database itself`)
}
