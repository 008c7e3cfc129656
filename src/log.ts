/**
 * Log: JSON lines on standard error, readable ones on a terminal. Messages are stable and in lower
 * case; values are fields. Never logged: secrets, passwords, signatures, event data.
 *
 * Who reads may stand still (a full pipe, a terminal after Ctrl-S), and the server must not: no write
 * blocks. A megabyte waits, what comes after is dropped and counted, and the count is told as soon as
 * somebody reads again.
 */
import { constants, openSync, writeSync } from 'node:fs'
import pino from 'pino'
import type { Log } from './core/types'

export type ServerLog = {
  readonly log: Log
  /** Resolves when all lines are out, or a moment later where nobody reads. */
  finish(): Promise<unknown>
}

/** What makes lines readable is loaded for a terminal only: it takes 3 MB. */
export async function createLog(level: string): Promise<ServerLog> {
  const terminal = process.stderr.isTTY
  // A worker transport would not load in a compiled binary; a function in the process does.
  const readable =
    terminal && !process.env['NO_COLOR']
      ? (await import('pino-pretty')).prettyFactory({ colorize: true, ignore: 'pid,hostname' })
      : undefined
  const dropped = (lines: number): void =>
    log.error({ lines }, 'log lines were dropped: nobody read')
  const lines = new Lines(terminal ? terminalOutput() : pipeOutput(), dropped)
  const write = (line: string): void => lines.write(readable ? readable(line) : line)
  const log: Log = pino({ level, base: null }, { write })
  return { log, finish: () => lines.finish() }
}

/** Takes a text. A promise where it could not take all of it at once: it must be given nothing before that resolves. */
type Output = (text: string) => Promise<unknown> | undefined

const MAX_WAITING_CHARS = 1_048_576
const FINISH_MS = 250

/** What is to be written, in order, bounded. */
class Lines {
  #busy: Promise<void> | undefined
  #waiting: string[] = []
  #waitingChars = 0
  #dropped = 0

  constructor(
    readonly output: Output,
    readonly tellDropped: (lines: number) => void,
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

  #put(text: string): void {
    this.#busy = this.output(text)?.then(() => this.#goOn())
  }

  #goOn(): void {
    this.#busy = undefined
    const [text, dropped] = [this.#waiting.join(''), this.#dropped]
    this.#waiting = []
    this.#waitingChars = 0
    this.#dropped = 0
    if (text !== '') this.#put(text)
    if (dropped > 0) this.tellDropped(dropped)
  }
}

/** Pipes, sockets and files: the runtime's sink waits where the system would have to. */
function pipeOutput(): Output {
  const sink = Bun.stderr.writer()
  return (text) => {
    try {
      sink.write(text) // what it says is said by `flush` as well
      const flushed = sink.flush()
      return flushed instanceof Promise ? flushed.catch(() => undefined) : undefined
    } catch {
      return undefined // EPIPE: who read is gone, and nobody can be told
    }
  }
}

/** A terminal takes a few kilobytes at a time; one that took none may stand still for long. */
const RETRY_MS = { soon: 1, later: 50 }

/** The runtime's sink blocks on a terminal that stands still; one that we open ourselves says EAGAIN. */
function terminalOutput(): Output {
  const fd = openTerminal()
  const rest = (bytes: Uint8Array): Promise<unknown> | undefined => {
    let left = bytes
    try {
      while (left.length > 0) left = left.subarray(writeSync(fd, left))
      return undefined
    } catch (cause) {
      if ((cause as { code?: unknown }).code !== 'EAGAIN') return undefined // it was closed
      const delayMs = left.length < bytes.length ? RETRY_MS.soon : RETRY_MS.later
      return Bun.sleep(delayMs).then(() => rest(left))
    }
  }
  return (text) => rest(Buffer.from(text))
}

/** Its own opening: flags of the one that we were given are shared with the shell. */
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
