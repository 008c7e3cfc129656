/**
 * Copies of databases: consistent, also while a server writes; in a file that only this user may read, flushed to
 * the disk and checked. A copy has a name of its own until it is whole, so a half one is never taken for a backup.
 * Files are not waited for: a disk that hangs, as those of networks do, must not hold the server.
 */
import { randomBytes } from 'node:crypto'
import type { Stats } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { messageOf } from '../core/errors'
import type { CopyOrder, CopyReport } from './copy-worker'
import { errorAbout, StoreError } from './errors'
import { isFile } from './files'

export type CopyOptions = {
  /** Called a few times a second, and at the end. The total is an estimate until then. */
  readonly onProgress?: ((copiedBytes: number, totalBytes: number) => void) | undefined
  /** Gives the copy up, and leaves nothing of it. */
  readonly signal?: AbortSignal | undefined
}

/** A copy that is whole, not yet in its place. */
export type Copy = {
  readonly file: string
  readonly bytes: number
  /** How many migrations its database has. */
  readonly version: number
}

const PROGRESS_MS = 100

/**
 * Copies the database of `order.from` to a file beside `order.to`. Whoever gets it renames it, or deletes it.
 * @throws StoreError
 */
export async function copyDatabase(order: CopyOrder, options: CopyOptions = {}): Promise<Copy> {
  const { from, fromName, to, toName } = order
  if (!isFile(from) || !(await find(fromName, from))?.isFile())
    throw new StoreError(`${fromName}: there is no such file`)
  if (!(await find(toName, dirname(to)))?.isDirectory())
    throw new StoreError(`${toName}: its folder does not exist`)
  const file = `${to}.${randomBytes(4).toString('hex')}.partial`
  try {
    await (await open(file, 'wx', 0o600)).close()
    const version = await runWorker({ ...order, to: file }, options)
    const bytes = (await stat(file)).size
    options.onProgress?.(bytes, bytes)
    return { file, bytes, version }
  } catch (cause) {
    await deletePartial(file)
    throw errorAbout(toName, cause)
  }
}

/** What is there, if anything. @throws StoreError about `name` where that cannot be seen */
export async function find(name: string, path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw errorAbout(name, cause)
  }
}

/** Resolves to the version of the copied database. */
function runWorker(order: CopyOrder, { onProgress, signal }: CopyOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  if (signal?.aborted) throw givenUp(order)
  const worker = new Worker(new URL('./copy-worker.ts', import.meta.url), { workerData: order })
  const giveUp = (): void => reject(givenUp(order))
  signal?.addEventListener('abort', giveUp)
  let endProgress: (() => void) | undefined
  worker.on('message', (report: CopyReport) => {
    if (report.type === 'done') resolve(report.version)
    else if (report.type === 'failed') reject(new StoreError(report.message))
    else if (onProgress) endProgress = follow(order.to, report.totalBytes, onProgress)
  })
  worker.on('error', (cause) => reject(new StoreError(`${order.toName}: ${messageOf(cause)}`)))
  worker.on('exit', (code) => {
    reject(new StoreError(`${order.toName}: its thread ended with ${code}`))
    // It may have opened the file anew after that was deleted.
    if (signal?.aborted) void deletePartial(order.to)
  })
  return promise.finally(() => {
    endProgress?.()
    signal?.removeEventListener('abort', giveUp)
    // A statement that runs is not interrupted: what it writes belongs to a file without a name.
    void worker.terminate()
  })
}

/** Tells how long the file is, until the returned function is called. */
function follow(
  file: string,
  totalBytes: number,
  onProgress: NonNullable<CopyOptions['onProgress']>,
): () => void {
  let isOver = false
  const tell = async (): Promise<void> => {
    const bytes = (await stat(file).catch(() => undefined))?.size ?? 0 // ENOENT: given up
    if (!isOver) onProgress(Math.min(bytes, totalBytes), totalBytes)
  }
  onProgress(0, totalBytes)
  const timer = setInterval(tell, PROGRESS_MS)
  return () => {
    isOver = true
    clearInterval(timer)
  }
}

const givenUp = ({ toName }: CopyOrder): StoreError =>
  new StoreError(`${toName}: given up before it was done`)

/** Never rejects: why the copy has failed is what is told, and the next backup deletes what is left. */
export async function deletePartial(file: string): Promise<void> {
  const endings = ['', '-journal']
  await Promise.allSettled(endings.map((ending) => rm(`${file}${ending}`, { force: true })))
}

/** Makes a renaming in the folder last through a power cut, where the file system can. */
export async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync().catch(() => undefined) // EINVAL: those of networks and of users cannot
  } finally {
    await handle.close()
  }
}
