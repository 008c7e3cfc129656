/**
 * Log: JSON lines on standard error, readable ones on a terminal. Messages are stable and in lower
 * case; values are fields. Never logged: secrets, passwords, signatures, event data.
 *
 * A reader that stands still (a full pipe, a terminal after Ctrl-S) must not stop the server: lines are
 * written by a thread. A megabyte waits, lines past it are dropped, and their count is logged once
 * somebody reads again.
 */
import pino from 'pino'
import { SonicBoom } from 'sonic-boom'
import type { Log } from './core/types'

export type ServerLog = {
  readonly log: Log
  /** Resolves when all lines are out, or a moment later where nobody reads. */
  finish(): Promise<unknown>
}

const MAX_WAITING_BYTES = 1_048_576
const FINISH_MS = 250
const STANDARD_ERROR = 2

/** What a pipe takes in one piece, whoever else writes to it: Linux' `PIPE_BUF`. */
const MAX_WHOLE_BYTES = 4096

/**
 * Lines of a worker say which one it is. The formatter of readable lines is loaded for a terminal only: it takes 3 MB.
 */
export async function createLog(level: string, worker?: number): Promise<ServerLog> {
  // A worker transport would not load in a compiled binary; a function in the process does.
  const readable =
    process.stderr.isTTY && !process.env['NO_COLOR']
      ? (await import('pino-pretty')).prettyFactory({ colorize: true, ignore: 'pid,hostname' })
      : undefined
  // Without a least length, `flush` does nothing.
  const output = new SonicBoom({
    fd: STANDARD_ERROR,
    maxLength: MAX_WAITING_BYTES,
    minLength: 1,
    // Lines that wait are written together, else.
    ...(worker !== undefined && { maxWrite: MAX_WHOLE_BYTES }),
  })
  const write = (line: string): void => void output.write(readable ? readable(line) : line)
  const log: Log = pino({ level, base: worker === undefined ? null : { worker } }, { write })
  let dropped = 0
  output.on('drop', () => dropped++)
  output.on('drain', () => {
    const lines = dropped
    dropped = 0
    if (lines > 0) log.error({ lines }, 'log lines were dropped: nobody read')
  })
  output.on('error', () => undefined) // EPIPE: the reader is gone
  const flushed = (): Promise<void> => new Promise((resolve) => output.flush(() => resolve()))
  return { log, finish: () => Promise.race([flushed(), Bun.sleep(FINISH_MS)]) }
}
