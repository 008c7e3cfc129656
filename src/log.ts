/**
 * Log: JSON lines on standard error, readable ones on a terminal. Messages are stable and in lower
 * case; values are fields. Never logged: secrets, passwords, signatures, event data.
 */
import pino from 'pino'
import pretty from 'pino-pretty'
import type { Log } from './core/types'

const STDERR = 2

export function createLog(level: string): Log {
  const terminal = process.stderr.isTTY && !process.env['NO_COLOR']
  // A worker transport would not load in a compiled binary; a stream in the process does.
  const stream = terminal
    ? pretty({ destination: STDERR, sync: true, ignore: 'pid,hostname' })
    : pino.destination({ fd: STDERR, sync: true })
  return pino({ level, base: null }, stream)
}
