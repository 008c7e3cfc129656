/**
 * The command line: `carillon COMMAND`. Runs one command to its end and says how that was, by a line and by its
 * exit code. Loaded only when a command is given.
 */
import { createInterface } from 'node:readline/promises'
import { messageOf } from '../core/errors'
import { ConfigError } from '../config/config'
import { StoreError } from '../store/errors'
import { Client } from './client'
import { COMMANDS, GROUPS } from './commands'
import { complete } from './completion'
import type { Around } from './command'
import type { Surroundings } from './surroundings'
import { CommandError, EXITS } from './exits'
import { parseArguments } from './program'
import { Terminal } from './terminal'
import { toSafe } from './text'

/** Runs a command line in this process; its exit code is that of the process. */
export async function main(args: readonly string[]): Promise<void> {
  const ended = new AbortController()
  const end = (): void => ended.abort()
  let isLost = false
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      end()
      if (code === 'EPIPE' || isLost) return // the reader has enough
      isLost = true
      process.exitCode = EXITS.failed.code
      if (stream === process.stdout)
        process.stderr.write(`carillon: the output is lost: ${message}\n`)
    })
  // A second signal ends it at once.
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  const code = await runCommand(args, {
    env: process.env,
    folder: process.cwd(),
    stdout: process.stdout,
    stderr: process.stderr,
    readInput: () => Bun.stdin.text(),
    ask: process.stdin.isTTY ? (question) => ask(question, ended.signal) : undefined,
    signal: ended.signal,
  })
  process.exitCode = isLost ? EXITS.failed.code : code
  process.off('SIGINT', end)
  process.off('SIGTERM', end)
}

async function ask(question: string, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await lines.question(question, { signal })
  } catch {
    return '' // AbortError: Ctrl-C
  } finally {
    lines.close()
  }
}

/** Runs one command line; resolves with its exit code. Never rejects for a mistake or a refusal. */
export async function runCommand(
  args: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  if (args[0] === 'complete') {
    const words = args.slice(args[1] === '--' ? 2 : 1)
    const lines = complete(words, { commands: COMMANDS, groups: GROUPS })
    for (const line of lines) surroundings.stdout.write(`${line}\n`)
    return EXITS.done.code
  }
  const parsed = parseArguments(args)
  const fail = (line: string): void => void surroundings.stderr.write(`carillon: ${toSafe(line)}\n`)
  if ('help' in parsed) {
    surroundings.stdout.write(parsed.help)
    return EXITS.done.code
  }
  if ('mistake' in parsed) {
    fail(parsed.mistake)
    return EXITS.usage.code
  }
  const { row, given } = parsed
  const options = { isJson: given.has('json'), env: surroundings.env }
  const around: Around = {
    ...surroundings,
    terminal: new Terminal(surroundings, options),
    client: new Client(given, surroundings),
  }
  if (/\/\/[^/]*:[^/]*@/.test(given.text('url') ?? ''))
    fail('a password in --url is shown to everybody by `ps`: CARILLON_URL takes it, too')
  try {
    return (await row.run(given, around)) ?? EXITS.done.code
  } catch (cause) {
    const failure = toFailure(cause)
    for (const line of failure.lines) fail(line)
    return EXITS[failure.exit].code
  }
}

/** A fault of ours is one line, too: nobody who types a command reads a stack. */
function toFailure(cause: unknown): { exit: keyof typeof EXITS; lines: readonly string[] } {
  if (cause instanceof CommandError) return { exit: cause.exit, lines: [cause.message] }
  if (cause instanceof ConfigError) return { exit: 'usage', lines: cause.mistakes }
  if (cause instanceof StoreError) {
    const isUsed = cause.message.includes(': is in use by')
    return { exit: isUsed ? 'unreachable' : 'failed', lines: [cause.message] }
  }
  return { exit: 'failed', lines: [messageOf(cause)] }
}
