/** Runs command lines in this process, with streams that remember what was printed. */
import { runCommand } from '../../src/cli/main'
import type { TestServer } from '../harness'
import { Inbox } from '../harness'

export type Outcome = { readonly code: number; readonly out: string; readonly err: string }

export type RunOptions = {
  readonly env?: Readonly<Record<string, string>>
  /** A terminal of 80 columns, without colours. */
  readonly isTerminal?: boolean
  readonly input?: string
  /** What a person answers; only on a terminal. */
  readonly answer?: string
  readonly folder?: string
  /** Nobody reads the output. */
  readonly isStuck?: boolean
}

/** A stream that remembers its lines. */
class Lines {
  text = ''
  readonly inbox = new Inbox<string>()
  readonly columns = 80
  #rest = ''

  constructor(
    readonly isTTY: boolean,
    readonly isStuck = false,
  ) {}

  write(text: string): boolean {
    this.text += text
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines) this.inbox.push(line)
    return !this.isStuck
  }
}

/** A command that runs; its lines are read while it does. */
export class Running {
  readonly out: Lines
  readonly err: Lines
  readonly #end = new AbortController()
  readonly #code: Promise<number>

  constructor(args: readonly string[], options: RunOptions = {}) {
    const { env = {}, isTerminal = false, isStuck, input = '', answer, folder = '/' } = options
    this.out = new Lines(isTerminal, isStuck)
    this.err = new Lines(isTerminal)
    this.#code = runCommand(args, {
      env: { NO_COLOR: '1', ...env },
      folder,
      stdout: this.out,
      stderr: this.err,
      readInput: async () => input,
      ask: answer === undefined ? undefined : async () => answer,
      signal: this.#end.signal,
    })
  }

  /** As Ctrl-C does. */
  end(): Promise<Outcome> {
    this.#end.abort()
    return this.finished
  }

  get finished(): Promise<Outcome> {
    return this.#code.then((code) => ({ code, out: this.out.text, err: this.err.text }))
  }
}

/** The environment in which commands find a server. */
export const envOf = (server: TestServer): Record<string, string> => ({ PORT: String(server.port) })

/** Runs a command against a server; arguments are separated by spaces. */
export const runOn = (
  server: TestServer,
  args: string | readonly string[],
  options: RunOptions = {},
): Promise<Outcome> => {
  const words = typeof args === 'string' ? args.split(' ') : args
  return new Running(words, { ...options, env: { ...envOf(server), ...options.env } }).finished
}

/** Lines of tab-separated values. */
export const rowsOf = ({ out }: Outcome): string[][] =>
  out
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split('\t'))
