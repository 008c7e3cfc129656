/**
 * Backup: copies a database to a file, whether or not a server uses it. The file appears once it is whole.
 */
import { link, realpath, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { copyDatabase, deletePartial, find, flushFolder, type CopyOptions } from './copy'
import { errorAbout, StoreError } from './errors'
import { filesOf, hasNoLinks, isFile } from './files'

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
  await checkTarget(from, to, overwrite)
  const order = { from, to, fromName: `database ${from}`, toName }
  const { file, bytes } = await copyDatabase(order, options)
  try {
    if (overwrite) await rename(file, to)
    else await renameToFree(file, to)
    await flushFolder(dirname(to))
    return bytes
  } catch (cause) {
    throw errorAbout(toName, cause)
  } finally {
    await deletePartial(file)
  }
}

/** @throws StoreError */
async function checkTarget(from: string, to: string, overwrite: boolean): Promise<void> {
  const found = await find(`backup ${to}`, to)
  if (!found) return
  if (found.isDirectory()) throw new StoreError(`backup ${to}: is a folder`)
  if (!overwrite) throw taken(to)
  if (
    isFile(from) &&
    (await find(`database ${from}`, from)) &&
    filesOf(from).includes(await realpath(to))
  )
    throw new StoreError(`backup ${to}: is a file of the database itself`)
}

/** The name may have been taken while the copy was made. */
async function renameToFree(file: string, to: string): Promise<void> {
  try {
    await link(file, to)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw taken(to)
    if (!hasNoLinks(cause)) throw cause
    await rename(file, to)
  }
}

const taken = (to: string): StoreError => new StoreError(`backup ${to}: exists already`)
