/**
 * One `redis-server` (or `valkey-server`) as a child: on a free port, data in a folder of its own, ended by its pid.
 * It does not outlive this process.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFreePort, reinCommand } from '../../bench/lib/processes'
import { makeScratch, removeScratch } from '../../bench/lib/scratch'

/** The program, and what speaks to it from the command line. */
export type RedisProgram = 'redis-server' | 'valkey-server'

const ROOT = join(import.meta.dir, '../..')
export const CERT = join(ROOT, 'test/tls/first.crt')
const KEY = join(ROOT, 'test/tls/first.key')

/**
 * The programs that are installed: tests of N nodes run over each. `CARILLON_TEST_REDIS` names the only one.
 */
export function findRedisPrograms(): readonly RedisProgram[] {
  const wanted = process.env['CARILLON_TEST_REDIS']
  const known = ['redis-server', 'valkey-server'] as const
  return known.filter((name) => (wanted === undefined || wanted === name) && Bun.which(name))
}

export type ProcessOptions = {
  readonly program: RedisProgram
  /** Lines of its configuration, on top of the port and the folder. */
  readonly lines?: readonly string[]
  readonly tls?: boolean
  /** Every write is on disk before it is answered. */
  readonly persistent?: boolean
  /** Of the default user. */
  readonly password?: string | undefined
  readonly isSentinel?: boolean
}

/** How often it is looked for. */
const LOOK_MS = 5
/** It reads all that is on disk before it answers, on machines that are busy. */
const READY_MS = 60_000

const running = new Set<Bun.Subprocess>()
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')))
process.on('exit', removeScratch)

export class RedisProcess {
  readonly port = findFreePort()
  readonly #folder = makeScratch()
  readonly #options: ProcessOptions
  #child: Bun.Subprocess | undefined

  constructor(options: ProcessOptions) {
    this.#options = options
    writeFileSync(this.#file, this.#lines().join('\n'))
  }

  get #file(): string {
    return join(this.#folder.path, 'redis.conf')
  }

  #lines(): string[] {
    const { tls, persistent, password, isSentinel, lines = [] } = this.#options
    const { port } = this
    const { path } = this.#folder
    const common = ['bind 127.0.0.1', `dir ${path}`, `logfile ${path}/log`]
    if (isSentinel) return [...common, `port ${port}`, ...lines]
    const files = [`tls-cert-file ${CERT}`, `tls-key-file ${KEY}`, `tls-ca-cert-file ${CERT}`]
    return [
      ...common,
      ...(tls ? ['port 0', `tls-port ${port}`, ...files, 'tls-auth-clients no'] : [`port ${port}`]),
      'enable-debug-command local',
      'save ""',
      'repl-diskless-sync-delay 0',
      `appendonly ${persistent ? 'yes' : 'no'}`,
      'appendfsync always',
      ...(password === undefined ? [] : [`requirepass ${password}`, `masterauth ${password}`]),
      ...lines,
    ]
  }

  /** The process, to be killed by; undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** @throws Error with the end of its log where it does not answer */
  async start(): Promise<void> {
    const { program, isSentinel } = this.#options
    const command = [...reinCommand(), program, this.#file, ...(isSentinel ? ['--sentinel'] : [])]
    const ignored = { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' } as const
    const child = Bun.spawn(command, { cwd: this.#folder.path, ...ignored })
    running.add(child)
    this.#child = child
    const end = performance.now() + READY_MS
    while (child.exitCode === null && performance.now() < end) {
      if (await this.#isUp()) return
      await Bun.sleep(LOOK_MS)
    }
    const log = await Bun.file(join(this.#folder.path, 'log')).text()
    throw new Error(`${program} does not answer on port ${this.port}: ${log.slice(-600)}`)
  }

  /** It has read all that it had on disk: before, commands are answered with LOADING. */
  async #isUp(): Promise<boolean> {
    const answer = await this.#ask(['ping'])
    return /^(PONG|NOAUTH|NOPERM)/m.test(answer.output)
  }

  /** Ends at once, as a crash does. */
  async kill(): Promise<void> {
    const child = this.#child
    if (!child) return
    this.#child = undefined
    child.kill('SIGKILL')
    await child.exited
    running.delete(child)
  }

  /** Stands still, with its connections open. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Runs `redis-cli` with these arguments, and returns what it prints. @throws Error for what Redis refuses */
  async cli(...args: string[]): Promise<string> {
    const { output, errors, code } = await this.#ask(args)
    if (code !== 0) throw new Error(`${args.join(' ')}: ${errors}${output}`)
    return output.trimEnd()
  }

  async #ask(args: readonly string[]) {
    const { program, tls, password } = this.#options
    const options = ['-e', '-h', '127.0.0.1', '-p', String(this.port)]
    if (tls) options.push('--tls', '--cacert', CERT, '--insecure')
    const child = Bun.spawn([program.replace('server', 'cli'), ...options, ...args], {
      env: { PATH: process.env['PATH'], ...(password && { REDISCLI_AUTH: password }) },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const texts = [new Response(child.stdout).text(), new Response(child.stderr).text()] as const
    const [output, errors, code] = await Promise.all([...texts, child.exited])
    return { output, errors, code }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    this.#folder[Symbol.dispose]()
  }
}
