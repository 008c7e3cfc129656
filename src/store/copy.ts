/**
 * Copies of databases: consistent, also while a server writes; in a file that only this user may read, flushed to
 * the disk and checked. A copy has a name of its own until it is whole, so a half one is never taken for a backup.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, rmSync, statSync, type Stats } from 'node:fs'
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
  if (!isFile(from) || find(fromName, from)?.isFile() !== true)
    throw new StoreError(`${fromName}: there is no such file`)
  if (find(toName, dirname(to))?.isDirectory() !== true)
    throw new StoreError(`${toName}: its folder does not exist`)
  const file = `${to}.${randomBytes(4).toString('hex')}.partial`
  try {
    closeSync(openSync(file, 'wx', 0o600))
    const version = await runWorker({ ...order, to: file }, options)
    const bytes = statSync(file).size
    options.onProgress?.(bytes, bytes)
    return { file, bytes, version }
  } catch (cause) {
    deletePartial(file)
    throw errorAbout(toName, cause)
  }
}

/** What is there, if anything. @throws StoreError about `name` where that cannot be seen */
export function find(name: string, path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (cause) {
    throw errorAbout(name, cause)
  }
}

/** Resolves to the version of the copied database. */
function runWorker(order: CopyOrder, { onProgress, signal }: CopyOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  if (signal?.aborted) throw givenUp(order)
  const worker = new Worker(new URL('./copy-worker.ts', import.meta.url), { workerData: order })
  let totalBytes = 0
  const timer = setInterval(() => {
    if (totalBytes === 0) return
    const bytes = statSync(order.to, { throwIfNoEntry: false })?.size ?? 0
    onProgress?.(Math.min(bytes, totalBytes), totalBytes)
  }, PROGRESS_MS)
  const giveUp = (): void => reject(givenUp(order))
  signal?.addEventListener('abort', giveUp)
  worker.on('message', (report: CopyReport) => {
    if (report.type === 'begun') onProgress?.(0, (totalBytes = report.totalBytes))
    else if (report.type === 'done') resolve(report.version)
    else reject(new StoreError(report.message))
  })
  worker.on('error', (cause) => reject(new StoreError(`${order.toName}: ${messageOf(cause)}`)))
  worker.on('exit', (code) => {
    reject(new StoreError(`${order.toName}: its thread ended with ${code}`))
    if (signal?.aborted) deletePartial(order.to)
  })
  return promise.finally(() => {
    clearInterval(timer)
    signal?.removeEventListener('abort', giveUp)
    // A statement that runs is not interrupted: what it writes belongs to a file without a name.
    void worker.terminate()
  })
}

const givenUp = ({ toName }: CopyOrder): StoreError =>
  new StoreError(`${toName}: given up before it was done`)

function deletePartial(file: string): void {
  for (const ending of ['', '-journal']) rmSync(`${file}${ending}`, { force: true })
}

/** Makes a renaming in the folder last through a power cut. */
export function flushFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
