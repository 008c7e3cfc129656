/**
 * Log: JSON lines on standard error, readable ones on a terminal. Messages are stable and in lower
 * case; values are fields. Never logged: secrets, passwords, signatures, event data.
 *
 * A reader that stands still (a full pipe, a terminal after Ctrl-S) must not stop the server: no write
 * blocks. A megabyte waits, lines past it are dropped, and their count is logged once somebody reads
 * again.
 */
import { constants, openSync, writeSync } from 'node:fs'
import pino from 'pino'
import type { Log } from './core/types'

export type ServerLog = {
  readonly log: Log
  /** Resolves when all lines are out, or a moment later where nobody reads. */
  finish(): Promise<unknown>
}

/** The formatter of readable lines is loaded for a terminal only: it takes 3 MB. */
export async function createLog(level: string): Promise<ServerLog> {
  const terminal = process.stderr.isTTY
  // A worker transport would not load in a compiled binary; a function in the process does.
  const readable =
    terminal && !process.env['NO_COLOR']
      ? (await import('pino-pretty')).prettyFactory({ colorize: true, ignore: 'pid,hostname' })
      : undefined
  const logDropped = (lines: number): void =>
    log.error({ lines }, 'log lines were dropped: nobody read')
  const lines = new Lines(terminal ? terminalOutput() : pipeOutput(), logDropped)
  const write = (line: string): void => lines.write(readable ? readable(line) : line)
  const log: Log = pino({ level, base: null }, { write })
  return { log, finish: () => lines.finish() }
}

/** Writes lines. Returns a promise where it could not write all at once; nothing may be written before that resolves. */
type Output = (lines: string) => Promise<unknown> | undefined

const MAX_WAITING_CHARS = 1_048_576
const FINISH_MS = 250

/** Lines to be written, in order; bounded. */
class Lines {
  #busy: Promise<void> | undefined
  #waiting: string[] = []
  #waitingChars = 0
  #dropped = 0

  constructor(
    readonly output: Output,
    readonly logDropped: (lines: number) => void,
  ) {}

  write(line: string): void {
    if (!this.#busy) return this.#put(line)
    if (this.#waitingChars + line.length > MAX_WAITING_CHARS) {
      this.#dropped++
      return
    }
    this.#waiting.push(line)
    this.#waitingChars += line.length
  }

  async finish(): Promise<void> {
    const late = Bun.sleep(FINISH_MS).then(() => true)
    while (this.#busy && !(await Promise.race([this.#busy, late])));
  }

  #put(lines: string): void {
    this.#busy = this.output(lines)?.then(() => this.#writeWaiting())
  }

  #writeWaiting(): void {
    this.#busy = undefined
    const [lines, dropped] = [this.#waiting.join(''), this.#dropped]
    this.#waiting = []
    this.#waitingChars = 0
    this.#dropped = 0
    if (lines !== '') this.#put(lines)
    if (dropped > 0) this.logDropped(dropped)
  }
}

/** The output to a pipe, a socket or a file: the runtime's sink waits in place of the system. */
function pipeOutput(): Output {
  const sink = Bun.stderr.writer()
  return (lines) => {
    try {
      sink.write(lines) // `flush` returns the same promise, or throws the same error
      const flushed = sink.flush()
      return flushed instanceof Promise ? flushed.catch(() => undefined) : undefined
    } catch {
      return undefined // EPIPE: the reader is gone
    }
  }
}

/** A terminal takes a few kilobytes at a time; one that takes none may stand still for long. */
const RETRY_MS = { soon: 1, later: 50 }

/** The output to a terminal. The runtime's sink blocks where it stands still; our own file descriptor fails with EAGAIN. */
function terminalOutput(): Output {
  const fd = openTerminal()
  const writeRest = (bytes: Uint8Array): Promise<unknown> | undefined => {
    let left = bytes
    try {
      while (left.length > 0) left = left.subarray(writeSync(fd, left))
      return undefined
    } catch (cause) {
      if ((cause as { code?: unknown }).code !== 'EAGAIN') return undefined // it was closed
      const delayMs = left.length < bytes.length ? RETRY_MS.soon : RETRY_MS.later
      return Bun.sleep(delayMs).then(() => writeRest(left))
    }
  }
  return (lines) => writeRest(Buffer.from(lines))
}

/** Opens the terminal anew: flags of the descriptor that we were given are shared with the shell. */
function openTerminal(): number {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants
  for (const path of ['/proc/self/fd/2', '/dev/tty']) {
    try {
      return openSync(path, O_WRONLY | O_NONBLOCK | O_NOCTTY)
    } catch {
      // ENOENT: not Linux; ENXIO: no terminal of its own
    }
  }
  return 2
}
