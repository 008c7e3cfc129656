/**
 * Errors of the database, explained to the operator in one line.
 */
import { messageOf, RealtimeError } from '../core/errors'

/** A database that can't be used; the message is one line for the operator. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}

/** Runs code that needs the database. @throws StoreError in place of what SQLite or the system throws */
export function guard<T>(path: string, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    throw storeError(path, cause)
  }
}

/** An error of SQLite or the system as a StoreError. */
export const storeError = (path: string, cause: unknown): StoreError =>
  errorAbout(`database ${path}`, cause)

/** An error of SQLite or the system as a StoreError about a file, `backup daily.sqlite`. */
export function errorAbout(subject: string, cause: unknown): StoreError {
  return cause instanceof StoreError
    ? cause
    : new StoreError(`${subject}: ${explain(cause)}`, { cause })
}

/** SQLite's result codes and the file system's. */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  SQLITE_NOTADB: 'is not a SQLite database, or is corrupt',
  SQLITE_CORRUPT: 'is corrupt',
  SQLITE_CANTOPEN: 'cannot be opened (does the folder exist, and may this user write it?)',
  SQLITE_READONLY: 'is read-only for this user',
  SQLITE_READONLY_DIRECTORY: 'is in a folder that this user cannot write',
  SQLITE_FULL: 'the disk is full',
  SQLITE_IOERR: 'cannot be read or written (disk error, or the disk is full)',
  SQLITE_BUSY: 'is locked by another process',
  EACCES: 'cannot be written, or its folder cannot be created (permission denied)',
  EPERM: 'cannot be written (permission denied)',
  ENOENT: 'cannot be opened, nor its folder be created',
  EISDIR: 'cannot be opened (it is a folder)',
  EROFS: 'cannot be written (read-only file system)',
  ENOTDIR: 'its folder cannot be created (a parent is a file)',
  EEXIST: 'its folder cannot be created (a file is in its place)',
  ENOSPC: 'the disk is full',
}

function explain(cause: unknown): string {
  if (cause instanceof RealtimeError && cause.cause !== undefined) return explain(cause.cause)
  return reasonOf(cause) ?? messageOf(cause)
}

/** The reason why the database or its file could not be read or written; undefined for any other fault. */
export function reasonOf(cause: unknown): string | undefined {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const known = Object.keys(EXPLANATIONS)
    .filter((name) => code.startsWith(name))
    .sort((a, b) => b.length - a.length)[0]
  return known && EXPLANATIONS[known]
}
