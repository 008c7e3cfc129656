/**
 * Log: JSON lines on standard error, readable ones on a terminal. Messages are stable and in lower
 * case; values are fields. Never logged: secrets, passwords, signatures, event data.
 */
import pino from 'pino'
import type { Log } from './core/types'

const STDERR = 2

/** What makes lines readable is loaded for a terminal only: it takes 3 MB. */
export async function createLog(level: string): Promise<Log> {
  const terminal = process.stderr.isTTY && !process.env['NO_COLOR']
  // A worker transport would not load in a compiled binary; a stream in the process does.
  const stream = terminal
    ? (await import('pino-pretty')).default({
        destination: STDERR,
        sync: true,
        ignore: 'pid,hostname',
      })
    : pino.destination({ fd: STDERR, sync: true })
  const log: Log = pino({ level, base: null }, stream)
  return log
}
