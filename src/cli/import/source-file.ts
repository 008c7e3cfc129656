/**
 * Source files: text of others that is read within bounds. Links are followed, as containers mount files; what is no
 * regular file is refused, since a pipe would be waited for and a device has no end.
 */
import { isUtf8 } from 'node:buffer'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { messageOf } from '../../core/errors'
import type { Surroundings } from '../surroundings'
import { CommandError, usageError } from '../exits'

/** A table of 10 000 apps with webhooks has some 8 MB. */
export const MAX_SOURCE_BYTES = 16 * 1024 * 1024
export const MAX_APPS = 10_000

export type Source = {
  /** As it is named in the report. */
  readonly name: string
  readonly text: string
}

/** Reads a source; `-` is standard input. @throws CommandError */
export async function readSource(
  file: string,
  { readInput, folder }: Pick<Surroundings, 'readInput' | 'folder'>,
): Promise<Source> {
  if (file === '-')
    return { name: 'input', text: checkText('input', Buffer.from(await readInput())) }
  const name = basename(file)
  return { name, text: checkText(name, readBytes(resolve(folder, file))) }
}

/** @throws CommandError */
function readBytes(path: string): Buffer {
  let fd: number
  try {
    // O_NONBLOCK: a pipe without a writer would be waited for.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    throw usageError(messageOf(cause))
  }
  try {
    const found = fstatSync(fd)
    if (!found.isFile()) throw usageError(`${path}: expected a file`)
    const bytes = Buffer.alloc(Math.min(found.size, MAX_SOURCE_BYTES) + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(fd, bytes, length, bytes.length - length, null)
    return bytes.subarray(0, length)
  } finally {
    closeSync(fd)
  }
}

/** The text without its byte order mark. @throws CommandError where it is too long, binary, or no UTF-8 */
function checkText(name: string, bytes: Buffer): string {
  if (bytes.length > MAX_SOURCE_BYTES)
    throw new CommandError(
      'failed',
      `${name}: has more than ${MAX_SOURCE_BYTES} bytes, which is the limit; export the table of apps alone`,
    )
  if (!isUtf8(bytes) || bytes.includes(0))
    throw new CommandError('failed', `${name}:${badLine(bytes)}: expected text in UTF-8`)
  return bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .replaceAll('\r\n', '\n')
}

/** The first line with bytes that are no text. */
function badLine(bytes: Buffer): number {
  let line = 1
  for (let start = 0; start < bytes.length; line++) {
    const found = bytes.indexOf(10, start)
    const end = found === -1 ? bytes.length : found
    const text = bytes.subarray(start, end)
    if (!isUtf8(text) || text.includes(0)) return line
    start = end + 1
  }
  return line
}

/** The number of the line that a place in a text is on, from 1. */
export const lineAt = (text: string, at: number): number => text.slice(0, at).split('\n').length
