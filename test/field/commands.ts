/** Programs of other languages as children: commands that end, and clients that print what they receive. */
import { join } from 'node:path'
import { Inbox } from '../harness'

export type Command = readonly [program: string, ...args: string[]]

/** Installing takes its time where nothing has been fetched yet. */
export const INSTALL_MS = 600_000

const PIP = join(import.meta.dir, 'pip.py')
const FLAGS = ['--quiet', '--no-compile', '--no-deps', '--disable-pip-version-check'] as const

/** Makes an environment of Python, with all that the `requirements.txt` of the working directory pins. */
export const pythonIn = (folder: string): readonly Command[] => [
  ['python3', '-m', 'venv', '--without-pip', folder],
  [`${folder}/bin/python`, PIP, 'install', ...FLAGS, '--requirement', 'requirements.txt'],
]

type Circumstances = {
  /** The folder it runs in. */
  readonly cwd: string
  readonly timeoutMs: number
  readonly variables?: Readonly<Record<string, string>>
}

/** What `npx` passes on of this project's settings, which npm refuses in another one. */
const OF_NPX = 'npm_config_allow_scripts'
const { [OF_NPX]: _, ...inherited } = process.env
/**
 * How Go builds what runs once: without C, optimizations and debug information, in half the CPU time. The same for
 * all programs: the standard library is compiled once.
 */
const GO = {
  GOTOOLCHAIN: 'local', // none but the one that is here
  CGO_ENABLED: '0',
  GOGC: '400', // for the compiler of TypeScript, too, which is written in Go
  GOFLAGS: "-buildvcs=false '-gcflags=all=-N -l -dwarf=false' '-ldflags=-s -w'",
}
/** What runs for seconds is not worth compiling well, nor the threads that collect its garbage. */
export const BRIEF_JAVA = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'] as const
const MAVEN = { MAVEN_OPTS: BRIEF_JAVA.join(' ') }
/** Nothing goes through a proxy. */
export const ENVIRONMENT = { ...inherited, ...GO, ...MAVEN, NO_PROXY: '127.0.0.1' }

/**
 * Runs a command and returns its standard output.
 * @throws Error with the end of its standard error, when it did not exit with 0
 */
export async function execute(
  command: Command,
  { cwd, timeoutMs, variables = {} }: Circumstances,
): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...ENVIRONMENT, ...variables },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: timeoutMs,
  })
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (code === 0) return output
  process.stdout.write(output)
  throw new Error(`${command.join(' ')} exited with ${code}: ${errors.slice(-600).trim()}`)
}

/** A program that prints a line for each thing that happens to it, until it is ended. */
export class LineReader {
  readonly lines = new Inbox<string>()
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'inherit'>

  constructor(command: Command, { cwd, timeoutMs, variables = {} }: Circumstances) {
    this.#child = Bun.spawn([...command], {
      cwd,
      env: { ...ENVIRONMENT, ...variables },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
      timeout: timeoutMs,
    })
    void this.#read()
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const bytes of this.#child.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
      rest = lines.pop()!
      for (const line of lines) this.lines.push(line)
    }
    this.lines.push('its end')
  }

  /** The next `count` lines in the order of the alphabet: channels have no order among each other. */
  async next(count = 1): Promise<string[]> {
    return (await this.lines.take(count, 'a line of the program')).toSorted()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#child.exited
  }
}
