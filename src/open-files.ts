/**
 * How many files, sockets included, the system lets this process open; and whether there is one left.
 */
import { closeSync, openSync, readFileSync } from 'node:fs'
import { SETTINGS, type Config } from './config/config'
import type { Core } from './core/core'

/** The soft limit; undefined where the system gives none (anything but Linux). */
export function openFilesLimit(): number | undefined {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    return line ? Number(line[1]) : undefined
  } catch {
    return undefined // ENOENT: not Linux
  }
}

/** Files that are not sockets of clients: the database, logs, requests of the API. */
const RESERVED_FILES = 256
const MOST_REQUESTS = 10_000

/** Connections that the system has room for; 0 where that is unknown. */
export function socketLimit(files = openFilesLimit()): number {
  return files === undefined ? 0 : files - Math.min(RESERVED_FILES, Math.floor(files / 4))
}

/** Requests in flight that the system has room for. The other half of the files is for sockets and health checks. */
export const requestLimit = (): number =>
  Math.min(MOST_REQUESTS, Math.floor((openFilesLimit() ?? Infinity) / 2))

/** One line for each setting that allows more than `files`, the limit of the system, has room for. */
export function fileLimitWarnings(
  { maxConnections, maxRequests }: Pick<Config, 'maxConnections' | 'maxRequests'>,
  files: number | undefined,
): string[] {
  if (files === undefined) return []
  const room = socketLimit(files)
  const settings = [
    [SETTINGS.maxConnections.env, maxConnections],
    [SETTINGS.maxRequests.env, maxRequests],
  ] as const
  return settings
    .filter(([, count]) => count > room)
    .map(
      ([name, count]) =>
        `${name}=${count}: the system allows ${files} open files, which is room for ${room}; raise that (ulimit -n, LimitNOFILE= of systemd, --ulimit of Docker), or nobody can connect once they are used up`,
    )
}

const NONE_LEFT = ['EMFILE', 'ENFILE']

/** Returns a check for the sweep, which opens a file. While that fails `/ready` is red; the log has one line. */
export function watchOpenFiles({ readiness, log }: Pick<Core, 'readiness' | 'log'>): () => void {
  const limit = openFilesLimit() // reading it takes a file, too
  return () => {
    try {
      closeSync(openSync('/dev/null', 'r'))
    } catch (cause) {
      if (!NONE_LEFT.includes((cause as { code?: string }).code ?? '')) return
      const reason = 'no file descriptor is left: nobody can connect'
      if (readiness.fail('files', reason)) log.error({ limit }, reason)
      return
    }
    if (readiness.recover('files')) log.info({}, 'file descriptors are left again')
  }
}
