/** The program itself, as a child process. */
import { join } from 'node:path'
import { waitFor } from './harness'

/** A start is the work of seconds, and of several processes where there are workers. */
const PROGRAM_MS = 45_000

const ROOT = join(import.meta.dir, '..')

const COMMAND = [process.execPath, 'src/index.ts']

const isRoot = process.getuid?.() === 0
/** True where a test can drop root's capabilities, or does not have them. */
export const canBeDeprived = !isRoot || Bun.which('setpriv') !== null

/** Makes the command of a program without these capabilities of root. */
export const dropCapabilities = (...capabilities: string[]): string[] => {
  const dropped = capabilities.map((name) => `-${name}`).join(',')
  return isRoot ? ['setpriv', `--bounding-set=${dropped}`, ...COMMAND] : COMMAND
}

type ProgramOptions = { readonly command?: readonly string[]; readonly cwd?: string }

/** A server as a child, on a free port, with nothing of this machine's environment but the path. */
export class Program {
  readonly process: Bun.Subprocess<'ignore', 'pipe', 'pipe'>
  readonly #listening = Promise.withResolvers<number>()
  readonly output: Promise<string>
  readonly errors: Promise<string>
  /** All that it has printed so far. */
  text = ''
  #printed = Promise.withResolvers<void>()

  constructor(
    env: Record<string, string> = {},
    { command = COMMAND, cwd = ROOT }: ProgramOptions = {},
  ) {
    this.process = Bun.spawn([...command], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', PORT: '0', DATABASE_PATH: ':memory:', ...env },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    this.output = this.#read()
    this.errors = new Response(this.process.stderr).text()
  }

  async #read(): Promise<string> {
    const decoder = new TextDecoder()
    for await (const bytes of this.process.stdout) {
      this.text += decoder.decode(bytes)
      this.#printed.resolve()
      this.#printed = Promise.withResolvers<void>()
      const port = /ws:\/\/[^/]+:(\d+)\//.exec(this.text)?.[1]
      if (port && this.text.includes('pusher.subscribe')) this.#listening.resolve(Number(port))
    }
    this.#listening.reject(new Error('the program ended before it listened'))
    return this.text
  }

  /** The port, once the announcement is out. */
  waitUntilListening(): Promise<number> {
    return waitFor('the announcement', this.#listening.promise, PROGRAM_MS)
  }

  /** Resolves once some text was printed. */
  waitForText(text: string): Promise<void> {
    return this.waitUntilPrinted(`the text ${text}`, () => this.text.includes(text))
  }

  /** Resolves once what was printed is as it is waited for; the patience is that for the next line. */
  async waitUntilPrinted(what: string, isDone: () => boolean): Promise<void> {
    while (!isDone()) await waitFor(what, this.#printed.promise, PROGRAM_MS)
  }

  waitForExit(): Promise<number> {
    this.#listening.promise.catch(() => undefined) // programs that may not start are asked for their exit
    return waitFor('the exit', this.process.exited, PROGRAM_MS)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening.promise.catch(() => undefined)
    this.process.kill('SIGKILL')
    await this.process.exited
  }
}
