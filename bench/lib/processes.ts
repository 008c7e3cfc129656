/**
 * Processes of a round: a fresh server, and a load that talks to it. The server gets the first CPU,
 * the load the second, where the system can pin; neither outlives the round or the bench.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Subprocess } from 'bun'
import { HOST, SIDES, type Side } from './app'
import type { LoadOrder, LoadOutcome } from './load'

type Role = 'server' | 'load'
type Running = Subprocess<'ignore', 'ignore' | 'pipe', 'inherit'>

export type BenchServer = AsyncDisposable & { readonly port: number; readonly pid: number }

const LIB = import.meta.dir
const ROOT = join(LIB, '../..')

const READY_MS = 10_000
const POLL_MS = 10
/** Connecting, settling and the end of a load, on top of what it measures. */
const LOAD_GRACE_MS = 60_000

const running = new Set<Running>()

/** No process that the bench started survives it, however it ends. */
export function endWithBench(): void {
  process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')))
  process.on('SIGINT', () => process.exit(130))
  process.on('SIGTERM', () => process.exit(143))
}

/** @throws Error when it does not answer in time */
export async function startServer(side: Side): Promise<BenchServer> {
  const port = freePort()
  const { script, config } = SIDES[side]
  const child = launch('server', [join(ROOT, script)], {
    stdout: 'ignore',
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PORT: String(port),
      HOST,
      DATABASE_PATH: ':memory:',
      CARILLON_LOG_LEVEL: 'error',
      CARILLON_CONFIG: config,
    },
  })
  await answering(port, child)
  return { port, pid: child.pid, [Symbol.asyncDispose]: () => end(child) }
}

/** @throws Error when the load fails or takes too long */
export async function runLoad<Case, Outcome extends LoadOutcome>(
  script: string,
  order: LoadOrder<Case>,
): Promise<Outcome> {
  const timeout = (order.warmUpSeconds + order.seconds) * 1000 + LOAD_GRACE_MS
  const command = [join(LIB, script), JSON.stringify(order)]
  const child = launch('load', command, { stdout: 'pipe', env: process.env, timeout })
  const output = await new Response(child.stdout).text()
  await child.exited
  running.delete(child)
  if (child.exitCode !== 0)
    throw new Error(`the load ended with ${child.exitCode ?? child.signalCode}`)
  return JSON.parse(output) as Outcome
}

/** Whether server and load have a CPU each. */
export const pinned = (): boolean => pin('server').length > 0

type LaunchOptions<Output> = {
  readonly stdout: Output
  readonly env: Record<string, string | undefined>
  readonly timeout?: number
}

function launch<Output extends 'ignore' | 'pipe'>(
  role: Role,
  command: readonly string[],
  options: LaunchOptions<Output>,
): Subprocess<'ignore', Output, 'inherit'> {
  const child = Bun.spawn([...pin(role), process.execPath, '--no-env-file', ...command], {
    cwd: ROOT,
    stdin: 'ignore',
    stderr: 'inherit',
    killSignal: 'SIGKILL',
    ...options,
  })
  running.add(child)
  return child
}

async function end(child: Running): Promise<void> {
  child.kill('SIGKILL') // nothing is kept, so nothing needs a goodbye
  await child.exited
  running.delete(child)
}

function pin(role: Role): readonly string[] {
  const [first, second] = allowedCpus()
  if (second === undefined || !Bun.which('taskset')) return []
  return ['taskset', '-c', String(role === 'server' ? first : second)]
}

/** The CPUs that this process may use; `0-3,8` in the system's words. */
function allowedCpus(): readonly number[] {
  const line = /^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))
  return (line?.[1] ?? '').split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
}

function freePort(): number {
  const probe = Bun.listen({ hostname: HOST, port: 0, socket: { data() {} } })
  const { port } = probe
  probe.stop(true)
  return port
}

async function answering(port: number, child: Running): Promise<void> {
  const deadline = performance.now() + READY_MS
  while (performance.now() < deadline && child.exitCode === null) {
    if (await isUp(port)) return
    await Bun.sleep(POLL_MS)
  }
  await end(child)
  throw new Error(`a server did not answer GET /up on port ${port}`)
}

async function isUp(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://${HOST}:${port}/up`)).ok
  } catch {
    return false // ConnectionRefused: it does not listen yet
  }
}
